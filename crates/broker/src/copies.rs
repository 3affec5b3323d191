//! Queues that get a copy of every message, for somebody who looks on.
//!
//! Such a queue is declared by who consumes it and by nobody else, so that it costs nothing where nobody looks.

use std::time::Duration;

use lapin::{Channel, types::FieldTable};

use crate::topology::{self, DETECTIONS, IMAGES, Topology, arguments, number, text};

/// A queue that gets a copy of every message of some exchanges. It never makes a publisher wait: what is too much is
/// dropped, the oldest first.
#[derive(Debug)]
pub struct CopyQueue {
    /// Its name.
    pub name: &'static str,
    /// What it copies: everything that is published to their exchanges. Replays are not.
    pub of: &'static [Topology],
    /// Messages held at most.
    pub max_length: u64,
    /// Bytes of them held at most.
    pub max_bytes: u64,
    /// No message is held for longer.
    pub ttl: Duration,
    /// The queue is gone when nobody has consumed from it for so long.
    pub expires: Duration,
}

/// What the journal notes. It copies pictures, too: they must neither fill the broker nor outlive what is kept of them.
pub const JOURNAL: CopyQueue = CopyQueue {
    name: "citytrack.journal",
    of: &[DETECTIONS, IMAGES],
    max_length: 100_000,
    max_bytes: 256 << 20,
    ttl: Duration::from_hours(1),
    expires: Duration::from_mins(10),
};

/// Declares the queue and what it copies.
pub(crate) async fn declare(channel: &Channel, queue: &CopyQueue) -> Result<(), lapin::Error> {
    for topology in queue.of {
        topology::declare(channel, topology).await?;
    }
    let exchanges: Vec<&str> = queue.of.iter().map(|topology| topology.exchange).collect();
    topology::declare_queue(channel, queue.name, "#", &exchanges, limits(queue)).await
}

fn limits(queue: &CopyQueue) -> FieldTable {
    arguments([
        ("x-queue-type", text("quorum")),
        ("x-max-length", number(queue.max_length)),
        ("x-max-length-bytes", number(queue.max_bytes)),
        ("x-overflow", text("drop-head")),
        ("x-message-ttl", milliseconds(queue.ttl)),
        ("x-expires", milliseconds(queue.expires)),
    ])
}

fn milliseconds(time: Duration) -> lapin::types::AMQPValue {
    number(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
