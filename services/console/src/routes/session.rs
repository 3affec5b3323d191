//! `/api/v1/session`: signing in and out, and one's own password.

use std::{net::IpAddr, time::Duration};

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode, web};
use citytrack_access::{CameraLimits, Password, Right, Roles, SessionSecret, Venues, ViewerTokens};
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::Clock;
use citytrack_storage::{
    Database,
    audit::{self, Actor, ActorKind},
    sessions::{self, NewSession},
    sign_in::{self, Counted, Subject},
    users::{self, Credentials, UserChange},
};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tracing::info;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{roles::RoleBody, users::user_name};
use crate::{
    auth::{Principal, SignedIn, cookie, forgery, identify, passwords::PasswordDesk},
    body::{Body, violation},
    error::problem,
    schema::{PasswordChange, SignIn},
    settings::SessionRules,
};

/// So long the token of a session for statistics and the live feed is valid. Pages fetch a new one in time; whoever lost a
/// role, or was disabled, sees things for so long at most.
const VIEWER_TOKEN_LIFETIME: Duration = Duration::from_mins(15);
/// Attempts to sign in without a wait. An address may be that of a whole office.
const FREE_ATTEMPTS_OF_ACCOUNT: i32 = 5;
const FREE_ATTEMPTS_OF_ADDRESS: i32 = 20;

#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionBody {
    user: SelfBody,
    roles: Vec<RoleBody>,
    csrf_token: String,
    expires_at: Timestamp,
    /// For statistics and the live feed; null when nothing may be seen. Ask again to renew it.
    viewer_token: Option<String>,
    viewer_token_expires_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Oneself)]
struct SelfBody {
    id: Uuid,
    name: String,
    display_name: String,
}

/// What signing in needs.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) database: Database,
    pub(crate) passwords: PasswordDesk,
    pub(crate) viewers: ViewerTokens,
    pub(crate) clock: Clock,
    pub(crate) rules: SessionRules,
}

/// Sign in
///
/// The answer sets the cookie of the session.
#[utoipa::path(
    post, path = "/api/v1/session", operation_id = "sign_in", tag = "session",
    request_body = SignIn,
    security(()),
    responses((status = 200, body = SessionBody, headers(("Set-Cookie" = String))), (status = 401, description = "There is no such user, or the password is another one.", headers(("WWW-Authenticate" = String)), content((ProblemSchema = "application/problem+json"))), (status = 403, description = "A page of another site asked.", content((ProblemSchema = "application/problem+json"))), (status = 429, description = "Too many attempts failed.", headers(("Retry-After" = u32)), content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn create(request: HttpRequest, desk: web::Data<Desk>, body: Body) -> Result<HttpResponse, Problem> {
    forgery::same_site(&request)?;
    let (name, password) = body.read(|fields| {
        let name = fields.required("name", |text| Ok::<_, String>(text.trim().to_lowercase()));
        let password = fields.required("password", |text| Ok::<_, String>(SecretString::from(text)));
        Ok((name?, password?))
    })?;
    let address = identify::address(&request)?;
    let credentials = desk.verify(&name, password, address).await?;
    let secret = SessionSecret::generate();
    let replaced = cookie::read(&request)?;
    desk.begin(&credentials, &name, &secret, replaced, address).await?;
    info!(user.id = %credentials.id, user.name = name, "signed in");
    let now = desk.clock.now();
    let found = sessions::find(&desk.database, &secret.hash(), now, desk.rules.idle).await;
    let session = found.map_err(problem)?.ok_or_else(wrong)?;
    let signed_in = SignedIn {
        user: session.user,
        session: secret.hash(),
        csrf_token: secret.csrf_token(),
        expires_at: session.expires_at.min(now + desk.rules.idle),
    };
    let cookie = cookie::holding(&request, &secret, desk.rules.lifetime)?;
    Ok(HttpResponse::Ok().cookie(cookie).json(desk.body(&signed_in)?))
}

/// Who is signed in
#[utoipa::path(
    get, path = "/api/v1/session", operation_id = "session", tag = "session",
    security(("session" = [])),
    responses((status = 200, body = SessionBody)),
)]
pub(super) async fn get(principal: Principal, desk: web::Data<Desk>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(desk.body(user(&principal)?)?))
}

