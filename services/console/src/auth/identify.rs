//! From what a request shows to who is asking.

use std::net::IpAddr;

use actix_web::{HttpRequest, web};
use citytrack_access::{AdministratorToken, TokenError, ViewerTokens};
use citytrack_common::{
    Problem,
    http::{self, TrustedProxies},
};
use citytrack_domain::Clock;

use super::Principal;

/// Who sent `request`.
pub(super) async fn identify(request: &HttpRequest) -> Result<Principal, Problem> {
    match http::bearer(request) {
        Some(token) => bearer(request, token),
        None => Err(Problem::unauthorized(
            "sign in, or send a token as `Authorization: Bearer …`",
        )),
    }
}

fn bearer(request: &HttpRequest, token: &str) -> Result<Principal, Problem> {
    let address = address(request)?;
    if dependency::<AdministratorToken>(request)?.matches(token) {
        return Ok(Principal::administrator_token(address));
    }
    let now = dependency::<Clock>(request)?.now();
    let verified = dependency::<ViewerTokens>(request)?.verify(token, now);
    let token = verified.map_err(|error| match error {
        TokenError::Expired => Problem::unauthorized("the viewer token has expired"),
        TokenError::Invalid => Problem::unauthorized("the token is not a valid one"),
    })?;
    Ok(Principal::viewer_token(token, address))
}

/// Where `request` came from, seen past the proxies that are trusted.
pub(crate) fn address(request: &HttpRequest) -> Result<Option<IpAddr>, Problem> {
    let trusted = dependency::<TrustedProxies>(request)?;
    let peer = request.peer_addr().map(|peer| peer.ip());
    Ok(http::client_address(request.headers(), peer, trusted))
}

/// Something that the application was put together with.
pub(crate) fn dependency<T: 'static>(request: &HttpRequest) -> Result<&web::Data<T>, Problem> {
    request.app_data::<web::Data<T>>().ok_or_else(Problem::internal)
}
