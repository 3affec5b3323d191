//! `POST /api/v1/detections`

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use uuid::Uuid;

use crate::{error::SubmitError, intake::Intake};

/// What a node is told of a batch that was accepted.
#[derive(Serialize)]
struct Answer {
    batch_id: Uuid,
    frames: usize,
    detections: usize,
}

/// Takes a batch in: answers 202 when the broker has it safely.
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
