//! Queues that get a copy of every message of a topology's exchange, for somebody who looks on.
//!
//! Such a queue is declared by who consumes it and by nobody else, so that it costs nothing where nobody looks.

use std::time::Duration;

use lapin::{Channel, types::FieldTable};

use crate::topology::{arguments, declare_queue, number, text};

/// A queue that gets a copy of every message that is published to the exchange; replays are not. It never makes a publisher
/// be refused: what is too much is dropped, the oldest first.
#[derive(Debug)]
pub struct CopyQueue {
    /// Its name.
    pub name: &'static str,
    /// Messages held at most.
    pub max_length: u64,
    /// Bytes of them held at most.
    pub max_bytes: u64,
    /// No message is held for longer.
    pub ttl: Duration,
    /// The queue is gone when nobody has consumed from it for so long.
    pub expires: Duration,
}

/// What the journal notes of [`DETECTIONS`](crate::topology::DETECTIONS).
pub const JOURNAL: CopyQueue = CopyQueue {
    name: "citytrack.journal",
    max_length: 100_000,
    max_bytes: 256 << 20,
    ttl: Duration::from_hours(1),
    expires: Duration::from_mins(10),
};

/// And of [`IMAGES`](crate::topology::IMAGES), apart, since a confirm waits for every queue that gets the message: no detection
/// may wait for pictures. These must neither fill the broker nor outlive what is kept of them.
pub const JOURNAL_OF_IMAGES: CopyQueue = CopyQueue {
    name: "citytrack.journal.images",
    ..JOURNAL
};

/// Declares the queue as one that copies everything of `exchange`.
pub(crate) async fn declare(channel: &Channel, queue: &CopyQueue, exchange: &str) -> Result<(), lapin::Error> {
    declare_queue(channel, queue.name, "#", &[exchange], limits(queue)).await
}

fn limits(queue: &CopyQueue) -> FieldTable {
    let milliseconds = |time: Duration| number(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    arguments([
        ("x-queue-type", text("quorum")),
        ("x-max-length", number(queue.max_length)),
        ("x-max-length-bytes", number(queue.max_bytes)),
        ("x-overflow", text("drop-head")),
        ("x-message-ttl", milliseconds(queue.ttl)),
        ("x-expires", milliseconds(queue.expires)),
    ])
}