/// Sign out
#[utoipa::path(
    delete, path = "/api/v1/session", operation_id = "sign_out", tag = "session",
    security(("session" = [], "csrf" = [])),
    responses((status = 204, headers(("Set-Cookie" = String)))),
)]
pub(super) async fn end(
    request: HttpRequest,
    principal: Principal,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    let signed_in = user(&principal)?;
    let change = principal.change(&database).await?;
    sessions::end(&change, &signed_in.session).await.map_err(problem)?;
    let noted = audit::note(&change, "user.signed-out", &signed_in.user.name, None, None);
    noted.await.map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(user.id = %signed_in.user.id, "signed out");
    Ok(HttpResponse::NoContent().cookie(cookie::removal(&request)?).finish())
}

/// Change one's own password
///
/// Ends the user's other sessions. This one gets another secret, and with it another `csrf_token`: ask for the session again.
#[utoipa::path(
    put, path = "/api/v1/session/password", operation_id = "change_own_password", tag = "session",
    request_body = PasswordChange,
    security(("session" = [], "csrf" = [])),
    responses((status = 204, headers(("Set-Cookie" = String))), (status = 409, description = "The password was changed a moment ago.", content((ProblemSchema = "application/problem+json"))), (status = 429, description = "Too many attempts failed.", headers(("Retry-After" = u32)), content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn change_password(
    request: HttpRequest,
    principal: Principal,
    desk: web::Data<Desk>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let SignedIn { user, session, .. } = user(&principal)?;
    let shortest = desk.rules.shortest_password;
    let (current, new) = body.read(|fields| {
        let current = fields.required("current", |text| Ok::<_, String>(SecretString::from(text)));
        let new = fields.required("new", |text| Password::new(text, &user.name, shortest));
        Ok((current?, new?))
    })?;
    let address = principal.actor().address;
    let verified = desk.verify(&user.name, current, address).await;
    let known = verified.map_err(|refused| {
        if refused.status_code() == StatusCode::UNAUTHORIZED {
            crate::body::invalid(vec![violation("/current", "is not the present password")])
        } else {
            refused
        }
    })?;
    let hash = desk.passwords.hash(new).await?;
    let change = principal.change(&desk.database).await?;
    let wanted = UserChange {
        password_hash: Some(&hash),
        kept_session: Some(session),
        known_hash: Some(&known.password_hash),
        ..UserChange::default()
    };
    users::update(&change, user.id, &wanted).await.map_err(problem)?;
    // Whoever got hold of the old secret has nothing any more, either.
    let secret = SessionSecret::generate();
    let renewed = sessions::renew(&change, session, &secret.hash()).await;
    if !renewed.map_err(problem)? {
        return Err(Problem::unauthorized("the session has ended"));
    }
    change.commit().await.map_err(problem)?;
    info!(user.id = %user.id, "password changed");
    let cookie = cookie::holding(&request, &secret, desk.rules.lifetime)?;
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// Only users have a session; who shows a token has none.
fn user(principal: &Principal) -> Result<&SignedIn, Problem> {
    let nobody = || Problem::unauthorized("nobody is signed in; this needs the cookie of a session, not a token");
    principal.signed_in().ok_or_else(nobody)
}

fn wrong() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "invalid-credentials",
        "Not signed in",
        "there is no such user, or the password is another one",
    )
}

impl Desk {
    /// Whom name and password belong to. An unknown name takes as long as a wrong password, and is counted like one.
    async fn verify(
        &self,
        name: &str,
        password: SecretString,
        address: Option<IpAddr>,
    ) -> Result<Credentials, Problem> {
        let account = subject("account", name);
        let client = address;
        let address = address.map(|address| subject("address", &network(address)));
        let counted = |subject: &Subject, free| Counted {
            subject: *subject,
            free,
        };
        let mut all = vec![counted(&account, FREE_ATTEMPTS_OF_ACCOUNT)];
        all.extend(
            address
                .as_ref()
                .map(|address| counted(address, FREE_ATTEMPTS_OF_ADDRESS)),
        );
        let attempt = sign_in::attempt(&self.database, &all, self.clock.now()).await;
        attempt.map_err(problem)?.map_err(too_many)?;

        let compared = self.compare(name, password).await;
        if compared.is_err() {
            // Nobody has learned anything about a password; somebody else may have kept the desk busy.
            sign_in::take_back(&self.database, &all).await.map_err(problem)?;
        }
        let (credentials, is_right) = compared?;
        if !is_right {
            info!("a name and a password did not belong together");
            self.note_failure(credentials.map(|_| name), client).await?;
            return Err(wrong());
        }
        let credentials = credentials.ok_or_else(wrong)?;
        let succeeded = sign_in::succeeded(&self.database, &account, address.as_ref()).await;
        succeeded.map_err(problem)?;
        Ok(credentials)
    }

    /// Whom the name belongs to, and whether the password is theirs.
    async fn compare(&self, name: &str, password: SecretString) -> Result<(Option<Credentials>, bool), Problem> {
        // What cannot be a name is nobody's; PostgreSQL does not even take all of it.
        let credentials = match user_name(name) {
            Ok(name) => users::credentials(&self.database, &name).await.map_err(problem)?,
            Err(_) => None,
        };
        let hash = credentials
            .as_ref()
            .map(|credentials| credentials.password_hash.clone());
        let is_right = self.passwords.verify(password, hash).await?;
        Ok((credentials, is_right))
    }

    /// An entry about an attempt that failed. What was typed is told only where it is the `name` of a user: else it may be a
    /// password that went into the wrong field. (There is an entry either way, so that both take as long.)
    async fn note_failure(&self, name: Option<&str>, address: Option<IpAddr>) -> Result<(), Problem> {
        let name = name.unwrap_or("(no such user)");
        let actor = Actor {
            kind: ActorKind::User,
            name: name.to_owned(),
            id: None,
            address,
        };
        let note = async {
            let change = self.database.change(&actor).await?;
            audit::note(&change, "user.sign-in-failed", name, None, None).await?;
            change.commit().await
        };
        note.await.map_err(problem)
    }

    async fn begin(
        &self,
        credentials: &Credentials,
        name: &str,
        secret: &SessionSecret,
        replaced: Option<SessionSecret>,
        address: Option<IpAddr>,
    ) -> Result<(), Problem> {
        let now = self.clock.now();
        let actor = Actor {
            kind: ActorKind::User,
            name: name.to_owned(),
            id: Some(credentials.id),
            address,
        };
        let new = NewSession {
            hash: &secret.hash(),
            user: credentials.id,
            password_hash: &credentials.password_hash,
            now,
            expires_at: now + self.rules.lifetime,
        };
        let replaced = replaced.map(|secret| secret.hash());
        let begin = async {
            let change = self.database.change(&actor).await?;
            if !sessions::begin(&change, &new, replaced.as_ref()).await? {
                return Ok(false);
            }
            audit::note(&change, "user.signed-in", name, None, None).await?;
            change.commit().await?;
            Ok(true)
        };
        if begin.await.map_err(problem)? {
            Ok(())
        } else {
            Err(wrong())
        }
    }

    fn body(&self, signed_in: &SignedIn) -> Result<SessionBody, Problem> {
        let user = &signed_in.user;
        let roles = identify::roles(&user.roles)?;
        let viewer = self.viewer_token(&roles, signed_in.expires_at)?;
        let (viewer_token, viewer_token_expires_at) = viewer.unzip();
        Ok(SessionBody {
            user: SelfBody {
                id: user.id,
                name: user.name.clone(),
                display_name: user.display_name.clone(),
            },
            roles: roles.grants().map(RoleBody::from).collect(),
            csrf_token: signed_in.csrf_token.clone(),
            expires_at: signed_in.expires_at,
            viewer_token,
            viewer_token_expires_at,
        })
    }

    /// A token for the services that know no sessions, for what these roles let see; `None` when that is nothing.
    fn viewer_token(&self, roles: &Roles, ends_at: Timestamp) -> Result<Option<(String, Timestamp)>, Problem> {
        let venues = if roles.allow_everywhere(Right::SeeVenue) {
            Venues::All
        } else {
            Venues::Named(roles.grants().filter_map(|grant| grant.venue).collect())
        };
        if venues == Venues::Named(Vec::new()) {
            return Ok(None);
        }
        let now = self.clock.now();
        let expires_at = ends_at.min(now + VIEWER_TOKEN_LIFETIME);
        // The token tells whole seconds; so does the answer.
        let expires_at = Timestamp::from_second(expires_at.as_second()).map_err(|_| Problem::internal())?;
        let issued = self.viewers.issue_for(&venues, &CameraLimits::new(), expires_at, now);
        let token = issued.map_err(|_| Problem::internal())?;
        Ok(Some((token, expires_at)))
    }
}

fn subject(kind: &str, value: &str) -> Subject {
    Sha256::digest(format!("{kind} {value}")).into()
}

/// Of an IPv6 address the network, as whoever has one address of it has all of them.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn too_many(wait: Duration) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-attempts",
        "Too many attempts",
        "too many attempts to sign in failed; wait as long as `Retry-After` says",
    )
    .retry_after(wait)
}
