//! `/api/v1/nodes/{node}/keys`

use actix_web::{HttpResponse, web};
use citytrack_access::{NodeKey, Right};
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{Clock, new_id};
use citytrack_storage::{
    Database,
    keys::{self, NewKey},
};
use jiff::Timestamp;
use serde::Serialize;
use tracing::info;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{created, node_in};
use crate::{
    auth::Principal,
    body::{Body, display_name},
    error::problem,
    schema::NewKey as NewKeyRequest,
};

#[derive(Serialize, ToSchema)]
#[schema(as = NodeKey)]
struct KeyBody {
    id: Uuid,
    node: Uuid,
    prefix: String,
    label: Option<String>,
    created_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

/// The only answer that ever holds the key itself.
#[derive(Serialize, ToSchema)]
#[schema(as = NewNodeKey)]
struct NewKeyBody<'a> {
    #[serde(flatten)]
    shown: KeyBody,
    key: &'a str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NodeKeys)]
pub(super) struct KeysBody {
    keys: Vec<KeyBody>,
}

impl From<keys::NodeKey> for KeyBody {
    fn from(key: keys::NodeKey) -> Self {
        Self {
            id: key.id,
            node: key.node,
            prefix: key.prefix,
            label: key.label,
            created_at: key.created_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// Keys of a node
#[utoipa::path(
    get, path = "/api/v1/nodes/{node}/keys", operation_id = "keys", tag = "nodes",
    params(("node" = Uuid, Path)),
    responses((status = 200, body = KeysBody)),
)]
pub(super) async fn list(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    let node = node_in(&path, Right::SeeNodes, &principal, &database).await?.id;
    let keys = keys::list(&database, node).await.map_err(problem)?;
    let keys: Vec<KeyBody> = keys.into_iter().map(KeyBody::from).collect();
    Ok(HttpResponse::Ok().json(KeysBody { keys }))
}

/// New node key
///
/// Needs an operator of the venue. The answer is the only one that ever holds the key.
#[utoipa::path(
    post, path = "/api/v1/nodes/{node}/keys", operation_id = "create_key", tag = "nodes",
    params(("node" = Uuid, Path)),
    request_body = NewKeyRequest,
    responses((status = 201, body = NewKeyBody<'static>, headers(("Location" = String))), (status = 409, description = "The node is retired.", content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn create(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
    clock: web::Data<Clock>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let node = node_in(&path, Right::ManageKeys, &principal, &database).await?.id;
    let label = body.read(|fields| fields.optional("label", display_name))?;
    let key = NodeKey::generate();
    let (prefix, hash) = (key.prefix(), key.hash());
    let new = NewKey {
        id: new_id(clock.now()),
        node,
        prefix,
        hash: &hash,
        label: label.as_deref(),
    };
    let change = principal.change(&database).await?;
    let stored = keys::create(&change, &new).await.map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(key.id = %stored.id, key.prefix = prefix, node.id = %node, "node key created");
    let location = format!("/api/v1/nodes/{node}/keys/{}", stored.id);
    Ok(created(
        location,
        NewKeyBody {
            shown: stored.into(),
            key: key.expose(),
        },
    ))
}

/// Revoke a node key
///
/// Needs an operator of the venue.
#[utoipa::path(
    delete, path = "/api/v1/nodes/{node}/keys/{key}", operation_id = "revoke_key", tag = "nodes",
    params(("node" = Uuid, Path), ("key" = Uuid, Path)),
    responses((status = 204), (status = 409, description = "The key is revoked already.", content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn revoke(
    principal: Principal,
    path: web::Path<(String, String)>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    let (node, key) = path.into_inner();
    let node = node_in(&node, Right::ManageKeys, &principal, &database).await?.id;
    let key = key
        .parse()
        .map_err(|_| Problem::not_found(format!("the node {node} has no key {key:?}")))?;
    let change = principal.change(&database).await?;
    keys::revoke(&change, node, key).await.map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(key.id = %key, node.id = %node, "node key revoked");
    Ok(HttpResponse::NoContent().finish())
}
