//! What a live queue gets.

use lapin::{Channel, options::QueueBindOptions, types::FieldTable};

/// The routes of a queue.
pub(super) struct Routes<'o> {
    pub(super) channel: &'o Channel,
    pub(super) queue: &'o str,
    pub(super) exchange: &'static str,
}

impl Routes<'_> {
    pub(super) async fn bind(&self, route: &str) -> Result<(), lapin::Error> {
        let (queue, exchange) = (self.queue.into(), self.exchange.into());
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        self.channel
            .queue_bind(queue, exchange, route.into(), options, none)
            .await
    }

    /// Also when it is not bound.
    pub(super) async fn unbind(&self, route: &str) -> Result<(), lapin::Error> {
        let (queue, exchange) = (self.queue.into(), self.exchange.into());
        self.channel
            .queue_unbind(queue, exchange, route.into(), FieldTable::default())
            .await
    }
}
