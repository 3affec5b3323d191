//! `/api/v1/api-tokens`

use std::time::Duration;

use actix_web::{HttpResponse, web};
use citytrack_access::{ApiToken, Right, Roles};
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{Clock, new_id};
use citytrack_storage::{
    Database,
    api_tokens::{self, NewToken},
};
use jiff::Timestamp;
use serde::Serialize;
use tracing::info;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    created, parse_ttl,
    roles::{RoleBody, check_grants, roles_of, stored},
};
use crate::{
    auth::{Principal, identify},
    body::{Body, Fields, Refused, display_name},
    error::problem,
    schema::NewApiToken,
};

const USUAL_TTL: Duration = Duration::from_hours(90 * 24);
const LONGEST_TTL: Duration = Duration::from_hours(365 * 24);

#[derive(Serialize, ToSchema)]
#[schema(as = ApiToken)]
struct TokenBody {
    id: Uuid,
    name: String,
    prefix: String,
    roles: Vec<RoleBody>,
    created_at: Timestamp,
    created_by: String,
    expires_at: Timestamp,
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

/// The only answer that ever holds the token itself.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedApiToken)]
struct NewTokenBody<'a> {
    #[serde(flatten)]
    shown: TokenBody,
    token: &'a str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ApiTokens)]
pub(super) struct TokensBody {
    api_tokens: Vec<TokenBody>,
}

impl TokenBody {
    fn of(token: api_tokens::ApiToken, roles: &Roles) -> Self {
        Self {
            id: token.id,
            name: token.name,
            prefix: token.prefix,
            roles: roles.grants().map(RoleBody::from).collect(),
            created_at: token.created_at,
            created_by: token.created_by,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            revoked_at: token.revoked_at,
        }
    }
}

/// API tokens
///
/// Needs an admin of a venue, who sees those tokens that are for such venues alone. Newest first, with those that have ended.
#[utoipa::path(
    get, path = "/api/v1/api-tokens", operation_id = "api_tokens", tag = "tokens",
    responses((status = 200, body = TokensBody)),
)]
pub(super) async fn list(principal: Principal, database: web::Data<Database>) -> Result<HttpResponse, Problem> {
    principal.may_somewhere(Right::GrantRoles)?;
    let mut api_tokens = Vec::new();
    for token in api_tokens::list(&database).await.map_err(problem)? {
        let roles = identify::roles(&token.roles)?;
        if has_say(&principal, &roles) {
            api_tokens.push(TokenBody::of(token, &roles));
        }
    }
    Ok(HttpResponse::Ok().json(TokensBody { api_tokens }))
}

/// New API token
///
/// Needs an admin of each venue that the token is for. The answer is the only one that ever holds the token.
#[utoipa::path(
    post, path = "/api/v1/api-tokens", operation_id = "create_api_token", tag = "tokens",
    request_body = NewApiToken,
    responses(
        (status = 201, body = NewTokenBody<'static>, headers(("Location" = String))),
        (status = 404, description = "There is no such venue.", content((ProblemSchema = "application/problem+json"))),
        (status = 409, description = "By chance; try again.", content((ProblemSchema = "application/problem+json"))),
    ),
)]
pub(super) async fn create(
    principal: Principal,
    database: web::Data<Database>,
    clock: web::Data<Clock>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    principal.may_somewhere(Right::GrantRoles)?;
    if principal.api_token_ends().is_some() {
        let detail = "an API token cannot make others, which might outlive it; sign in, or use the administrator token";
        return Err(Problem::forbidden(detail));
    }
    let (name, roles, ttl) = body.read(|fields| {
        let name = fields.required("name", display_name);
        let roles = some_roles(fields);
        let ttl = fields.optional("ttl", |text| parse_ttl(text, LONGEST_TTL));
        Ok((name?, roles?, ttl?.unwrap_or(USUAL_TTL)))
    })?;
    check_grants(&principal, &roles)?;
    let (token, now) = (ApiToken::generate(), clock.now());
    let (prefix, hash) = (token.prefix(), token.hash());
    let new = NewToken {
        id: new_id(now),
        name: &name,
        prefix,
        hash: &hash,
        roles: &stored(&roles),
        created_by: &principal.actor().name,
        created_at: now,
        expires_at: now + ttl,
    };
    let change = principal.change(&database).await?;
    let made = api_tokens::create(&change, &new).await.map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(token.id = %made.id, token.prefix = prefix, "API token created");
    let location = format!("/api/v1/api-tokens/{}", made.id);
    let answer = NewTokenBody {
        shown: TokenBody::of(made, &roles),
        token: token.expose(),
    };
    Ok(created(location, answer))
}

/// Revoke an API token
///
/// Needs an admin of each venue that the token is for. Doing it again changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/api-tokens/{token}", operation_id = "revoke_api_token", tag = "tokens",
    params(("token" = Uuid, Path)),
    responses((status = 204)),
)]
pub(super) async fn revoke(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    principal.may_somewhere(Right::GrantRoles)?;
    let unknown = || Problem::not_found(format!("there is no API token {:?}", *path));
    let id: Uuid = path.parse().map_err(|_| unknown())?;
    let unknown = || Problem::not_found(format!("there is no API token {id}"));
    let token = api_tokens::get(&database, id).await.map_err(problem)?;
    if !has_say(&principal, &identify::roles(&token.roles)?) {
        return Err(unknown());
    }
    let change = principal.change(&database).await?;
    api_tokens::revoke(&change, id).await.map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(token.id = %id, "API token revoked");
    Ok(HttpResponse::NoContent().finish())
}

/// Whether a token with these roles is one that `principal` could have made; others are not shown to it.
fn has_say(principal: &Principal, roles: &Roles) -> bool {
    roles.grants().all(|grant| principal.roles().may_grant(&grant))
}

/// At least one role; a token without any would be of no use.
fn some_roles(fields: &mut Fields) -> Result<Roles, Refused> {
    let roles = roles_of(fields)?.unwrap_or_default();
    if roles.grants().next().is_none() {
        return Err(fields.refuse("roles", "must name at least one role"));
    }
    Ok(roles)
}
