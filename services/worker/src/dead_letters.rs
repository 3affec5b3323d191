//! Messages that cannot be processed, put aside with the reason.

use std::time::Duration;

use bytes::Bytes;
use citytrack_broker::{Message, Publisher};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// The message type of dead letters; the type that the message had is in a header.
pub(crate) const SCHEMA: &str = "citytrack.dead-letter.v1";
/// The headers that say why a message is a dead letter, and what type it had.
const REASON: &str = "x-citytrack-reason";
const TYPE: &str = "x-citytrack-type";
/// Between attempts while the broker does not take it.
const RETRY: Duration = Duration::from_secs(1);

/// Puts messages aside.
pub(crate) struct DeadLetters {
    publisher: Publisher,
}

impl DeadLetters {
    pub(crate) fn new(publisher: Publisher) -> Self {
        Self { publisher }
    }

    /// Publishes the message to the dead letters, trying until the broker has it. False when the process stops first; then
    /// the original must not be acknowledged.
    pub(crate) async fn put(&self, letter: Letter<'_>, stop: &CancellationToken) -> bool {
        let Letter {
            route,
            kind,
            payload,
            reason,
        } = letter;
        error!(route, bytes = payload.len(), reason, "dead letter");
        loop {
            let message = Message {
                route: route.to_owned(),
                payload: payload.clone(),
                headers: vec![(REASON, reason.to_owned()), (TYPE, kind.to_owned())],
            };
            match self.publisher.publish(message).await {
                Ok(()) => return true,
                Err(error) => warn!(%error, "the dead letter is held until the broker takes it"),
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }
}

/// A message to be put aside.
pub(crate) struct Letter<'l> {
    /// The routing key that it had.
    pub(crate) route: &'l str,
    /// The message type that it had.
    pub(crate) kind: &'l str,
    pub(crate) payload: Bytes,
    /// Why it cannot be processed.
    pub(crate) reason: &'l str,
}
