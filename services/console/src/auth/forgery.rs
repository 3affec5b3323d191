//! Requests that another site makes a browser send, with the cookie of somebody who is signed in here.

use actix_web::{
    HttpRequest,
    http::{
        Uri,
        header::{self, HeaderMap, HeaderName},
    },
};
use citytrack_access::SessionSecret;
use citytrack_common::{Problem, http::TrustedProxies};

use super::identify::dependency;

const CSRF_TOKEN: &str = "x-csrf-token";
const FETCH_SITE: &str = "sec-fetch-site";
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Refuses a change with the cookie of a session that does not show the token of that session, too.
pub(super) fn check(request: &HttpRequest, secret: &SessionSecret) -> Result<(), Problem> {
    if request.method().is_safe() {
        return Ok(());
    }
    same_site(request)?;
    let shown = request.headers().get(CSRF_TOKEN);
    if shown.is_some_and(|shown| secret.csrf_matches(shown.as_bytes())) {
        Ok(())
    } else {
        Err(Problem::new(
            actix_web::http::StatusCode::FORBIDDEN,
            "csrf-token",
            "Not allowed",
            "a change needs the header `X-CSRF-Token` with the `csrf_token` of GET /api/v1/session",
        ))
    }
}

/// Refuses what a page of another site sent, as far as the browser tells. Programs tell nothing, and are no browsers.
pub(crate) fn same_site(request: &HttpRequest) -> Result<(), Problem> {
    let headers = request.headers();
    let is_ours = match text(headers, &HeaderName::from_static(FETCH_SITE)) {
        Some(site) => matches!(site, "same-origin" | "none"),
        // Browsers leave it out on plain HTTP; then the origin tells.
        None => match text(headers, &header::ORIGIN) {
            Some(origin) => is_own(request, origin)?,
            None => true,
        },
    };
    if is_ours {
        Ok(())
    } else {
        Err(Problem::forbidden("a page of another site asked for this"))
    }
}

/// Whether an origin is of the host that was asked, by whatever name a trusted proxy knows it.
fn is_own(request: &HttpRequest, origin: &str) -> Result<bool, Problem> {
    let authority = origin.parse::<Uri>().ok().and_then(|uri| uri.authority().cloned());
    let Some(authority) = authority else {
        return Ok(false);
    };
    let trusted = dependency::<TrustedProxies>(request)?;
    let has_proxy = request
        .peer_addr()
        .is_some_and(|peer| trusted.contains(peer.ip().to_canonical()));
    let forwarded = text(request.headers(), &FORWARDED_HOST).filter(|_| has_proxy);
    let host = text(request.headers(), &header::HOST);
    Ok([forwarded, host]
        .into_iter()
        .flatten()
        .any(|host| host.eq_ignore_ascii_case(authority.as_str())))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    // What cannot be read is not ours.
    headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"))
}
