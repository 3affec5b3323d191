//! `/api/v1/users`

use actix_web::{HttpResponse, web};
use citytrack_access::{Grant, Password, Right, Roles};
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{Clock, new_id};
use citytrack_storage::{
    Change, Database,
    users::{self, NewUser, User, UserChange},
};
use jiff::Timestamp;
use serde::Serialize;
use tracing::info;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    created,
    roles::{RoleBody, check_grants, check_number, roles_of, stored},
};
use crate::{
    auth::{Principal, identify, passwords::PasswordDesk},
    body::{Body, display_name},
    error::problem,
    schema::{self, NewUser as NewUserBody},
    settings::SessionRules,
};

#[derive(Serialize, ToSchema)]
#[schema(as = User)]
struct UserBody {
    id: Uuid,
    name: String,
    display_name: String,
    roles: Vec<RoleBody>,
    created_at: Timestamp,
    last_seen_at: Option<Timestamp>,
    disabled_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Users)]
pub(super) struct UsersBody {
    users: Vec<UserBody>,
}

impl UserBody {
    /// The user as `principal` may know it: an admin of some venues sees the roles there.
    fn of(user: User, principal: &Principal) -> Result<Self, Problem> {
        let roles = identify::roles(&user.roles)?;
        let seen = roles.grants().filter(|grant| principal.roles().may_grant(grant));
        Ok(Self {
            id: user.id,
            name: user.name,
            display_name: user.display_name,
            roles: seen.map(RoleBody::from).collect(),
            created_at: user.created_at,
            last_seen_at: user.last_seen_at,
            disabled_at: user.disabled_at,
        })
    }
}

/// What a PATCH asks for.
struct Wanted {
    display_name: Option<String>,
    password: Option<Password>,
    disabled: Option<bool>,
    roles: Option<Roles>,
}

/// Users
///
/// Needs an admin of a venue, who sees the roles there.
#[utoipa::path(
    get, path = "/api/v1/users", operation_id = "users", tag = "users",
    responses((status = 200, body = UsersBody)),
)]
pub(super) async fn list(principal: Principal, database: web::Data<Database>) -> Result<HttpResponse, Problem> {
    principal.may_somewhere(Right::GrantRoles)?;
    let users = users::list(&database).await.map_err(problem)?;
    let users = users.into_iter().map(|user| UserBody::of(user, &principal));
    let users: Vec<UserBody> = users.collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(UsersBody { users }))
}

/// New user
///
/// Needs an admin of all venues, and no API token.
#[utoipa::path(
    post, path = "/api/v1/users", operation_id = "create_user", tag = "users",
    request_body = NewUserBody,
    responses((status = 201, body = UserBody, headers(("Location" = String))), (status = 404, description = "There is no such venue as the roles name.", content((ProblemSchema = "application/problem+json"))), (status = 409, description = "There is such a user.", content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn create(
    principal: Principal,
    database: web::Data<Database>,
    passwords: web::Data<PasswordDesk>,
    accounts: web::Data<SessionRules>,
    clock: web::Data<Clock>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    principal.may_everywhere(Right::ManageUsers)?;
    refuse_api_token(&principal)?;
    let (name, shown, password, roles) = body.read(|fields| {
        let name = fields.required("name", user_name);
        let shown = fields.optional("display_name", display_name);
        let of = name.as_deref().unwrap_or_default();
        let password = fields.required("password", |text| Password::new(text, of, accounts.shortest_password));
        let roles = roles_of(fields);
        Ok((name?, shown?, password?, roles?.unwrap_or_default()))
    })?;
    check_grants(&principal, &roles)?;
    let hash = passwords.hash(password).await?;
    let new = NewUser {
        id: new_id(clock.now()),
        name: &name,
        display_name: shown.as_deref().unwrap_or(&name),
        password_hash: &hash,
        roles: &stored(&roles),
    };
    let change = principal.change(&database).await?;
    let user = users::create(&change, &new).await.map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(user.id = %user.id, user.name = name, "user created");
    let location = format!("/api/v1/users/{}", user.id);
    Ok(created(location, UserBody::of(user, &principal)?))
}

/// A user
#[utoipa::path(
    get, path = "/api/v1/users/{user}", operation_id = "user", tag = "users",
    params(("user" = Uuid, Path)),
    responses((status = 200, body = UserBody)),
)]
pub(super) async fn get(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    principal.may_somewhere(Right::GrantRoles)?;
    let user = users::get(&database, user_in(&path)?).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(UserBody::of(user, &principal)?))
}

