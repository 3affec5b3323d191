//! Signing in and out, and what a session is worth.

use citytrack_access::{Venues, ViewerTokens};
use citytrack_domain::{Clock, Slug};
use jiff::{SignedDuration, Timestamp};
use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, COOKIE, RETRY_AFTER, SET_COOKIE},
};
use serde_json::{Value, json};

use crate::{
    browser::PASSWORD,
    console::{ADMINISTRATOR, Console, VIEWER_SECRET, answer},
};

const SESSION: &str = "/api/v1/session";

#[tokio::test]
async fn a_user_signs_in_and_out() {
    let console = Console::start().await;
    let user = console.user("anna", &[("*", "operator")]).await;
    let answered = console.try_sign_in(" Anna ", PASSWORD).await;
    let cookie = answered.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(pair.split_once('=').unwrap().0, "citytrack_session");
    let mut attributes: Vec<_> = attributes.split("; ").collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Lax"]);
    assert_eq!(answered.headers()["cache-control"], "no-store");

    let browser = console.browser(answered).await;
    let expected = json!({
        "user": {"id": user["id"], "name": "anna", "display_name": "anna"},
        "roles": [{"venue": null, "role": "operator"}],
        "csrf_token": browser.csrf_token,
        "expires_at": "2026-11-22T22:00:00Z",
        "viewer_token": browser.session["viewer_token"],
        "viewer_token_expires_at": "2026-11-22T10:15:00Z",
    });
    assert_eq!(browser.session, expected);
    let (status, mut again) = browser.get(SESSION).await;
    again["viewer_token"] = expected["viewer_token"].clone();
    assert_eq!((status, again), (StatusCode::OK, expected));

    let out = browser.request(Method::DELETE, SESSION).send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    let removed = out.headers()[SET_COOKIE].to_str().unwrap();
    assert!(
        removed.starts_with("citytrack_session=;") && removed.contains("Max-Age=0"),
        "{removed}"
    );
    assert_eq!(
        browser.get(SESSION).await.0,
        StatusCode::UNAUTHORIZED,
        "the secret is worth nothing any more"
    );
}

#[tokio::test]
async fn a_session_is_asked_of_nobody_else() {
    let console = Console::start().await;
    let other = format!("citytrack_session={}", "A".repeat(43));
    for (name, value) in [
        (COOKIE, "other=1"),
        (COOKIE, "citytrack_session="),
        (COOKIE, "citytrack_session=nonsense"),
        (COOKIE, &other),
        (AUTHORIZATION, &format!("Bearer {ADMINISTRATOR}")),
    ] {
        for (method, path) in [
            (Method::GET, SESSION),
            (Method::DELETE, SESSION),
            (Method::PUT, "/api/v1/session/password"),
        ] {
            let request = console.request(method.clone(), path).header(name.clone(), value);
            let status = request.json(&json!({})).send().await.unwrap().status();
            let is_forged = value == other && method != Method::GET;
            let expected = if is_forged {
                StatusCode::FORBIDDEN
            } else {
                StatusCode::UNAUTHORIZED
            };
            assert_eq!(status, expected, "{method} {path} {value}");
        }
    }
}

