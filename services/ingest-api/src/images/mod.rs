//! Takes pictures in: who sends it, may it be sent now, is it a picture, and to the broker with it.

mod answers;
mod details;
mod error;
mod metrics;
mod question;
mod receipts;
mod receive;
mod sender;
mod start;

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName},
    web::{Bytes, Payload},
};
use citytrack_broker::Message;
use citytrack_common::trace::{TRACEPARENT, TraceParent};
use citytrack_domain::{Clock, ImageDetails, ImageId, ImageVariant};
use citytrack_messages::images::{IMAGE_ID, Upload, encode_upload, uploaded_key};
use tracing::debug;

use self::{
    answers::{Answers, Expected},
    details::{Details, Said},
    metrics::ImageMetrics,
    question::Question,
    receipts::Receipts,
    receive::{Incoming, Received},
    sender::Senders,
};
pub(crate) use self::{error::ImageError, start::start};
use crate::{body, error::SubmitError, gate::Gate, keys::Node, rate::Kind, request::Limits, sink::Sink};

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
    /// The result, if somebody waits for it, and for how long.
    expected: Option<(Expected, Duration)>,
}

/// The anonymised picture.
pub(crate) type Picture = ImageVariant<Bytes>;

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

    /// The result, if it is waited for and comes in time.
    pub(crate) async fn result(&self, accepted: Accepted) -> Result<Option<Picture>, ImageError> {
        let Some((expected, patience)) = accepted.expected else {
            return Ok(None);
        };
        match expected.answer(patience).await.map(|answer| answer.outcome) {
            None => Ok(None),
            Some(Ok(picture)) => Ok(Some(picture)),
            Some(Err(failure)) => Err(self.not_accepted(ImageError::Failed(failure))),
        }
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
        let image = self.image(node, &details, &received);
        let expected = question
            .wait
            .and_then(|wait| Some((self.answers.expect(image.source.id, image.id)?, wait)));
        let bytes = received.picture.len();
        let message = message(
            http,
            &Upload {
                answer_to: expected.is_some().then(|| self.answers.instance().to_owned()),
                boxes: details.boxes,
                image: image.clone(),
                picture: received.picture.clone(),
            },
        );
        drop(received); // the message is a copy, and others may need the room
        self.sink.publish(message).await?;
        self.metrics.accepted(bytes);
        self.receipts.write(&image).await;
        Ok(Accepted { id: image.id, expected })
    }

    fn image(&self, node: &Node, details: &Details, received: &Received) -> ImageDetails {
        let now = self.clock.now();
        ImageDetails {
            id: details.id.unwrap_or_else(|| ImageId::generate(now)),
            source: node.identity.clone(),
            camera: details.camera.clone(),
            captured_at: details.captured_at.unwrap_or(now),
            frame: details.frame,
            received_at: now,
            media_type: received.header.format.media_type().to_owned(),
        }
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

    /// Counts a picture that was not accepted.
    fn not_accepted(&self, error: ImageError) -> ImageError {
        self.metrics.refused(&error);
        debug!(%error, "picture not accepted");
        error
    }
}

/// The upload as a message. It is alone in it: one that has headers is never joined with others.
fn message(http: &HttpRequest, upload: &Upload) -> Message {
    let trace = TraceParent::follow(text(http, &HeaderName::from_static(TRACEPARENT)).as_deref());
    Message {
        route: uploaded_key(&upload.image.source.venue),
        payload: encode_upload(upload),
        headers: vec![
            (IMAGE_ID, upload.image.id.to_string()),
            (TRACEPARENT, trace.to_string()),
        ],
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
