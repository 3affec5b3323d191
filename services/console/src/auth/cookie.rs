//! The cookie that holds the secret of a session.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite},
};
use citytrack_access::SessionSecret;
use citytrack_common::{
    Problem,
    http::{self, TrustedProxies},
};

use super::identify::dependency;

const NAME: &str = "citytrack_session";
/// Browsers take a cookie of this name only over TLS, from this very host, for all of it (RFC 6265bis): nothing that listens
/// in or sits on a neighbouring name can put its own in the place.
const SECURE_NAME: &str = "__Host-citytrack_session";

/// Whether the client of `request` spoke TLS.
pub(crate) fn is_secure(request: &HttpRequest) -> Result<bool, Problem> {
    let trusted = dependency::<TrustedProxies>(request)?;
    let peer = request.peer_addr().map(|peer| peer.ip());
    Ok(http::came_over_tls(request.headers(), peer, trusted))
}

/// The secret that came with `request`.
pub(crate) fn read(request: &HttpRequest) -> Result<Option<SessionSecret>, Problem> {
    let cookie = request.cookie(name(is_secure(request)?));
    Ok(cookie.and_then(|cookie| SessionSecret::parse(cookie.value())))
}

/// The cookie for the answer to `request`. The browser forgets it after `longest`, when the session has ended anyway.
pub(crate) fn holding(
    request: &HttpRequest,
    secret: &SessionSecret,
    longest: Duration,
) -> Result<Cookie<'static>, Problem> {
    let mut cookie = empty(request)?;
    cookie.set_value(secret.expose().to_owned());
    cookie.set_max_age(actix_web::cookie::time::Duration::try_from(longest).ok());
    Ok(cookie)
}

/// A cookie in whose place the browser keeps none.
pub(crate) fn removal(request: &HttpRequest) -> Result<Cookie<'static>, Problem> {
    let mut cookie = empty(request)?;
    cookie.make_removal();
    Ok(cookie)
}

fn empty(request: &HttpRequest) -> Result<Cookie<'static>, Problem> {
    let is_secure = is_secure(request)?;
    Ok(Cookie::build(name(is_secure), "")
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_secure)
        .finish())
}

fn name(is_secure: bool) -> &'static str {
    if is_secure { SECURE_NAME } else { NAME }
}
