//! `POST /api/v1/detections`

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use citytrack_access::NodeKey;
use citytrack_common::http::bearer;
use citytrack_domain::{Batch, BatchId, Clock, NodeIdentity};
use serde_json::json;
use tracing::debug;

use crate::{
    body::{self, BodyLimits},
    error::SubmitError,
    keys::{KeyError, KeyRing},
    metrics::IngestMetrics,
    request::{self, Limits},
    sink::BatchSink,
};

/// Takes a batch in: answers 202 when the broker has it safely.
#[expect(
    clippy::too_many_arguments,
    reason = "a handler's signature is its list of dependencies"
)]
pub(crate) async fn submit(
    http: HttpRequest,
    payload: web::Payload,
    ring: web::Data<KeyRing>,
    sink: web::Data<BatchSink>,
    limits: web::Data<Limits>,
    body_limits: web::Data<BodyLimits>,
    clock: web::Data<Clock>,
    metrics: web::Data<IngestMetrics>,
) -> Result<HttpResponse, SubmitError> {
    let accepted = async {
        let source = authenticate(&http, &ring).await?;
        sink.check()?;
        let body = body::read(&http, payload, &body_limits).await?;
        let idempotency_key = http
            .headers()
            .get("idempotency-key")
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        let received_at = clock.now();
        let posted = request::read(&body, idempotency_key.as_deref(), received_at, &limits)?;
        let id = posted.id.unwrap_or_else(|| BatchId::generate(received_at));
        let batch = Batch {
            id,
            source: (*source).clone(),
            received_at,
            position: posted.position,
            frames: posted.frames,
        };
        sink.publish(&batch).await?;
        Ok::<_, SubmitError>(batch)
    };
    match accepted.await {
        Ok(batch) => {
            let (frames, detections) = (batch.frames.len(), batch.detections());
            metrics.batches.with_label_values(&["accepted"]).inc();
            metrics.frames.inc_by(frames as u64);
            metrics.detections.inc_by(detections as u64);
            let answer = json!({ "batch_id": batch.id.uuid(), "frames": frames, "detections": detections });
            Ok(HttpResponse::Accepted().json(answer))
        }
        Err(error) => {
            metrics.batches.with_label_values(&[error.label()]).inc();
            debug!(%error, "batch not accepted");
            Err(error)
        }
    }
}

async fn authenticate(http: &HttpRequest, ring: &KeyRing) -> Result<Arc<NodeIdentity>, SubmitError> {
    let presented = bearer(http).ok_or(SubmitError::NoKey)?;
    let key = NodeKey::parse(presented).map_err(|_| SubmitError::UnknownKey)?;
    ring.identify(&key).await.map_err(|error| match error {
        KeyError::Unknown => SubmitError::UnknownKey,
        KeyError::CannotTell => SubmitError::CannotCheckKey,
    })
}
