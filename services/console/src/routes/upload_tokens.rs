//! `/api/v1/nodes/{node}/upload-tokens`

use actix_web::{HttpResponse, web};
use citytrack_access::{Right, UploadTokens};
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{Clock, NodeIdentity};
use citytrack_storage::{Database, audit, venues};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tracing::info;
use utoipa::ToSchema;

use super::node_in;
use crate::{auth::Principal, error::problem};

#[derive(Serialize, ToSchema)]
#[schema(as = UploadToken)]
struct TokenBody {
    token: String,
    expires_at: Timestamp,
}

/// New upload token
///
/// Needs an operator of the venue. For 15 minutes it lets send pictures in the name of the node, and nothing else; it cannot be taken
/// back before it ends.
#[utoipa::path(
    post, path = "/api/v1/nodes/{node}/upload-tokens", operation_id = "create_upload_token", tag = "tokens",
    params(("node" = Uuid, Path)),
    responses((status = 201, body = TokenBody), (status = 409, description = "The node or its venue is retired.", content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn create(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
    tokens: web::Data<UploadTokens>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, Problem> {
    let node = node_in(&path, Right::UploadImages, &principal, &database).await?;
    let venue = venues::get(&database, &node.venue).await.map_err(problem)?;
    if node.retired_at.or(venue.retired_at).is_some() {
        let detail = format!("the node {}/{} or its venue is retired", node.venue, node.slug);
        return Err(Problem::conflict(detail));
    }
    let identity = NodeIdentity {
        id: node.id,
        node: node.slug,
        venue: node.venue,
    };
    let ends = principal.api_token_ends().unwrap_or(Timestamp::MAX);
    let (token, expires_at) = tokens
        .issue(&identity, ends, clock.now())
        .map_err(|_| Problem::internal())?;
    let change = principal.change(&database).await?;
    let subject = format!("{}/{}", identity.venue, identity.node);
    let detail = json!({ "expires_at": expires_at });
    audit::note(
        &change,
        "upload-token.created",
        &subject,
        Some(&identity.venue),
        Some(&detail),
    )
    .await
    .map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(node.id = %identity.id, %expires_at, "upload token issued");
    Ok(HttpResponse::Created().json(TokenBody { token, expires_at }))
}
