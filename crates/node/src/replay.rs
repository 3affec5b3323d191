//! Plays recordings to a server: a recording in the place of a camera.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, BatchLimits, Collector};
use crate::clock::Moment;
use crate::delivery::Delivery;
use crate::pace::Pace;
use crate::pending::Pending;
use crate::recording::Recording;
use crate::refusal::SubmitError;
use crate::report::Report;
use crate::timeline::{Loops, Timeline};

/// What to play, and how.
#[derive(Debug)]
pub struct Replay {
    /// Played side by side.
    pub recordings: Vec<Recording>,
    /// How often.
    pub loops: Loops,
    /// How fast.
    pub pace: Pace,
    /// When a batch is full.
    pub limits: BatchLimits,
    /// The most batches that wait to be sent, apart from the one on its way.
    pub max_pending: usize,
    /// What happens to one more.
    pub when_full: WhenFull,
    /// After a stop, how long to go on sending what was collected.
    pub stop_within: Duration,
}

/// What happens when too many batches wait to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum WhenFull {
    /// Playback stands still until there is room: nothing is lost
    Wait,
    /// Playback goes on as the world does, and the batch that has waited longest is dropped
    DropOldest,
}

impl Replay {
    /// Plays to the end, or until `stop`. Either way, what was collected is sent before this returns, if the server takes it.
    ///
    /// # Errors
    /// [`SubmitError::Denied`]: the server lets nothing through, so there is no point in going on.
    pub async fn run(&self, delivery: &Delivery<'_>, stop: &CancellationToken) -> Result<(), SubmitError> {
        let pending = Pending::new(self.max_pending);
        let playback = Playback {
            replay: self,
            pending: &pending,
            report: delivery.report,
            stop,
            pace: self.pace,
            collector: Collector::new(self.limits),
            held_up: false,
        };
        let played = async {
            playback.run().await;
            Ok(())
        };
        let too_late = async {
            stop.cancelled().await;
            sleep(self.stop_within).await;
        };
        tokio::select! {
            // An error ends both at once: a playback that nobody delivers for would wait for room for ever.
            result = async { tokio::try_join!(played, delivery.run(&pending)) } => result.map(|_| ()),
            () = too_late => Ok(()),
            () = delivery.report.progress(|| pending.len()) => Ok(()),
        }
    }

    /// Writes the frames as JSON lines, without waiting, instead of sending them.
    ///
    /// # Errors
    /// Nobody reads what is written.
    pub fn print(&self, report: &Report, mut out: impl Write) -> io::Result<()> {
        for (at, recorded) in Timeline::new(&self.recordings, self.loops) {
            let frame = recorded.captured(self.pace.captured_at(at));
            serde_json::to_writer(&mut out, &frame)?;
            out.write_all(b"\n")?;
            report.played(frame.detections.len());
        }
        out.flush()
    }
}

/// A replay that is going on.
struct Playback<'a> {
    replay: &'a Replay,
    pending: &'a Pending,
    report: &'a Report,
    stop: &'a CancellationToken,
    pace: Pace,
    collector: Collector,
    held_up: bool,
}

impl Playback<'_> {
    async fn run(mut self) {
        for (at, recorded) in Timeline::new(&self.replay.recordings, self.replay.loops) {
            let mut captured_at = self.date(at);
            if let Some(closes_at) = self.collector.closes_at().filter(|closes_at| *closes_at <= captured_at) {
                self.wait_for(closes_at).await;
                let batch = self.collector.take();
                self.hand_over(batch).await;
                // Handing over may have taken a while.
                captured_at = self.date(at);
            }
            self.wait_for(captured_at).await;
            if self.stop.is_cancelled() {
                break;
            }
            self.report.played(recorded.detections.len());
            let full = self.collector.add(recorded.captured(captured_at));
            self.hand_over(full).await;
        }
        let rest = self.collector.take();
        self.hand_over(rest).await;
        self.pending.close();
    }

    fn date(&mut self, at: Duration) -> Timestamp {
        self.pace.settle(at, Moment::now());
        self.pace.captured_at(at)
    }

    /// Waits until the moment of that date is to be played, or until somebody stops the replay.
    async fn wait_for(&self, date: Timestamp) {
        if let Some(due) = self.pace.due(date) {
            tokio::select! { () = sleep_until(due) => {}, () = self.stop.cancelled() => {} }
        }
    }

    async fn hand_over(&mut self, batch: Option<Batch>) {
        let Some(batch) = batch else { return };
        self.report.collected();
        if self.pending.is_full() {
            self.make_room().await;
        } else {
            self.held_up = false;
        }
        self.pending.push(batch);
    }

    async fn make_room(&mut self) {
        match self.replay.when_full {
            WhenFull::DropOldest => self
                .pending
                .drop_oldest()
                .iter()
                .for_each(|oldest| self.report.dropped(oldest)),
            WhenFull::Wait => {
                // Without a pace of its own, playback always waits for the server, and there is nothing to tell.
                if !self.held_up && matches!(self.pace, Pace::Live(_)) {
                    self.held_up = true;
                    self.report.held_up(self.replay.max_pending);
                }
                tokio::select! { () = self.pending.room() => {}, () = self.stop.cancelled() => {} }
            }
        }
    }
}
