//! Where accepted batches go.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use citytrack_broker::{Message, PublishError, Publisher};
use citytrack_domain::Batch;
use citytrack_messages::{encode, routing_key};
use tracing::warn;

/// When the broker has refused a batch, its queue is full, and none is offered to it for so long: each would be carried to the
/// broker, and on to the live feed, for nothing.
const PAUSE: Duration = Duration::from_secs(1);

/// Built for the benchmark alone that measures the share of this service: batches are answered 202 and thrown away.
const DISCARDS: bool = cfg!(feature = "bench-discard-batches");

/// Hands batches to the broker.
pub(crate) struct BatchSink {
    publisher: Publisher,
    began: Instant,
    /// When the pause ends, in milliseconds since `began`.
    paused_until: AtomicU64,
}

impl BatchSink {
    pub(crate) fn new(publisher: Publisher) -> Self {
        if DISCARDS {
            warn!("batches are not published: built with bench-discard-batches, for benchmarks only");
        }
        Self {
            publisher,
            began: Instant::now(),
            paused_until: AtomicU64::new(0),
        }
    }

    /// Whether a batch would be taken now; asked before any work is done for it.
    pub(crate) fn check(&self) -> Result<(), PublishError> {
        let paused_until = self.paused_until.load(Relaxed);
        if paused_until > 0 && Duration::from_millis(paused_until) > self.began.elapsed() {
            self.publisher.count(PublishError::Refused);
            return Err(PublishError::Refused);
        }
        self.publisher.check()
    }

    /// `Ok` when the broker has the batch safely. While its confirm is awaited, only the encoded batch takes memory.
    pub(crate) async fn publish(&self, batch: Batch) -> Result<(), PublishError> {
        let message = Message {
            route: routing_key(&batch.source.venue),
            payload: encode(&batch),
            headers: Vec::new(),
        };
        drop(batch);
        if DISCARDS {
            return Ok(());
        }
        let result = self.publisher.publish(message).await;
        if result == Err(PublishError::Refused) {
            let until = (self.began.elapsed() + PAUSE).as_millis();
            self.paused_until
                .store(u64::try_from(until).unwrap_or(u64::MAX), Relaxed);
        }
        result
    }
}