#[tokio::test]
async fn behind_tls_the_cookie_goes_nowhere_else() {
    let console = Console::start().await;
    console.user("anna", &[("*", "viewer")]).await;
    let credentials = json!({"name": "anna", "password": PASSWORD});
    let secure = |request: reqwest::RequestBuilder| request.header("x-forwarded-proto", "https");
    let answered = secure(console.request(Method::POST, SESSION))
        .json(&credentials)
        .send()
        .await
        .unwrap();
    let cookie = answered.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-citytrack_session="), "{cookie}");
    for attribute in ["Secure", "HttpOnly", "Path=/", "SameSite=Lax"] {
        assert!(
            cookie.split("; ").any(|part| part == attribute),
            "{attribute}: {cookie}"
        );
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(answered.headers()["strict-transport-security"], "max-age=31536000");

    let browser = console.browser(answered).await;
    assert_eq!(
        answer(secure(browser.request(Method::GET, SESSION))).await.0,
        StatusCode::OK
    );
    let plain_name = browser.cookie.replace("__Host-", "");
    let planted = secure(console.request(Method::GET, SESSION)).header(COOKIE, plain_name);
    assert_eq!(
        answer(planted).await.0,
        StatusCode::UNAUTHORIZED,
        "over TLS only the name that nobody can plant counts"
    );
    let plain = console.request(Method::GET, "/").send().await.unwrap();
    assert_eq!(plain.headers().get("strict-transport-security"), None);
}

#[tokio::test]
async fn a_change_needs_the_token_of_its_session() {
    let console = Console::start().await;
    let anna = console.signed_in("anna", &[("*", "admin")]).await;
    let boris = console.signed_in("boris", &[("*", "admin")]).await;
    let venue = json!({"slug": "demo", "name": "Demo", "time_zone": "UTC"});
    let create = || anna.cookie_alone(Method::POST, "/api/v1/venues").json(&venue);
    let secret = anna.cookie.split_once('=').unwrap().1;
    for token in [None, Some(""), Some("x"), Some(boris.csrf_token.as_str()), Some(secret)] {
        let request = match token {
            Some(token) => create().header("x-csrf-token", token),
            None => create(),
        };
        let (status, problem) = answer(request).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::FORBIDDEN, &json!("/problems/csrf-token")),
            "{token:?}"
        );
    }
    for (method, path) in [
        (Method::DELETE, SESSION),
        (Method::PUT, "/api/v1/session/password"),
        (Method::PATCH, "/api/v1/venues/demo"),
        (Method::DELETE, "/api/v1/venues/demo"),
    ] {
        let (status, problem) = answer(anna.cookie_alone(method.clone(), path).json(&json!({}))).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::FORBIDDEN, &json!("/problems/csrf-token")),
            "{method} {path}"
        );
    }
    assert_eq!(
        console.get("/api/v1/venues").await.1,
        json!({"venues": []}),
        "nothing has happened"
    );
    assert_eq!(
        anna.ask(Method::POST, "/api/v1/venues", venue.clone()).await.0,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let console = Console::start().await;
    let anna = console.signed_in("anna", &[("*", "admin")]).await;
    let credentials = json!({"name": "anna", "password": PASSWORD});
    let own = console.address().to_owned();
    for (headers, is_ours) in [
        (vec![("sec-fetch-site", "cross-site")], false),
        (vec![("sec-fetch-site", "same-site")], false),
        (vec![("sec-fetch-site", "same-origin"), ("origin", own.as_str())], true),
        (vec![("sec-fetch-site", "none")], true),
        (vec![("origin", "https://evil.example")], false),
        (vec![("origin", "null")], false),
        (vec![("origin", own.as_str())], true),
        (
            vec![("origin", "https://city.example"), ("x-forwarded-host", "city.example")],
            true,
        ),
    ] {
        let with = |request: reqwest::RequestBuilder| {
            headers
                .iter()
                .fold(request, |request, (name, value)| request.header(*name, *value))
        };
        let signs_in = answer(with(console.request(Method::POST, SESSION)).json(&credentials))
            .await
            .0;
        assert_eq!(signs_in == StatusCode::OK, is_ours, "{headers:?}");
        let change = with(anna.request(Method::POST, "/api/v1/venues")).json(&json!({}));
        let expected = if is_ours {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::FORBIDDEN
        };
        assert_eq!(answer(change).await.0, expected, "{headers:?}");
        assert_eq!(
            answer(with(anna.request(Method::GET, SESSION))).await.0,
            StatusCode::OK,
            "reading is harmless"
        );
    }
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let console = Console::start().await;
    let idle = console.signed_in("idle", &[("*", "viewer")]).await;
    let busy = console.signed_in("busy", &[("*", "viewer")]).await;
    let hours = SignedDuration::from_hours;
    console.clock.advance(hours(12) - SignedDuration::from_secs(1));
    assert_eq!(
        busy.get(SESSION).await.1["expires_at"],
        "2026-11-23T09:59:59Z",
        "it is in use"
    );
    console.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(idle.get(SESSION).await.0, StatusCode::UNAUTHORIZED);
    for _ in 0..14 {
        console.clock.advance(hours(11));
        assert_eq!(busy.get(SESSION).await.0, StatusCode::OK);
    }
    // 12 + 14 × 11 hours; the seventh day ends after 168.
    console.clock.advance(hours(2) - SignedDuration::from_secs(1));
    assert_eq!(busy.get(SESSION).await.1["expires_at"], "2026-11-29T10:00:00Z");
    console.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(
        busy.get(SESSION).await.0,
        StatusCode::UNAUTHORIZED,
        "however much it was used"
    );
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let console = Console::start().await;
    let before = console.signed_in("anna", &[("*", "viewer")]).await;
    let elsewhere = console.sign_in("anna").await;
    let again = before.cookie_alone(Method::POST, SESSION);
    let credentials = json!({"name": "anna", "password": PASSWORD});
    let after = console.browser(again.json(&credentials).send().await.unwrap()).await;
    assert_ne!((&after.cookie, &after.csrf_token), (&before.cookie, &before.csrf_token));
    assert_eq!(before.get(SESSION).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(after.get(SESSION).await.0, StatusCode::OK);
    assert_eq!(
        elsewhere.get(SESSION).await.0,
        StatusCode::OK,
        "another browser is another session"
    );
}

#[tokio::test]
async fn who_guesses_has_to_wait() {
    let console = Console::start().await;
    console.user("anna", &[("*", "viewer")]).await;
    let wrong = async |name: &str| console.try_sign_in(name, "wrong horse battery").await;
    let mut texts = Vec::new();
    for name in ["anna", "nobody"] {
        for _ in 0..6 {
            let refused = wrong(name).await;
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{name}");
            texts.push(refused.text().await.unwrap());
        }
        let blocked = wrong(name).await;
        assert_eq!(blocked.status(), StatusCode::TOO_MANY_REQUESTS, "{name}");
        assert_eq!(blocked.headers()[RETRY_AFTER], "1");
        let problem: Value = blocked.json().await.unwrap();
        assert_eq!(problem["type"], "/problems/too-many-attempts");
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "whether there is such a user is not told: {texts:?}");
    let right = console.try_sign_in("ANNA", PASSWORD).await;
    assert_eq!(right.status(), StatusCode::TOO_MANY_REQUESTS, "also who knows it waits");

    // Another instance of the console knows it, too.
    let other = console.another().await;
    assert_eq!(
        other.try_sign_in("anna", PASSWORD).await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );

    console.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(wrong("anna").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(wrong("anna").await.headers()[RETRY_AFTER], "2", "twice as long");
    console.clock.advance(SignedDuration::from_secs(2));
    assert_eq!(console.try_sign_in("anna", PASSWORD).await.status(), StatusCode::OK);
    for _ in 0..5 {
        assert_eq!(wrong("anna").await.status(), StatusCode::UNAUTHORIZED, "it begins anew");
    }
}

#[tokio::test]
async fn an_address_that_guesses_many_names_has_to_wait() {
    let console = Console::start().await;
    console.user("anna", &[("*", "viewer")]).await;
    let from = |address: &str| {
        console
            .request(Method::POST, SESSION)
            .header("x-forwarded-for", address)
    };
    let status = async |address: &str, name: &str| {
        let credentials = json!({"name": name, "password": PASSWORD});
        answer(from(address).json(&credentials)).await.0
    };
    for attempt in 0..21 {
        // Of an IPv6 network one has all addresses.
        let address = format!("2001:db8::{attempt:x}");
        assert_eq!(
            status(&address, &format!("guess-{attempt}")).await,
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(status("2001:db8::ffff", "anna").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        status("2001:db8:0:1::1", "anna").await,
        StatusCode::OK,
        "others need not wait"
    );
    console.clock.advance(SignedDuration::from_mins(61));
    assert_eq!(
        status("2001:db8::ffff", "anna").await,
        StatusCode::OK,
        "it is forgotten"
    );
}

#[tokio::test]
async fn attempts_at_once_are_counted_one_by_one() {
    let console = Console::start().await;
    console.user("anna", &[("*", "viewer")]).await;
    let attempts = (0..20).map(|_| console.try_sign_in("anna", "wrong horse battery"));
    let statuses: Vec<_> = futures_util::future::join_all(attempts)
        .await
        .into_iter()
        .map(|answer| answer.status())
        .collect();
    let looked_at = statuses
        .iter()
        .filter(|status| **status == StatusCode::UNAUTHORIZED)
        .count();
    assert_eq!(looked_at, 6, "{statuses:?}");
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_nobodys() {
    let console = Console::start().await;
    for name in ["\u{0}", "", "a b", "é"] {
        for _ in 0..6 {
            let refused = console.try_sign_in(name, PASSWORD).await;
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{name:?}");
            // By account only: an address has no more attempts than this without a wait.
            let forget = "delete from sign_in_throttle where attempts > 6";
            console
                .test
                .database
                .client()
                .await
                .unwrap()
                .execute(forget, &[])
                .await
                .unwrap();
        }
        let blocked = console.try_sign_in(name, PASSWORD).await;
        assert_eq!(
            blocked.status(),
            StatusCode::TOO_MANY_REQUESTS,
            "{name:?}: it is counted"
        );
    }
}

#[tokio::test]
async fn attempts_that_nobody_looked_at_are_not_counted() {
    let console = Console::start().await;
    let attempts = (0..150).map(|attempt| {
        let credentials = json!({"name": format!("guess-{attempt}"), "password": PASSWORD});
        let request = console.request(Method::POST, SESSION);
        let request = request.header("x-forwarded-for", format!("192.0.2.{attempt}"));
        answer(request.json(&credentials))
    });
    let answers = futures_util::future::join_all(attempts).await;
    let with = |expected| answers.iter().filter(|(status, _)| *status == expected).count();
    let looked_at = with(StatusCode::UNAUTHORIZED);
    assert_eq!(with(StatusCode::SERVICE_UNAVAILABLE), 150 - looked_at);
    assert!(looked_at < 150, "the desk was never full");
    let client = console.test.database.client().await.unwrap();
    let question = "select sum(attempts) from sign_in_throttle";
    let counted: i64 = client.query_one(question, &[]).await.unwrap().get(0);
    assert_eq!(
        usize::try_from(counted).unwrap(),
        2 * looked_at,
        "each by name and by address"
    );
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_it() {
    let console = Console::start().await;
    let here = console.signed_in("anna", &[("*", "viewer")]).await;
    let elsewhere = console.sign_in("anna").await;
    let path = "/api/v1/session/password";
    let new = "another horse battery";
    let (status, refused) = here
        .ask(Method::PUT, path, json!({"current": "wrong", "new": new}))
        .await;
    assert_eq!(
        (status, &refused["violations"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/current"))
    );
    for weak in ["short", "anna anna anna", "aaaaaaaaaaaaaaaa"] {
        let (status, refused) = here
            .ask(Method::PUT, path, json!({"current": PASSWORD, "new": weak}))
            .await;
        assert_eq!(
            (status, &refused["violations"][0]["pointer"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("/new")),
            "{weak}"
        );
    }
    assert_eq!(elsewhere.get(SESSION).await.0, StatusCode::OK);
    let wanted = json!({"current": PASSWORD, "new": new});
    let changed = here.request(Method::PUT, path).json(&wanted).send().await.unwrap();
    assert_eq!(changed.status(), StatusCode::NO_CONTENT);
    let after = here.after(&changed).await;
    assert_ne!((&after.cookie, &after.csrf_token), (&here.cookie, &here.csrf_token));
    assert_eq!(after.session["expires_at"], here.session["expires_at"]);
    assert_eq!(
        here.get(SESSION).await.0,
        StatusCode::UNAUTHORIZED,
        "the old secret is worth nothing any more"
    );
    assert_eq!(
        elsewhere.get(SESSION).await.0,
        StatusCode::UNAUTHORIZED,
        "the other sessions have ended"
    );
    assert_eq!(
        console.try_sign_in("anna", PASSWORD).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(console.try_sign_in("anna", new).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_viewer_token_shows_what_the_user_may_see() {
    let console = Console::start().await;
    for slug in ["demo", "hall"] {
        console
            .create(
                "/api/v1/venues",
                json!({"slug": slug, "name": slug, "time_zone": "UTC"}),
            )
            .await;
    }
    let tokens = ViewerTokens::new(&VIEWER_SECRET.into());
    let clock = Clock::Manual(console.clock.clone());
    let everywhere = console
        .signed_in("everywhere", &[("*", "viewer"), ("demo", "admin")])
        .await;
    let there = console
        .signed_in("there", &[("demo", "operator"), ("hall", "viewer")])
        .await;
    let nowhere = console.signed_in("nowhere", &[]).await;
    let named = ["demo", "hall"].map(|slug| Slug::new(slug).unwrap()).to_vec();
    for (browser, venues) in [(&everywhere, Venues::All), (&there, Venues::Named(named))] {
        let token = browser.session["viewer_token"].as_str().unwrap();
        let verified = tokens.verify(token, clock.now()).unwrap();
        assert_eq!(verified.venues, venues);
        let end: Timestamp = "2026-11-22T10:15:00Z".parse().unwrap();
        assert_eq!(verified.expires_at, end);
        let listed = answer(console.request(Method::GET, "/api/v1/venues").bearer_auth(token))
            .await
            .1;
        assert_eq!(listed["venues"].as_array().unwrap().len(), 2);
    }
    assert_eq!(
        (
            &nowhere.session["viewer_token"],
            &nowhere.session["viewer_token_expires_at"]
        ),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(nowhere.get("/api/v1/venues").await.1, json!({"venues": []}));
}
