//! Where everything is. Beneath `/api` is the control API; the rest are the pages.

pub(crate) mod api_tokens;
pub(crate) mod audit;
pub(crate) mod cameras;
pub(crate) mod image_settings;
pub(crate) mod imports;
pub(crate) mod journal;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod nodes;
pub(crate) mod nodes_overview;
pub(crate) mod originals;
pub(crate) mod roles;
pub(crate) mod session;
pub(crate) mod system;
pub(crate) mod upload_tokens;
pub(crate) mod users;
pub(crate) mod venues;
pub(crate) mod viewer_tokens;

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    error::QueryPayloadError,
    http::header::{CACHE_CONTROL, LOCATION},
    middleware::{Compress, DefaultHeaders, from_fn},
    web::{self, delete, patch, post, put},
};
use citytrack_access::Right;
use citytrack_common::{
    Problem,
    http::{get, only},
    openapi::Document,
};
use citytrack_domain::Slug;
use citytrack_storage::{
    Database,
    nodes::{self as nodes_of_storage, Node},
};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{auth::Principal, error::problem, pages};

pub(crate) fn all(config: &mut web::ServiceConfig, document: &Document) {
    let api = web::scope("/api")
        // Keys and tokens are among the answers, and the rest changes at any time.
        .wrap(DefaultHeaders::new().add((CACHE_CONTROL, "no-store")))
        .app_data(web::QueryConfig::default().error_handler(|error, _| invalid_query(&error).into()))
        .service(web::scope("/v1").configure(control))
        .default_service(web::to(unknown));
    let everything = web::scope("")
        .wrap(Compress::default())
        .wrap(pages::security_headers())
        .wrap(from_fn(pages::transport_security))
        // Before the rest of `/api`: the first that fits answers.
        .service(document.resource())
        .service(api)
        .default_service(web::to(pages::serve));
    config.service(everything);
}

fn control(config: &mut web::ServiceConfig) {
    let get_post = || only("GET, HEAD, POST");
    let get_patch_delete = || only("GET, HEAD, PATCH, DELETE");
    let resources = [
        web::resource("/venues")
            .route(get().to(venues::list))
            .route(post().to(venues::create))
            .default_service(get_post()),
        web::resource("/venues/{venue}")
            .route(get().to(venues::get))
            .route(patch().to(venues::update))
            .route(delete().to(venues::retire))
            .default_service(get_patch_delete()),
        web::resource("/venues/{venue}/nodes")
            .route(get().to(nodes::list))
            .route(post().to(nodes::create))
            .default_service(get_post()),
        web::resource("/venues/{venue}/cameras")
            .route(get().to(cameras::list))
            .default_service(only("GET, HEAD")),
        web::resource("/venues/{venue}/cameras/{camera}")
            .route(patch().to(cameras::update))
            .default_service(only("PATCH")),
        web::resource("/nodes")
            .route(get().to(nodes_overview::list))
            .default_service(only("GET, HEAD")),
        web::resource("/nodes/{node}")
            .route(get().to(nodes::get))
            .route(patch().to(nodes::update))
            .route(delete().to(nodes::retire))
            .default_service(get_patch_delete()),
        web::resource("/nodes/{node}/keys")
            .route(get().to(keys::list))
            .route(post().to(keys::create))
            .default_service(get_post()),
        web::resource("/nodes/{node}/keys/{key}")
            .route(delete().to(keys::revoke))
            .default_service(only("DELETE")),
        web::resource("/nodes/{node}/ledger")
            .route(get().to(ledger::get))
            .default_service(only("GET, HEAD")),
        web::resource("/nodes/{node}/upload-tokens")
            .route(post().to(upload_tokens::create))
            .default_service(only("POST")),
        web::resource("/originals/{id}")
            .route(get().to(originals::get))
            .route(delete().to(originals::end))
            .default_service(only("GET, HEAD, DELETE")),
        web::resource("/session")
            .route(get().to(session::get))
            .route(post().to(session::create))
            .route(delete().to(session::end))
            .default_service(only("GET, HEAD, POST, DELETE")),
        web::resource("/session/password")
            .route(put().to(session::change_password))
            .default_service(only("PUT")),
        web::resource("/users")
            .route(get().to(users::list))
            .route(post().to(users::create))
            .default_service(get_post()),
        web::resource("/users/{user}")
            .route(get().to(users::get))
            .route(patch().to(users::update))
            .default_service(only("GET, HEAD, PATCH")),
        web::resource("/api-tokens")
            .route(get().to(api_tokens::list))
            .route(post().to(api_tokens::create))
            .default_service(get_post()),
        web::resource("/api-tokens/{token}")
            .route(delete().to(api_tokens::revoke))
            .default_service(only("DELETE")),
        web::resource("/audit")
            .route(get().to(audit::list))
            .default_service(only("GET, HEAD")),
        web::resource("/journal")
            .route(get().to(journal::list))
            .default_service(only("GET, HEAD")),
        web::resource("/system")
            .route(get().to(system::get))
            .default_service(only("GET, HEAD")),
        web::resource("/venues/{venue}/imports")
            .route(post().to(imports::create))
            .default_service(only("POST")),
        web::resource("/viewer-tokens")
            .route(post().to(viewer_tokens::create))
            .default_service(only("POST")),
    ];
    for resource in resources {
        config.service(resource);
    }
    config.default_service(web::to(unknown));
}

