//! Sends what a detector writes: frames from a pipe in the place of a camera.

use std::io;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, BatchLimits, Collector};
use crate::delivery::{Delivery, DeliveryError};
use crate::input::Line;
use crate::pictures::{About, Taking};
use crate::session::{self, Feed, WhenFull};

/// The most bad lines that are shown; all are counted.
const SHOWN_BAD_LINES: u64 = 20;

/// How to send.
#[derive(Debug)]
pub struct Send {
    /// When a batch is full. Its interval is counted from the moment its first frame was read.
    pub limits: BatchLimits,
    /// What happens when too many batches wait.
    pub when_full: WhenFull,
    /// After the end of the input, or a stop, how long to go on sending.
    pub stop_within: Duration,
}

impl Send {
    /// Sends until the input ends, or until `stop`. Then it goes on sending what waits for as long as [`Self::stop_within`].
    ///
    /// # Errors
    /// No batch would get through, or the spool is broken.
    pub async fn run(
        &self,
        lines: mpsc::Receiver<Line>,
        pictures: Taking<'_>,
        delivery: &Delivery<'_>,
        stop: &CancellationToken,
    ) -> Result<(), DeliveryError> {
        let reading = Reading {
            limits: self.limits,
            lines,
            pictures,
            delivery,
            stop,
            collector: Collector::new(self.limits),
            closes_at: None,
            feed: Feed::new(delivery.outbox, self.when_full, stop, delivery.report),
        };
        session::run(reading.run(), delivery, stop, self.stop_within).await
    }
}

/// An input that is being read.
struct Reading<'a> {
    limits: BatchLimits,
    lines: mpsc::Receiver<Line>,
    pictures: Taking<'a>,
    delivery: &'a Delivery<'a>,
    stop: &'a CancellationToken,
    collector: Collector,
    /// When the open batch is to be handed over.
    closes_at: Option<Instant>,
    feed: Feed<'a>,
}

impl Reading<'_> {
    async fn run(mut self) -> io::Result<()> {
        let mut stopped = false;
        loop {
            tokio::select! {
                // What is due goes first, however fast lines come.
                biased;
                () = self.stop.cancelled(), if !stopped => {
                    // What was read already is still taken.
                    self.lines.close();
                    stopped = true;
                }
                () = until(self.closes_at) => {
                    let batch = self.collector.take();
                    self.hand_over(batch).await?;
                }
                line = self.lines.recv() => match line {
                    Some(line) => self.take(line).await?,
                    None => break,
                },
            }
        }
        let rest = self.collector.take();
        self.hand_over(rest).await?;
        // The end of the input is a stop: what waits is sent for a while, and not for ever.
        self.stop.cancel();
        Ok(())
    }

    async fn take(&mut self, line: Line) -> io::Result<()> {
        let report = self.delivery.report;
        match line {
            Line::Frame(frame, image) => {
                if let Some(file) = image {
                    self.pictures.take(file, About::frame(&frame)).await;
                }
                report.played(frame.detections.len());
                self.closes_at = self.closes_at.or_else(|| Some(Instant::now() + self.limits.interval));
                let full = self.collector.add(frame);
                self.hand_over(full).await?;
            }
            Line::Bad(number, what) => report.bad_line(number, &what, SHOWN_BAD_LINES),
            Line::Broken(what) => report.broken_input(&what),
        }
        Ok(())
    }

    async fn hand_over(&mut self, batch: Option<Batch>) -> io::Result<()> {
        let Some(batch) = batch else { return Ok(()) };
        self.closes_at = None;
        // A replay that used the spool before does not lose its place.
        let progress = self.delivery.outbox.progress();
        self.feed.hand_over(batch, progress).await
    }
}

/// Waits for a moment, or for ever.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
