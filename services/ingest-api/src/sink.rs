//! Where accepted batches go.

use citytrack_broker::{Message, PublishError, Publisher};
use citytrack_domain::Batch;
use citytrack_messages::{encode, routing_key};

/// Hands batches to the broker.
pub(crate) struct BatchSink {
    publisher: Publisher,
}

impl BatchSink {
    pub(crate) fn new(publisher: Publisher) -> Self {
        Self { publisher }
    }

    /// Whether a batch would be taken now; asked before any work is done for it.
    pub(crate) fn check(&self) -> Result<(), PublishError> {
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
        self.publisher.publish(message).await
    }
}
