//! What the person at the terminal sees: everything unusual in words, the rest in figures.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::recording::Notes;
use crate::refusal::{Refusal, SubmitError};
use crate::sealed::Sealed;
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
    pub fn new(quiet: bool) -> Self {
        Self {
            totals: Mutex::default(),
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

    /// What was changed while the recordings were read.
    pub fn changed(&self, notes: Notes) {
        let mut totals = self.lock();
        (totals.clipped, totals.outside) = (notes.clipped, notes.outside);
    }

    /// What was in the spool at the start.
    pub fn found(&self, count: Count) {
        self.lock().found = count;
        if !count.is_nothing() {
            self.note(&format!("in the spool from before: {count}"));
        }
    }

    /// A frame was played, or read.
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
    pub fn retrying(&self, batch: &Sealed, error: &SubmitError, attempt: u32, wait: Duration) {
        self.lock().retries += 1;
        let wait = wait.as_secs_f64();
        self.say(&format!(
            "batch {}: {error}; attempt {attempt}, the next one in {wait:.1} s",
            batch.id
        ));
    }

    /// A batch was too large, and its halves take its place.
    pub fn split(&self, batch: &Sealed, refusal: &Refusal) {
        self.lock().batches += 1;
        let frames = batch.count.frames;
        self.say(&format!(
            "batch {}: {refusal}; sending its {frames} frames in two halves",
            batch.id
        ));
    }

    /// The server found something wrong with a batch, or with so much of it.
    pub fn refused(&self, batch: &Sealed, count: Count, refusal: &Refusal) {
        self.lock().refused.add(count);
        let of_it = match count.batches {
            0 => format!(" without {} of its {} frames", count.frames, batch.count.frames),
            _ => String::new(),
        };
        let what = if count.batches == 0 { "sent again" } else { "refused" };
        self.say(&format!(
            "batch {} {what}{of_it}: {refusal}{}",
            batch.id,
            violations(refusal)
        ));
    }

    /// The server takes a batch as old as this no more.
    pub fn expired(&self, batch: &Sealed, refusal: &Refusal) {
        self.lock().expired.add(batch.count);
        self.say(&format!(
            "batch {} came too late: {refusal}{}",
            batch.id,
            violations(refusal)
        ));
    }

    /// No attempt got through in the time that was set.
    pub fn gave_up(&self, batch: &Sealed, error: &SubmitError) {
        self.lock().dropped.add(batch.count);
        self.say(&format!("batch {} given up: {error}", batch.id));
    }

    /// Batches made room for newer ones.
    pub fn dropped(&self, count: Count) {
        if !count.is_nothing() {
            self.lock().dropped.add(count);
            self.say(&format!("dropped the oldest to make room: {count}"));
        }
    }

    /// Batches that the spool lost, and not to make room.
    pub fn damaged(&self, count: Count) {
        if !count.is_nothing() {
            self.lock().dropped.add(count);
            self.say(&format!("cannot be read from the spool any more, and is lost: {count}"));
        }
    }

    /// The input ended in the middle. That counts as a bad line: nobody knows what would have come.
    pub fn broken_input(&self, what: &str) {
        self.lock().bad_lines += 1;
        self.say(&format!("the input cannot be read any further: {what}"));
    }

    /// A line of the input is no frame. Only so many are shown.
    pub fn bad_line(&self, number: u64, what: &str, shown: u64) {
        let bad = {
            let mut totals = self.lock();
            totals.bad_lines += 1;
            totals.bad_lines
        };
        if bad <= shown {
            self.say(&format!("line {number}: {what}"));
        }
        if bad == shown {
            self.say("further bad lines are counted, and not shown");
        }
    }

    /// The input stands still until the server takes more.
    pub fn held_up(&self, waiting: usize) {
        self.say(&format!("input waits: {waiting} batches are waiting to be sent"));
    }

    /// So many pictures were in the spool at the start.
    pub fn pictures_found(&self, count: u64) {
        self.lock().pictures.found = count;
        if count > 0 {
            self.note(&format!("in the spool from before: {count} pictures"));
        }
    }

    /// So many pictures were taken into the spool.
    pub fn pictures_taken(&self, count: u64) {
        self.lock().pictures.taken += count;
    }

    /// So many pictures made room for newer ones.
    pub fn pictures_dropped(&self, count: u64) {
        if count > 0 {
            self.lock().pictures.dropped += count;
            self.say(&format!("dropped the oldest to make room: {count} pictures"));
        }
    }

    /// A picture could not be taken into the spool.
    pub fn picture_lost(&self, why: &str) {
        {
            let mut totals = self.lock();
            totals.pictures.taken += 1;
            totals.pictures.dropped += 1;
        }
        self.say(&format!("a picture is left out: {why}"));
    }

    /// The server has a picture.
    pub fn picture_accepted(&self) {
        self.lock().pictures.accepted += 1;
    }

    /// The server found something wrong with a picture.
    pub fn picture_refused(&self, id: Uuid, refusal: &Refusal) {
        self.lock().pictures.refused += 1;
        self.say(&format!("picture {id} refused: {refusal}{}", violations(refusal)));
    }

    /// A picture is given up.
    pub fn picture_dropped(&self, id: Uuid, why: &str) {
        self.lock().pictures.dropped += 1;
        self.say(&format!("picture {id} {why}"));
    }

    /// An attempt to send a picture failed, and there will be another one.
    pub fn picture_retrying(&self, id: Uuid, error: &SubmitError, attempt: u32, wait: Duration) {
        self.lock().retries += 1;
        let wait = wait.as_secs_f64();
        self.say(&format!(
            "picture {id}: {error}; attempt {attempt}, the next one in {wait:.1} s"
        ));
    }

    /// Something went wrong, and it goes on.
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
        let ended = [totals.accepted, totals.refused, totals.expired, totals.dropped];
        let found = totals.found;
        let left =
            |all: u64, part: fn(&Count) -> u64| (all + part(&found)).saturating_sub(ended.iter().map(part).sum());
        totals.unsent = Count {
            batches: left(totals.batches, |count| count.batches),
            frames: left(totals.frames, |count| count.frames),
            detections: left(totals.detections, |count| count.detections),
        };
        totals.pictures.unsent = totals.pictures.left();
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
        dropped,
        retries,
        seconds,
        ..
    } = totals;
    let dropped = match dropped.batches {
        0 => String::new(),
        batches => format!("  {batches} dropped"),
    };
    let per_second = |count: u64| count as f64 / seconds.max(0.001);
    format!(
        "{seconds:.0} s  {frames} frames ({:.0}/s)  {detections} detections ({:.0}/s)  {} of {batches} batches accepted  {waiting} waiting{dropped}  {retries} retries",
        per_second(*frames),
        per_second(*detections),
        accepted.batches,
    )
}

fn violations(refusal: &Refusal) -> String {
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
        let report = Report::new(true);
        report.changed(Notes {
            clipped: 4,
            ..Notes::default()
        });
        for detections in [3, 0, 2] {
            report.played(detections);
        }
        report.collected();
        report.accepted(&Accepted {
            batch_id: uuid::Uuid::nil(),
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
            batch_id: uuid::Uuid::nil(),
            frames: 1,
            detections: 2,
        });
        assert!(report.totals().all_accepted());
        assert!(report.totals().as_json().contains(r#""clipped":4"#));
    }
}