/// Change a user
///
/// An admin of a venue may change the roles there; the rest needs an admin of all venues. An API token may not.
#[utoipa::path(
    patch, path = "/api/v1/users/{user}", operation_id = "change_user", tag = "users",
    params(("user" = Uuid, Path)),
    request_body = schema::UserChange,
    responses((status = 200, body = UserBody), (status = 409, description = "You would take something away from yourself.", content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn update(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
    passwords: web::Data<PasswordDesk>,
    accounts: web::Data<SessionRules>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    principal.may_somewhere(Right::GrantRoles)?;
    refuse_api_token(&principal)?;
    let id = user_in(&path)?;
    let name = users::get(&database, id).await.map_err(problem)?.name;
    let wanted = body.read(|fields| {
        let shown = fields.optional("display_name", display_name);
        let password = fields.optional("password", |text| {
            Password::new(text, &name, accounts.shortest_password)
        });
        let disabled = fields.flag("disabled");
        let roles = roles_of(fields);
        Ok(Wanted {
            display_name: shown?,
            password: password?,
            disabled: disabled?,
            roles: roles?,
        })
    })?;
    check(&principal, id, &wanted)?;
    let hash = match wanted.password.clone() {
        Some(password) => Some(passwords.hash(password).await?),
        None => None,
    };
    let change = principal.change(&database).await?;
    let user = apply(&change, &principal, id, &wanted, hash.as_deref()).await?;
    change.commit().await.map_err(problem)?;
    info!(user.id = %id, "user changed");
    Ok(HttpResponse::Ok().json(UserBody::of(user, &principal)?))
}

/// Whoever makes a user or sets a password can sign in from then on: also when the token was revoked long ago.
fn refuse_api_token(principal: &Principal) -> Result<(), Problem> {
    if principal.api_token_ends().is_none() {
        return Ok(());
    }
    let detail =
        "an API token cannot change users, whose rights might outlive it; sign in, or use the administrator token";
    Err(Problem::forbidden(detail))
}

/// Refuses what `principal` may not do with the user `id`. An admin of some venues may say who is what there; the rest takes
/// an admin of all of them.
fn check(principal: &Principal, id: Uuid, wanted: &Wanted) -> Result<(), Problem> {
    if wanted.display_name.is_some() || wanted.password.is_some() || wanted.disabled.is_some() {
        principal.may_everywhere(Right::ManageUsers)?;
    }
    if let Some(roles) = &wanted.roles {
        check_grants(principal, roles)?;
    }
    if !is_self(principal, id) {
        return Ok(());
    }
    if wanted.password.is_some() {
        let detail = "change your own password with PUT /api/v1/session/password, which asks for the present one";
        return Err(Problem::conflict(detail));
    }
    let stays = wanted
        .roles
        .as_ref()
        .is_none_or(|roles| roles.allow_everywhere(Right::ManageUsers));
    let loses = !stays && principal.roles().allow_everywhere(Right::ManageUsers);
    if wanted.disabled == Some(true) || loses {
        let detail = "you cannot disable yourself, nor give up being an admin of everything; another admin can do it";
        return Err(Problem::conflict(detail));
    }
    Ok(())
}

fn is_self(principal: &Principal, id: Uuid) -> bool {
    principal.signed_in().is_some_and(|signed_in| signed_in.user.id == id)
}

/// What was wanted, except that roles which are not for `principal` to give stay as they are.
async fn apply(
    change: &Change,
    principal: &Principal,
    id: Uuid,
    wanted: &Wanted,
    hash: Option<&str>,
) -> Result<User, Problem> {
    let roles = match &wanted.roles {
        None => None,
        Some(roles) => {
            let user = users::get_for_change(change, id).await.map_err(problem)?;
            let has = identify::roles(&user.roles)?;
            let others = has.grants().filter(|grant: &Grant| !principal.roles().may_grant(grant));
            let all: Roles = others.chain(roles.grants()).collect();
            check_number(&all)?;
            Some(stored(&all))
        }
    };
    let update = UserChange {
        display_name: wanted.display_name.as_deref(),
        password_hash: hash,
        kept_session: None,
        known_hash: None,
        disabled: wanted.disabled,
        roles: roles.as_deref(),
    };
    users::update(change, id, &update).await.map_err(problem)
}

/// What somebody types to sign in: in lower case, so that there is one way to write it.
pub(crate) fn user_name(text: &str) -> Result<String, &'static str> {
    let name = text.trim().to_lowercase();
    let fits = (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte));
    if fits {
        Ok(name)
    } else {
        Err("must be 1 to 64 letters a to z, digits, `.`, `_`, `-` and `@`, a letter or digit first")
    }
}

/// The user of the path.
fn user_in(path: &str) -> Result<Uuid, Problem> {
    path.parse()
        .map_err(|_| Problem::not_found(format!("there is no user {path:?}")))
}
