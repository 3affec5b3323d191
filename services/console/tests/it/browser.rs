//! Somebody with a browser: a cookie jar, the token against forged requests, and the headers that a browser sends.

use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{COOKIE, SET_COOKIE},
};
use serde_json::{Value, json};

use crate::console::{Console, answer};

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Browser<'a> {
    console: &'a Console,
    /// `name=value`, as the browser keeps it.
    pub(crate) cookie: String,
    pub(crate) csrf_token: String,
    pub(crate) session: Value,
}

impl Console {
    /// Creates a user with the [`PASSWORD`] and these roles: `("*", "admin")`.
    pub(crate) async fn user(&self, name: &str, roles: &[(&str, &str)]) -> Value {
        self.create(
            "/api/v1/users",
            json!({"name": name, "display_name": name, "password": PASSWORD, "roles": as_sent(roles)}),
        )
        .await
    }

    /// Tries to sign in.
    pub(crate) async fn try_sign_in(&self, name: &str, password: &str) -> Response {
        let request = self.request(Method::POST, "/api/v1/session");
        let credentials = json!({"name": name, "password": password});
        request.json(&credentials).send().await.unwrap()
    }

    /// Signs in with the [`PASSWORD`].
    pub(crate) async fn sign_in(&self, name: &str) -> Browser<'_> {
        self.browser(self.try_sign_in(name, PASSWORD).await).await
    }

    /// The browser that got this answer.
    pub(crate) async fn browser(&self, signed_in: Response) -> Browser<'_> {
        assert_eq!(signed_in.status(), StatusCode::OK);
        let cookie = signed_in.headers()[SET_COOKIE].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let session: Value = signed_in.json().await.unwrap();
        Browser {
            console: self,
            cookie,
            csrf_token: session["csrf_token"].as_str().unwrap().to_owned(),
            session,
        }
    }

    /// Creates a user with these roles and signs it in.
    pub(crate) async fn signed_in(&self, name: &str, roles: &[(&str, &str)]) -> Browser<'_> {
        self.user(name, roles).await;
        self.sign_in(name).await
    }
}

impl Browser<'_> {
    /// The same browser after an answer with another cookie.
    pub(crate) async fn after(&self, answered: &Response) -> Self {
        let cookie = answered.headers()[SET_COOKIE].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let request = self.console.request(Method::GET, "/api/v1/session");
        let (status, session) = answer(request.header(COOKIE, &cookie)).await;
        assert_eq!(status, StatusCode::OK);
        let csrf_token = session["csrf_token"].as_str().unwrap().to_owned();
        Self {
            console: self.console,
            cookie,
            csrf_token,
            session,
        }
    }

    /// A request with the cookie, and for a change with the token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let is_safe = method.is_safe();
        let request = self.cookie_alone(method, path);
        if is_safe {
            request
        } else {
            request.header("x-csrf-token", &self.csrf_token)
        }
    }

    /// A request that shows nothing but the cookie.
    pub(crate) fn cookie_alone(&self, method: Method, path: &str) -> RequestBuilder {
        self.console.request(method, path).header(COOKIE, &self.cookie)
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        answer(self.request(method, path).json(&body)).await
    }

    pub(crate) fn id(&self) -> &str {
        self.session["user"]["id"].as_str().unwrap()
    }
}

/// Roles on the wire; `*` is all venues.
pub(crate) fn as_sent(roles: &[(&str, &str)]) -> Value {
    let role = |(venue, role): &(&str, &str)| {
        let venue = Some(*venue).filter(|venue| *venue != "*");
        json!({"venue": venue, "role": role})
    };
    roles.iter().map(role).collect()
}
