//! Plays recordings to a server: a recording in the place of a camera.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, BatchLimits, Collector};
use crate::clock::Moment;
use crate::delivery::{Delivery, DeliveryError};
use crate::pace::Pace;
use crate::recording::Recording;
use crate::report::Report;
use crate::session::{self, Feed, WhenFull};
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
    /// What happens when too many batches wait.
    pub when_full: WhenFull,
    /// After a stop, how long to go on sending what was collected.
    pub stop_within: Duration,
    /// What to leave out, because it was played before.
    pub resume: Resume,
}

/// Where a replay goes on that was ended before its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resume {
    /// The spool's progress when the replay began from the beginning.
    pub origin: u64,
    /// How many frames were played since.
    pub played: u64,
}

impl Replay {
    /// Plays to the end, or until `stop`. Either way, what was collected is sent before this returns, if the server takes it.
    ///
    /// # Errors
    /// The server lets nothing through, so there is no point in going on; or the spool is broken.
    pub async fn run(&self, delivery: &Delivery<'_>, stop: &CancellationToken) -> Result<(), DeliveryError> {
        let mut feed = Feed::new(delivery.outbox, self.when_full, stop, delivery.report);
        // Without a pace of its own, playback always waits for the server, and there is nothing to tell.
        feed.tell = matches!(self.pace, Pace::Live(_));
        let playback = Playback {
            replay: self,
            report: delivery.report,
            stop,
            pace: self.pace,
            collector: Collector::new(self.limits),
            feed,
            played: self.resume.played,
        };
        session::run(playback.run(), delivery, stop, self.stop_within).await
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
    report: &'a Report,
    stop: &'a CancellationToken,
    pace: Pace,
    collector: Collector,
    feed: Feed<'a>,
    /// Frames since the beginning of the replay.
    played: u64,
}

impl Playback<'_> {
    async fn run(mut self) -> io::Result<()> {
        let timeline = Timeline::new(&self.replay.recordings, self.replay.loops);
        let mut timeline = timeline
            .skip(usize::try_from(self.played).unwrap_or(usize::MAX))
            .peekable();
        let begun = self.begun(timeline.peek().map(|(at, _)| *at));
        for (at, recorded) in timeline {
            let at = at.saturating_sub(begun);
            let mut captured_at = self.date(at);
            if let Some(closes_at) = self.collector.closes_at().filter(|closes_at| *closes_at <= captured_at) {
                self.wait_for(closes_at).await;
                let batch = self.collector.take();
                self.hand_over(batch).await?;
                // Handing over may have taken a while.
                captured_at = self.date(at);
            }
            self.wait_for(captured_at).await;
            if self.stop.is_cancelled() {
                break;
            }
            self.played += 1;
            self.report.played(recorded.detections.len());
            let full = self.collector.add(recorded.captured(captured_at));
            self.hand_over(full).await?;
        }
        let rest = self.collector.take();
        self.hand_over(rest).await
    }

    /// The time in the recording that is now, when the first frame is played. (At full speed, dates are those of the first run.)
    fn begun(&self, first: Option<Duration>) -> Duration {
        match self.pace {
            Pace::Live(_) if self.replay.resume.played > 0 => first.unwrap_or_default(),
            _ => Duration::ZERO,
        }
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

    async fn hand_over(&mut self, batch: Option<Batch>) -> io::Result<()> {
        match batch {
            Some(batch) => {
                self.feed
                    .hand_over(batch, self.replay.resume.origin + self.played)
                    .await
            }
            None => Ok(()),
        }
    }
}
