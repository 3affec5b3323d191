//! `POST /api/v1/detections`

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use citytrack_access::NodeKey;
use citytrack_common::http::bearer;
use citytrack_domain::{Batch, BatchId, Clock};
use serde_json::json;
use tracing::debug;

use crate::{
    error::SubmitError,
    gate::Gate,
    keys::{KeyError, KeyRing, Node},
    metrics::IngestMetrics,
    rate::Kind,
    refusals::Refusals,
    request::{self, Limits},
    sink::BatchSink,
};

/// What was taken in, for the answer.
struct Accepted {
    node: Arc<Node>,
    kind: Kind,
    id: BatchId,
    frames: usize,
    detections: usize,
    /// Seconds.
    capture_age: f64,
}

/// Takes a batch in: answers 202 when the broker has it safely.
#[expect(
    clippy::too_many_arguments,
    reason = "a handler's signature is its list of dependencies"
)]
pub(crate) async fn submit(
    http: HttpRequest,
    payload: web::Payload,
    ring: web::Data<KeyRing>,
    gate: web::Data<Gate>,
    sink: web::Data<BatchSink>,
    limits: web::Data<Limits>,
    clock: web::Data<Clock>,
    refusals: web::Data<Refusals>,
    metrics: web::Data<IngestMetrics>,
) -> Result<HttpResponse, SubmitError> {
    let mut sender = None;
    let accepted = async {
        let node = authenticate(&http, &ring).await?;
        sender = Some(node.identity.id);
        sink.check()?;
        let idempotency_key = http
            .headers()
            .get("idempotency-key")
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        let in_header = idempotency_key.as_deref().and_then(|id| BatchId::parse(id).ok());
        let received = gate.receive(&http, payload, &node, in_header, clock.now()).await?;
        let received_at = clock.now();
        let posted = request::read(&received.body, idempotency_key.as_deref(), received_at, &limits)?;
        let kind = gate.assign(&node, &received, posted.id, received_at)?;
        drop(received); // the body is not needed any more, and others may need its room
        let batch = Batch {
            id: posted.id.unwrap_or_else(|| BatchId::generate(received_at)),
            source: node.identity.clone(),
            received_at,
            position: posted.position,
            frames: posted.frames,
        };
        let (id, frames, detections) = (batch.id, batch.frames.len(), batch.detections());
        let capture_age = batch.capture_age().as_secs_f64();
        sink.publish(batch).await?;
        Ok::<_, SubmitError>(Accepted {
            node,
            kind,
            id,
            frames,
            detections,
            capture_age,
        })
    }
    .await;
    match accepted {
        Ok(accepted) => {
            let Accepted { frames, detections, .. } = accepted;
            metrics.batches.with_label_values(&["accepted"]).inc();
            metrics.frames.inc_by(frames as u64);
            metrics.detections.inc_by(detections as u64);
            metrics.capture_age.observe(accepted.capture_age);
            let mut answer = HttpResponse::Accepted()
                .json(json!({ "batch_id": accepted.id.uuid(), "frames": frames, "detections": detections }));
            gate.tell(&accepted.node, accepted.kind, answer.headers_mut());
            Ok(answer)
        }
        Err(error) => {
            metrics.refused(&error);
            if let Some(node) = sender {
                refusals.note(node, &error, clock.now());
            }
            debug!(%error, "batch not accepted");
            Err(error)
        }
    }
}

async fn authenticate(http: &HttpRequest, ring: &KeyRing) -> Result<Arc<Node>, SubmitError> {
    let presented = bearer(http).ok_or(SubmitError::NoKey)?;
    let key = NodeKey::parse(presented).map_err(|_| SubmitError::UnknownKey)?;
    ring.identify(&key).await.map_err(|error| match error {
        KeyError::Unknown => SubmitError::UnknownKey,
        KeyError::CannotTell => SubmitError::CannotCheckKey,
    })
}
