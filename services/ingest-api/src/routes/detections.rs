//! `POST /api/v1/detections`

use actix_web::{HttpRequest, HttpResponse, web};
use citytrack_common::openapi::ProblemSchema;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{body::Packing, error::SubmitError, intake::Intake, request::schema::Batch};

/// What a node is told of a batch that was accepted.
#[derive(Serialize, ToSchema)]
#[schema(as = Accepted)]
struct Answer {
    /// The id that was sent, or a new one.
    batch_id: Uuid,
    frames: usize,
    detections: usize,
}

/// Takes a batch in
///
/// The answer comes when the broker has the batch safely. A batch is accepted whole or not at all. After 408, 429, every 5xx
/// and a connection that breaks, send it again with the same id: it is stored once. The body may be packed
/// (`Content-Encoding: gzip` or `zstd`) and have 4 MiB unpacked; that, and how many frames and detections it may hold, are
/// settings, shown here with their defaults.
#[utoipa::path(
    post,
    path = "/api/v1/detections",
    operation_id = "post_detections",
    tag = "detections",
    params(
        ("Idempotency-Key" = Option<Uuid>, Header,
            description = "The id of the batch, which may be in the body instead. In backlog it belongs here."),
        ("Content-Encoding" = Option<Packing>, Header, description = "How the body is packed."),
    ),
    request_body(content = Batch, content_type = "application/json"),
    responses(
        (status = 202, description = "The batch is safe.", body = Answer, headers(
            ("RateLimit-Policy" = String, description = "The limits of the node (draft-ietf-httpapi-ratelimit-headers)."),
            ("RateLimit" = String, description = "What is left of those that the batch used."),
        )),
        (status = 429, description = "The node sends more than it may; `violated-policies` names the limit.", headers(
            ("Retry-After" = u32, description = "After how many seconds to try again."),
        ), content((ProblemSchema = "application/problem+json"))),
    ),
)]
pub(crate) async fn submit(
    http: HttpRequest,
    payload: web::Payload,
    intake: web::Data<Intake>,
) -> Result<HttpResponse, SubmitError> {
    let node = intake.authenticate(&http).await?;
    let accepted = intake.take(&http, payload, &node).await?;
    let mut answer = HttpResponse::Accepted().json(Answer {
        batch_id: accepted.id.uuid(),
        frames: accepted.frames,
        detections: accepted.detections,
    });
    intake.tell(&node, accepted.kind, answer.headers_mut());
    Ok(answer)
}
