//! Where accepted batches and pictures go.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use citytrack_broker::{Message, PublishError, Publisher};
use citytrack_domain::Batch;
use citytrack_messages::{encode, routing_key};
use tracing::warn;

/// When the broker has refused something, its queue is full, and nothing is offered to it for so long: each batch would be carried
/// to the broker, and on to the live feed, for nothing.
const PAUSE: Duration = Duration::from_secs(1);

/// Built for the benchmark alone that measures the share of this service: batches are answered 202 and thrown away.
const DISCARDS: bool = cfg!(feature = "bench-discard-batches");

/// Hands messages to an exchange of the broker. Batches and pictures have one each: a queue that is full holds up only its own.
pub(crate) struct Sink {
    publisher: Publisher,
    began: Instant,
    /// When the pause ends, in milliseconds since `began`.
    paused_until: AtomicU64,
}

/// A batch as a message. It takes no memory beside.
pub(crate) fn message(batch: Batch) -> Message {
    let message = Message {
        route: routing_key(&batch.source.venue),
        payload: encode(&batch),
        headers: Vec::new(),
    };
    drop(batch);
    message
}

impl Sink {
    pub(crate) fn new(publisher: Publisher) -> Self {
        if DISCARDS {
            warn!("nothing is published: built with bench-discard-batches, for benchmarks only");
        }
        Self {
            publisher,
            began: Instant::now(),
            paused_until: AtomicU64::new(0),
        }
    }

    /// Whether something would be taken now; asked before any work is done for it.
    pub(crate) fn check(&self) -> Result<(), PublishError> {
        let paused_until = self.paused_until.load(Relaxed);
        if paused_until > 0 && Duration::from_millis(paused_until) > self.began.elapsed() {
            self.publisher.count(PublishError::Refused);
            return Err(PublishError::Refused);
        }
        self.publisher.check()
    }

    /// `Ok` when the broker has the message safely.
    pub(crate) async fn publish(&self, message: Message) -> Result<(), PublishError> {
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

#[cfg(test)]
mod tests {
    use citytrack_broker::{Options, PublisherMetrics, PublisherOptions, topology::DETECTIONS};
    use prometheus::Registry;

    use super::*;

    fn options() -> PublisherOptions {
        PublisherOptions {
            connection: Options {
                url: "amqp://127.0.0.1:1".to_owned(),
                name: "test".to_owned(),
                heartbeat: PAUSE,
                topology: DETECTIONS,
            },
            exchange: DETECTIONS.exchange,
            kind: "test",
            mandatory: true,
            max_waiting: 1,
            max_waiting_bytes: 1024,
            max_group_bytes: 1024,
            gather: Duration::ZERO,
            confirm_timeout: PAUSE,
        }
    }

    #[test]
    fn what_is_refused_during_the_pause_is_counted_as_refused() {
        let registry = Registry::new();
        let (publisher, _never_run) = Publisher::new(options(), PublisherMetrics::new(&registry).unwrap());
        let sink = Sink::new(publisher);
        assert_eq!(sink.check(), Err(PublishError::Unavailable));
        sink.paused_until.store(u64::MAX, Relaxed);
        assert_eq!(sink.check(), Err(PublishError::Refused));
        assert_eq!(sink.check(), Err(PublishError::Refused));
        let text = prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap();
        for line in ["{reason=\"refused\"} 2", "{reason=\"unavailable\"} 1"] {
            let line = format!("citytrack_broker_publish_errors_total{line}");
            assert!(text.contains(&line), "{text}");
        }
    }
}
