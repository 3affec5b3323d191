//! What the person at the terminal sees: everything unusual in words, the rest in figures.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::batch::Batch;
use crate::recording::Notes;
use crate::refusal::SubmitError;
use crate::totals::{Count, Totals};
use crate::wire::Accepted;

/// The most violations that are shown of one batch: after the first few they repeat.
const SHOWN_VIOLATIONS: usize = 10;
/// How often progress is shown on a terminal, and elsewhere, where each time is another line.
const PROGRESS: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];

/// Counts, and tells.
#[derive(Debug)]
pub struct Report {
    totals: Mutex<Totals>,
    begun: Instant,
    quiet: bool,
    terminal: bool,
}

impl Report {
    /// A report from now on. A quiet one tells only of trouble.
    pub fn new(quiet: bool, notes: Notes) -> Self {
        let totals = Totals {
            clipped: notes.clipped,
            outside: notes.outside,
            ..Totals::default()
        };
        Self {
            totals: Mutex::new(totals),
            begun: Instant::now(),
            quiet,
            terminal: io::stderr().is_terminal(),
        }
    }

    /// Tells something that is good to know.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// A frame was played.
    pub fn played(&self, detections: usize) {
        let mut totals = self.lock();
        totals.frames += 1;
        totals.detections += detections as u64;
    }

    /// A batch was collected.
    pub fn collected(&self) {
        self.lock().batches += 1;
    }

    /// The server has a batch.
    pub fn accepted(&self, accepted: &Accepted) {
        let count = Count {
            batches: 1,
            frames: accepted.frames,
            detections: accepted.detections,
        };
        self.lock().accepted.add(count);
    }

    /// The server answered again.
    pub fn reached(&self, failures: u32) {
        if failures > 0 {
            self.note(&format!(
                "accepted after {failures} {}",
                if failures == 1 { "retry" } else { "retries" }
            ));
        }
    }

    /// An attempt failed, and there will be another one.
    pub fn retrying(&self, batch: &Batch, error: &SubmitError, attempt: u32, wait: Duration) {
        self.lock().retries += 1;
        let wait = wait.as_secs_f64();
        self.say(&format!(
            "batch {}: {error}; attempt {attempt}, the next one in {wait:.1} s",
            batch.batch_id
        ));
    }

    /// A batch was too large, and its halves take its place.
    pub fn split(&self, batch: &Batch, error: &SubmitError) {
        self.lock().batches += 1;
        self.say(&format!(
            "batch {}: {error}; sending its {} frames in two halves",
            batch.batch_id,
            batch.frames.len()
        ));
    }

    /// The server found something wrong with a batch.
    pub fn refused(&self, batch: &Batch, error: &SubmitError) {
        self.lock().refused.add(Count::of(batch));
        self.say(&format!(
            "batch {} refused: {error}{}",
            batch.batch_id,
            violations(error)
        ));
    }

    /// No attempt got through in the time that was set.
    pub fn gave_up(&self, batch: &Batch, error: &SubmitError) {
        self.lock().dropped.add(Count::of(batch));
        self.say(&format!("batch {} given up: {error}", batch.batch_id));
    }

    /// A batch made room for a newer one.
    pub fn dropped(&self, batch: &Batch) {
        self.lock().dropped.add(Count::of(batch));
        self.say(&format!(
            "batch {} dropped: too many are waiting to be sent",
            batch.batch_id
        ));
    }

    /// Playback stands still until the server takes more.
    pub fn held_up(&self, waiting: usize) {
        self.say(&format!("playback waits: {waiting} batches are waiting to be sent"));
    }

    /// Trouble that ends the replay.
    pub fn trouble(&self, text: &str) {
        self.say(text);
    }

    /// Shows progress from time to time, for ever.
    pub async fn progress(&self, waiting: impl Fn() -> usize) {
        let [on_terminal, elsewhere] = PROGRESS;
        let mut ticks = tokio::time::interval(if self.terminal { on_terminal } else { elsewhere });
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if !self.quiet {
                let line = progress_line(&self.totals(), waiting());
                let frame = if self.terminal {
                    format!("\r\x1b[2K{line}")
                } else {
                    format!("{line}\n")
                };
                print_to_stderr(&frame);
            }
        }
    }

    /// The figures so far. What was collected and has not come to an end otherwise counts as unsent.
    pub fn totals(&self) -> Totals {
        let mut totals = *self.lock();
        let ended = [totals.accepted, totals.refused, totals.dropped];
        let left = |all: u64, part: fn(&Count) -> u64| all.saturating_sub(ended.iter().map(part).sum());
        totals.unsent = Count {
            batches: left(totals.batches, |count| count.batches),
            frames: left(totals.frames, |count| count.frames),
            detections: left(totals.detections, |count| count.detections),
        };
        totals.seconds = (self.begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        totals
    }

    /// Leaves nothing of the progress behind.
    pub fn clear_progress(&self) {
        if self.terminal {
            print_to_stderr("\r\x1b[2K");
        }
    }

    fn say(&self, text: &str) {
        let clear = if self.terminal { "\r\x1b[2K" } else { "" };
        print_to_stderr(&format!("{clear}citytrack-node: {text}\n"));
    }

    fn lock(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
fn progress_line(totals: &Totals, waiting: usize) -> String {
    let Totals {
        frames,
        detections,
        batches,
        accepted,
        retries,
        seconds,
        ..
    } = totals;
    let per_second = |count: u64| count as f64 / seconds.max(0.001);
    format!(
        "{seconds:.0} s  {frames} frames ({:.0}/s)  {detections} detections ({:.0}/s)  {} of {batches} batches accepted  {waiting} waiting  {retries} retries",
        per_second(*frames),
        per_second(*detections),
        accepted.batches,
    )
}

fn violations(error: &SubmitError) -> String {
    let SubmitError::Invalid(refusal) = error else {
        return String::new();
    };
    let all = &refusal.problem.violations;
    let mut lines = String::new();
    for violation in all.iter().take(SHOWN_VIOLATIONS) {
        let _ = write!(lines, "\n  {}: {}", violation.pointer, violation.message);
    }
    if all.len() > SHOWN_VIOLATIONS {
        let _ = write!(lines, "\n  and {} more", all.len() - SHOWN_VIOLATIONS);
    }
    lines
}

/// Unlike `eprint!`, survives that nobody reads any more.
fn print_to_stderr(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_ends_somewhere() {
        let report = Report::new(
            true,
            Notes {
                clipped: 4,
                ..Notes::default()
            },
        );
        let batch = Batch::new(vec![]);
        for detections in [3, 0, 2] {
            report.played(detections);
        }
        report.collected();
        report.accepted(&Accepted {
            batch_id: batch.batch_id,
            frames: 2,
            detections: 3,
        });
        let totals = report.totals();
        assert_eq!(
            totals.unsent,
            Count {
                batches: 0,
                frames: 1,
                detections: 2
            }
        );
        assert!(!totals.all_accepted());
        report.accepted(&Accepted {
            batch_id: batch.batch_id,
            frames: 1,
            detections: 2,
        });
        assert!(report.totals().all_accepted());
        assert!(report.totals().as_json().contains(r#""clipped":4"#));
    }
}