async fn unknown(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::not_found(format!("there is nothing at {}", request.path())))
}

/// `?retired=true` lists what was retired, too.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Also what was retired.
    #[serde(default)]
    retired: bool,
}

/// A parameter whose value cannot be accepted.
fn invalid_query_of(parameter: &str, why: &str) -> Problem {
    Problem::bad_request("invalid-query", "Invalid query", format!("{parameter} {why}")).with("parameter", parameter)
}

fn invalid_query(error: &QueryPayloadError) -> Problem {
    Problem::bad_request("invalid-query", "Invalid query", error.to_string())
}

/// 201 with the address of what was created.
fn created(location: String, body: impl Serialize) -> HttpResponse {
    HttpResponse::Created().insert_header((LOCATION, location)).json(body)
}

/// How long a token shall be valid.
fn parse_ttl(text: &str, longest: Duration) -> Result<Duration, String> {
    let ttl = humantime::parse_duration(text).map_err(|_| "must be a duration such as 8h or 30m".to_owned())?;
    if ttl < Duration::from_secs(1) {
        return Err("must be at least 1s".to_owned());
    }
    if ttl > longest {
        return Err(format!("must be at most {}", humantime::format_duration(longest)));
    }
    Ok(ttl)
}

/// The venues whose entries of a log are to be shown: the one that is asked for, or those in which the principal has the right.
/// `None`: all entries, also those that are about no venue.
fn venues_shown(asked: Option<&str>, right: Right, principal: &Principal) -> Result<Option<Vec<Slug>>, Problem> {
    if let Some(asked) = asked {
        let venue = Slug::new(asked).map_err(|error| invalid_query_of("venue", &error.to_string()))?;
        principal.may(right, &venue)?;
        return Ok(Some(vec![venue]));
    }
    let roles = principal.roles();
    if roles.allow_everywhere(right) {
        return Ok(None);
    }
    let seen = roles.grants().filter(|grant| grant.role.has(right));
    Ok(Some(seen.filter_map(|grant| grant.venue).collect()))
}

/// The venue of the path; no other text can be the slug of one.
fn venue_in(path: &str) -> Result<Slug, Problem> {
    path.parse()
        .map_err(|_| Problem::not_found(format!("there is no venue {path:?}")))
}

/// The node of the path, with which the principal has to have the right. Whoever may not see it is not told that it is
/// there.
async fn node_in(path: &str, right: Right, principal: &Principal, database: &Database) -> Result<Node, Problem> {
    principal.may_somewhere(right)?;
    let unknown = || Problem::not_found(format!("there is no node {path:?}"));
    let id: Uuid = path.parse().map_err(|_| unknown())?;
    let node = nodes_of_storage::get(database, id).await.map_err(problem)?;
    if principal.may(Right::SeeNodes, &node.venue).is_err() {
        return Err(unknown());
    }
    principal.may(right, &node.venue)?;
    Ok(node)
}
