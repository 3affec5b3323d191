//! Takes batches in: who sends it, may it be sent now, is it good, and to the broker with it.

use std::sync::Arc;

use actix_web::{
    HttpRequest,
    http::header::{HeaderMap, USER_AGENT},
    web::Payload,
};
use citytrack_domain::{Agent, Batch, BatchId, Clock};
use tracing::debug;
use uuid::Uuid;

use crate::{
    error::SubmitError,
    gate::Gate,
    keys::{self, KeyRing, Node},
    metrics::IngestMetrics,
    rate::Kind,
    refusals::Refusals,
    request::{self, Limits},
    sink::{self, Sink},
};

/// All that it takes.
pub(crate) struct Intake {
    pub(crate) ring: KeyRing,
    pub(crate) gate: Gate,
    pub(crate) sink: Sink,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) refusals: Refusals,
    pub(crate) metrics: IngestMetrics,
}

/// A batch that the broker has safely.
pub(crate) struct Accepted {
    pub(crate) id: BatchId,
    pub(crate) kind: Kind,
    pub(crate) frames: usize,
    pub(crate) detections: usize,
    /// Seconds.
    capture_age: f64,
}

impl Intake {
    /// The node whose key the request has.
    pub(crate) async fn authenticate(&self, http: &HttpRequest) -> Result<Arc<Node>, SubmitError> {
        let identified = keys::identify(&self.ring, http).await;
        identified.inspect_err(|error| self.not_accepted(None, error))
    }

    /// Takes a batch of a node in, and counts what became of it.
    pub(crate) async fn take(
        &self,
        http: &HttpRequest,
        payload: Payload,
        node: &Node,
    ) -> Result<Accepted, SubmitError> {
        let accepted = self.accept(http, payload, node).await;
        match &accepted {
            Ok(batch) => self.metrics.accepted(batch.frames, batch.detections, batch.capture_age),
            Err(error) => self.not_accepted(Some(node.identity.id), error),
        }
        accepted
    }

    /// Tells a node what is left of its allowance.
    pub(crate) fn tell(&self, node: &Node, kind: Kind, headers: &mut HeaderMap) {
        self.gate.tell(node, kind, headers);
    }

    async fn accept(&self, http: &HttpRequest, payload: Payload, node: &Node) -> Result<Accepted, SubmitError> {
        self.sink.check()?;
        let idempotency_key = http
            .headers()
            .get("idempotency-key")
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        let in_header = idempotency_key.as_deref().and_then(|id| BatchId::parse(id).ok());
        let mut received = self
            .gate
            .receive(http, payload, node, in_header, self.clock.now())
            .await?;
        let received_at = self.clock.now();
        let posted = request::read(&received.body, idempotency_key.as_deref(), received_at, &self.limits)?;
        let kind = self.gate.assign(node, &mut received, posted.id, received_at)?;
        drop(received); // the body is not needed any more, and others may need its room
        let batch = Batch {
            id: posted.id.unwrap_or_else(|| BatchId::generate(received_at)),
            source: node.identity.clone(),
            received_at,
            position: posted.position,
            agent: agent(http),
            frames: posted.frames,
        };
        let accepted = Accepted {
            id: batch.id,
            kind,
            frames: batch.frames.len(),
            detections: batch.detections(),
            capture_age: batch.capture_age().as_secs_f64(),
        };
        self.sink.publish(sink::message(batch)).await?;
        Ok(accepted)
    }

    fn not_accepted(&self, node: Option<Uuid>, error: &SubmitError) {
        self.metrics.refused(error);
        if let Some(node) = node {
            self.refusals.note(node, error, self.clock.now());
        }
        debug!(%error, "batch not accepted");
    }
}

/// The program that sends the request, by its own words.
fn agent(http: &HttpRequest) -> Option<Agent> {
    let named = http.headers().get(USER_AGENT)?;
    Agent::read(&String::from_utf8_lossy(named.as_bytes()))
}
