//! `/api/v1/venues/{venue}/nodes` and `/api/v1/nodes`

use actix_web::{HttpResponse, web};
use citytrack_access::Right;
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{Clock, Slug, new_id};
use citytrack_storage::{
    Database,
    nodes::{self, Node},
};
use jiff::Timestamp;
use serde::Serialize;
use tracing::info;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ListQuery, created, node_in, venue_in};
use crate::{
    auth::Principal,
    body::{Body, display_name},
    error::problem,
    schema::{NewNode, NodeChange},
};

#[derive(Serialize, ToSchema)]
#[schema(as = Node)]
struct NodeBody {
    id: Uuid,
    #[schema(value_type = Slug)]
    venue: String,
    #[schema(value_type = Slug)]
    slug: String,
    name: String,
    created_at: Timestamp,
    retired_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Nodes)]
pub(super) struct NodesBody {
    nodes: Vec<NodeBody>,
}

impl From<Node> for NodeBody {
    fn from(node: Node) -> Self {
        Self {
            id: node.id,
            venue: node.venue.to_string(),
            slug: node.slug.to_string(),
            name: node.name,
            created_at: node.created_at,
            retired_at: node.retired_at,
        }
    }
}

/// Nodes of a venue
#[utoipa::path(
    get, path = "/api/v1/venues/{venue}/nodes", operation_id = "nodes_of_venue", tag = "nodes",
    params(("venue" = Slug, Path), ListQuery),
    responses((status = 200, body = NodesBody)),
)]
pub(super) async fn list(
    principal: Principal,
    path: web::Path<String>,
    query: web::Query<ListQuery>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    let venue = venue_in(&path)?;
    principal.may(Right::SeeNodes, &venue)?;
    let nodes = nodes::list(&database, &venue, query.retired).await.map_err(problem)?;
    let nodes: Vec<NodeBody> = nodes.into_iter().map(NodeBody::from).collect();
    Ok(HttpResponse::Ok().json(NodesBody { nodes }))
}

/// New node
///
/// Needs an operator of the venue.
#[utoipa::path(
    post, path = "/api/v1/venues/{venue}/nodes", operation_id = "create_node", tag = "nodes",
    params(("venue" = Slug, Path)),
    request_body = NewNode,
    responses((status = 201, body = NodeBody, headers(("Location" = String))), (status = 409, description = "There is such a node, or was; or the venue is retired.", content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn create(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
    clock: web::Data<Clock>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let venue = venue_in(&path)?;
    principal.may(Right::CreateNodes, &venue)?;
    let (slug, name) = body.read(|fields| {
        let slug = fields.required("slug", Slug::new);
        let name = fields.optional("name", display_name);
        Ok((slug?, name?))
    })?;
    let name = name.as_deref().unwrap_or(slug.as_str());
    let change = principal.change(&database).await?;
    let node = nodes::create(&change, new_id(clock.now()), &venue, &slug, name)
        .await
        .map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(node.id = %node.id, node.slug = slug.as_str(), venue = venue.as_str(), "node created");
    Ok(created(format!("/api/v1/nodes/{}", node.id), NodeBody::from(node)))
}

/// A node
#[utoipa::path(
    get, path = "/api/v1/nodes/{node}", operation_id = "node", tag = "nodes",
    params(("node" = Uuid, Path)),
    responses((status = 200, body = NodeBody)),
)]
pub(super) async fn get(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    let node = node_in(&path, Right::SeeNodes, &principal, &database).await?;
    Ok(HttpResponse::Ok().json(NodeBody::from(node)))
}

/// Change a node
///
/// Needs an admin of the venue.
#[utoipa::path(
    patch, path = "/api/v1/nodes/{node}", operation_id = "change_node", tag = "nodes",
    params(("node" = Uuid, Path)),
    request_body = NodeChange,
    responses((status = 200, body = NodeBody), (status = 409, description = "The node is retired.", content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn update(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let node = node_in(&path, Right::ChangeNodes, &principal, &database).await?;
    let id = node.id;
    let node = match body.read(|fields| fields.optional("name", display_name))? {
        Some(name) => {
            let change = principal.change(&database).await?;
            let node = nodes::rename(&change, id, &name).await.map_err(problem)?;
            change.commit().await.map_err(problem)?;
            node
        }
        None => node,
    };
    info!(node.id = %id, "node changed");
    Ok(HttpResponse::Ok().json(NodeBody::from(node)))
}

/// Retire a node
///
/// Needs an admin of the venue. Its keys are refused from now on.
#[utoipa::path(
    delete, path = "/api/v1/nodes/{node}", operation_id = "retire_node", tag = "nodes",
    params(("node" = Uuid, Path)),
    responses((status = 204), (status = 409, description = "The node is retired already.", content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn retire(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    let id = node_in(&path, Right::ChangeNodes, &principal, &database).await?.id;
    let change = principal.change(&database).await?;
    nodes::retire(&change, id).await.map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(node.id = %id, "node retired");
    Ok(HttpResponse::NoContent().finish())
}
