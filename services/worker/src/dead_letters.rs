//! Messages that cannot be processed, put aside with the reason; and the operator's tool for them.

mod entry;
mod render;
mod settle;
mod show;
mod tool;
mod walk;

use std::time::Duration;

use bytes::Bytes;
use citytrack_broker::{Message, Options, Publisher, follow_length, topology::DETECTIONS};
use citytrack_common::TaskError;
use citytrack_domain::Clock;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::metrics::PersistMetrics;

pub use tool::Tool;

/// The message type of dead letters; the type that the message had is in a header.
pub(crate) const SCHEMA: &str = "citytrack.dead-letter.v1";
/// The headers that say why a message is a dead letter, what type it had, and since when (RFC 3339).
const REASON: &str = "x-citytrack-reason";
const TYPE: &str = "x-citytrack-type";
const SINCE: &str = "x-citytrack-since";
/// Between attempts while the broker does not take it.
const RETRY: Duration = Duration::from_secs(1);

/// Puts messages aside.
pub(crate) struct DeadLetters {
    publisher: Publisher,
    clock: Clock,
}

impl DeadLetters {
    pub(crate) fn new(publisher: Publisher, clock: Clock) -> Self {
        Self { publisher, clock }
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
        let since = self.clock.now().to_string();
        loop {
            let message = Message {
                route: route.to_owned(),
                payload: payload.clone(),
                headers: vec![
                    (REASON, reason.to_owned()),
                    (TYPE, kind.to_owned()),
                    (SINCE, since.clone()),
                ],
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

/// Follows the length of the queue of dead letters until the process stops: what the broker puts there by itself, no counter
/// of a worker shows.
pub(crate) async fn count(
    connection: Options,
    interval: Duration,
    metrics: PersistMetrics,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    let report = |letters: u32| metrics.dead_letters.set(letters.into());
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        never = follow_length(&connection, DETECTIONS.dead_letter_queue, interval, report) => match never {},
    }
}
