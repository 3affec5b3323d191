//! Messages that cannot be processed, put aside with the reason.

use std::time::Duration;

use bytes::Bytes;
use citytrack_broker::{Message, Publisher};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// The header that says why a message is a dead letter.
const REASON: &str = "x-citytrack-reason";
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
    pub(crate) async fn put(&self, route: &str, payload: Bytes, reason: &str, stop: &CancellationToken) -> bool {
        error!(route, bytes = payload.len(), reason, "dead letter");
        loop {
            let headers = vec![(REASON, reason.to_owned())];
            let message = Message {
                route: route.to_owned(),
                payload: payload.clone(),
                headers,
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
