//! A run of the program: something feeds the outbox, and the delivery empties it.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::delivery::{Delivery, DeliveryError};
use crate::outbox::Outbox;
use crate::report::Report;
use crate::spool::disk_is_full;

/// What happens when too many batches wait to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum WhenFull {
    /// The input stands still until there is room: nothing is lost
    Wait,
    /// The input goes on as the world does, and what has waited longest is dropped
    DropOldest,
}

/// Feeds and delivers until both are done, or until `stop` and `stop_within` after it.
///
/// # Errors
/// No batch would get through, or the spool is broken.
pub async fn run(
    feed: impl Future<Output = io::Result<()>>,
    delivery: &Delivery<'_>,
    stop: &CancellationToken,
    stop_within: Duration,
) -> Result<(), DeliveryError> {
    let outbox = delivery.outbox;
    let handed_over = CancellationToken::new();
    let feeding = async {
        feed.await?;
        outbox.close();
        handed_over.cancel();
        Ok(())
    };
    let too_late = async {
        stop.cancelled().await;
        // What was collected has to reach the outbox first, however short the time is.
        handed_over.cancelled().await;
        sleep(stop_within).await;
    };
    let result = tokio::select! {
        // An error ends both at once: a feed that nobody delivers for would wait for room for ever.
        result = async { tokio::try_join!(feeding, delivery.run()) } => result.map(|_| ()),
        () = too_late => Ok(()),
        synced = outbox.keep_synced() => synced.map_err(DeliveryError::from),
        () = delivery.report.progress(|| outbox.len()) => Ok(()),
    };
    // A spool that could not be written is not closed well: nobody knows what is in it.
    let closed = match &result {
        Err(DeliveryError::Spool(_)) => Ok(()),
        _ => outbox.finish(),
    };
    delivery.report.dropped(outbox.untold());
    match closed {
        // Nothing is lost by that; the next process only has to be more careful.
        Err(error) if disk_is_full(&error) => delivery
            .report
            .trouble(&format!("the spool is not closed well: {error}")),
        closed => closed?,
    }
    result
}

/// Hands batches over to the outbox, one after the other.
#[derive(Debug)]
pub struct Feed<'a> {
    /// Where they go.
    pub outbox: &'a Outbox,
    /// What happens to one too many.
    pub when_full: WhenFull,
    /// Whether to tell when the input has to wait.
    pub tell: bool,
    /// Ends every waiting.
    pub stop: &'a CancellationToken,
    /// Where to tell how it goes.
    pub report: &'a Report,
    held_up: bool,
}

impl<'a> Feed<'a> {
    /// Nothing was handed over yet.
    pub fn new(outbox: &'a Outbox, when_full: WhenFull, stop: &'a CancellationToken, report: &'a Report) -> Self {
        Self {
            outbox,
            when_full,
            tell: true,
            stop,
            report,
            held_up: false,
        }
    }

    /// Hands a batch over, when there is room for it. `progress` is how far the input has been read.
    ///
    /// # Errors
    /// The spool is broken.
    pub async fn hand_over(&mut self, batch: Batch, progress: u64) -> io::Result<()> {
        self.report.collected();
        if self.outbox.is_full() {
            self.make_room().await;
        } else {
            self.held_up = false;
        }
        let may_drop = self.when_full == WhenFull::DropOldest;
        let dropped = self.outbox.push(batch, progress, may_drop).await?;
        self.report.dropped(dropped);
        Ok(())
    }

    async fn make_room(&mut self) {
        match self.when_full {
            WhenFull::DropOldest => self.report.dropped(self.outbox.drop_oldest().unwrap_or_default()),
            WhenFull::Wait => {
                if self.tell && !self.held_up {
                    self.held_up = true;
                    self.report.held_up(self.outbox.len());
                }
                tokio::select! { () = self.outbox.room() => {}, () = self.stop.cancelled() => {} }
            }
        }
    }
}
