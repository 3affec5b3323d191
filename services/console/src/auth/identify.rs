//! From what a request shows to who is asking.

use std::net::IpAddr;

use actix_web::{HttpRequest, web};
use citytrack_access::{AdministratorToken, ApiToken, Grant, Roles, SessionSecret, TokenError, ViewerTokens};
use citytrack_common::{
    Problem,
    http::{self, TrustedProxies},
};
use citytrack_domain::Clock;
use citytrack_storage::{Database, api_tokens, sessions, users::StoredRole};
use tracing::error;

use super::{Principal, SignedIn, cookie, forgery};
use crate::{error::problem, settings::SessionRules};

/// Who sent `request`.
pub(super) async fn identify(request: &HttpRequest) -> Result<Principal, Problem> {
    if let Some(token) = http::bearer(request) {
        return bearer(request, token).await;
    }
    let unknown = || Problem::unauthorized("sign in, or send a token as `Authorization: Bearer …`");
    let secret = cookie::read(request)?.ok_or_else(unknown)?;
    // Before the look-up, and whoever it is: another site learns nothing about whether somebody is signed in.
    forgery::check(request, &secret)?;
    let signed_in = session(request, &secret).await?.ok_or_else(unknown)?;
    Principal::user(signed_in, address(request)?)
}

async fn session(request: &HttpRequest, secret: &SessionSecret) -> Result<Option<SignedIn>, Problem> {
    let database = dependency::<Database>(request)?;
    let idle = dependency::<SessionRules>(request)?.idle;
    let now = dependency::<Clock>(request)?.now();
    let hash = secret.hash();
    let found = sessions::find(database, &hash, now, idle).await.map_err(problem)?;
    Ok(found.map(|session| SignedIn {
        user: session.user,
        session: hash,
        csrf_token: secret.csrf_token(),
        expires_at: session.expires_at.min(now + idle),
    }))
}

/// Roles as they are stored.
pub(crate) fn roles(stored: &[StoredRole]) -> Result<Roles, Problem> {
    let grant = |stored: &StoredRole| {
        let role = stored.role.parse().map_err(|_| {
            error!(role = stored.role, "a role that is stored is none");
            Problem::internal()
        })?;
        let venue = stored.venue.clone();
        Ok(Grant { venue, role })
    };
    stored.iter().map(grant).collect()
}

async fn bearer(request: &HttpRequest, token: &str) -> Result<Principal, Problem> {
    let address = address(request)?;
    if dependency::<AdministratorToken>(request)?.matches(token) {
        return Ok(Principal::administrator_token(address));
    }
    let now = dependency::<Clock>(request)?.now();
    if let Ok(token) = ApiToken::parse(token) {
        let database = dependency::<Database>(request)?;
        let found = api_tokens::verify(database, &token.hash(), now)
            .await
            .map_err(problem)?;
        let token =
            found.ok_or_else(|| Problem::unauthorized("the API token is unknown, was revoked, or has expired"))?;
        api_tokens::used(database, token.id, now).await.map_err(problem)?;
        return Principal::api_token(token, address);
    }
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
