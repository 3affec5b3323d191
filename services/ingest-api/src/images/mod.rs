//! Takes pictures in: who sends it, may it be sent now, is it a picture, and to the broker with it.

mod answers;
mod details;
mod error;
mod metrics;
mod question;
mod receipts;
mod receive;
mod sender;

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName},
    web::Payload,
};
use citytrack_domain::{Clock, ImageDetails, ImageId};
use tracing::debug;

pub(crate) use self::{
    answers::{Answers, Expected},
    error::ImageError,
    metrics::ImageMetrics,
    question::Question,
    receipts::Receipts,
    sender::Senders,
};
use self::{
    details::{Details, Said},
    receive::{Incoming, Received},
};
use crate::{
    body,
    error::SubmitError,
    gate::Gate,
    keys::Node,
    rate::Kind,
    request::Limits,
    sink::Sink,
};

/// All that it takes.
pub(crate) struct Images {
    pub(crate) senders: Senders,
    pub(crate) gate: Gate,
    pub(crate) sink: Sink,
    pub(crate) answers: Answers,
    pub(crate) receipts: Receipts,
    pub(crate) limits: Limits,
    pub(crate) header_limits: citytrack_images::Limits,
    pub(crate) max_wait: Duration,
    pub(crate) clock: Clock,
    pub(crate) metrics: ImageMetrics,
}

/// A picture that the broker has safely.
pub(crate) struct Accepted {
    pub(crate) id: ImageId,
    /// The result, if somebody waits for it.
    pub(crate) expected: Option<Expected>,
}

impl Images {
    /// The node that the request comes from.
    pub(crate) async fn authenticate(&self, http: &HttpRequest) -> Result<Arc<Node>, ImageError> {
        let sender = self.senders.identify(http, self.clock.now()).await;
        sender.map_err(|error| self.not_accepted(error.into()))
    }

    /// Takes a picture of a node in, and counts what became of it.
    pub(crate) async fn take(&self, http: &HttpRequest, payload: Payload, node: &Node) -> Result<Accepted, ImageError> {
        let accepted = self.accept(http, payload, node).await;
        accepted.map_err(|error| self.not_accepted(error))
    }

    /// Tells a node what is left of its allowance.
    pub(crate) fn tell(&self, node: &Node, headers: &mut HeaderMap) {
        self.gate.tell(node, Kind::Image, headers);
    }

    async fn accept(&self, http: &HttpRequest, payload: Payload, node: &Node) -> Result<Accepted, ImageError> {
        self.sink.check()?;
        let mut question = Question::read(http.query_string(), self.max_wait)?;
        let header = text(http, &IDEMPOTENCY_KEY);
        // Before the body, since it need not be read when this is wrong.
        let check = |said: &Said| said.check(header.as_deref(), self.clock.now(), &self.limits);
        check(&question.said).map_err(ImageError::Invalid)?;
        let received = self.receive(http, payload, node, &mut question.said).await?;
        let details = check(&question.said).map_err(ImageError::Invalid)?;
        let bytes = received.picture.len();
        let upload = self.upload(node, details, received);
        self.publish(upload, question.wait).await
    }

    async fn receive(
        &self,
        http: &HttpRequest,
        payload: Payload,
        node: &Node,
        said: &mut Said,
    ) -> Result<Received, ImageError> {
        if let Some(packed) = text(http, &CONTENT_ENCODING).filter(|encoding| encoding != "identity") {
            return Err(ImageError::Packed(packed));
        }
        let limits = &self.gate.body_limits;
        if !is_form(http) && body::content_length(http) > limits.bytes {
            return Err(ImageError::TooLarge(limits.bytes));
        }
        let announced = body::announced(http, limits);
        let entry = self.gate.enter(node, &node.image_share, Some(Kind::Image), announced)?;
        let incoming = Incoming::new(&self.gate, node, entry, self.header_limits, announced);
        let receiving = async {
            if is_form(http) {
                incoming.form(http.headers(), payload, said).await
            } else {
                incoming.raw(payload).await
            }
        };
        let received = tokio::time::timeout(limits.timeout, receiving).await;
        received.unwrap_or(Err(SubmitError::SlowBody(limits.timeout).into()))
    }
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

fn is_form(http: &HttpRequest) -> bool {
    text(http, &CONTENT_TYPE).is_some_and(|media_type| media_type.to_ascii_lowercase().starts_with("multipart/"))
}

fn text(http: &HttpRequest, header: &HeaderName) -> Option<String> {
    let value = http.headers().get(header)?;
    Some(String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
}
