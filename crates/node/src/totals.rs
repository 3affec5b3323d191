//! The figures of a replay.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::batch::Batch;

/// So many batches, with so many frames, with so many detections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Batches.
    pub batches: u64,
    /// Frames.
    pub frames: u64,
    /// Detections.
    pub detections: u64,
}

/// What became of pictures. Each that was taken or found is in the end accepted, refused, dropped or unsent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pictures {
    /// Taken into the spool.
    pub taken: u64,
    /// In the spool at the start.
    pub found: u64,
    /// What the server has safely.
    pub accepted: u64,
    /// What the server found wrong, or takes no more because it is too old.
    pub refused: u64,
    /// What was given up, for want of room or of an answer (`--retry-for`), or could not be read.
    pub dropped: u64,
    /// What was left at the end, and is still in the spool.
    pub unsent: u64,
}

/// The figures of a replay. Everything that was collected is in the end accepted, refused, dropped or unsent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Frames played.
    pub frames: u64,
    /// Detections in them.
    pub detections: u64,
    /// Batches made of them.
    pub batches: u64,
    /// What the server has safely.
    pub accepted: Count,
    /// What the server found wrong.
    pub refused: Count,
    /// What came too late: the server takes ids for some days only.
    pub expired: Count,
    /// What was given up: for want of room, or of an answer (`--retry-for`).
    pub dropped: Count,
    /// What was left at the end. With a spool, it is still there.
    pub unsent: Count,
    /// What was in the spool at the start. It is part of what was accepted, or of another ending.
    pub found: Count,
    /// Pictures, which are counted by themselves.
    pub pictures: Pictures,
    /// Attempts after the first, over all batches and pictures.
    pub retries: u64,
    /// Lines of the input that were no frames.
    pub bad_lines: u64,
    /// Boxes cut off at the edge of the image when the files were read.
    pub clipped: u64,
    /// Boxes left out because nothing of them was inside the image.
    pub outside: u64,
    /// How long it took.
    pub seconds: f64,
}

impl Count {
    /// One batch.
    pub fn of(batch: &Batch) -> Self {
        Self {
            batches: 1,
            frames: batch.frames.len() as u64,
            detections: batch.detections() as u64,
        }
    }

    /// Whether there is nothing of anything.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Adds to it.
    pub fn add(&mut self, other: Self) {
        self.batches += other.batches;
        self.frames += other.frames;
        self.detections += other.detections;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            batches,
            frames,
            detections,
        } = self;
        write!(f, "{frames} frames, {detections} detections, {batches} batches")
    }
}

impl Pictures {
    /// Those that have not come to an end otherwise.
    pub(crate) fn left(&self) -> u64 {
        (self.taken + self.found).saturating_sub(self.accepted + self.refused + self.dropped)
    }
}

/// Nothing at all, where there are none.
impl fmt::Display for Pictures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return Ok(());
        }
        write!(f, "; pictures: {} accepted", self.accepted)?;
        for (what, count) in [
            ("refused", self.refused),
            ("dropped", self.dropped),
            ("unsent", self.unsent),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

impl Totals {
    /// Whether the server has everything.
    pub fn all_accepted(&self) -> bool {
        self.nothing_lost() && self.unsent.is_nothing() && self.pictures.unsent == 0
    }

    /// Whether the server has everything, or will have it.
    pub fn nothing_lost(&self) -> bool {
        [self.refused, self.expired, self.dropped].iter().all(Count::is_nothing)
            && self.bad_lines == 0
            && self.pictures.refused + self.pictures.dropped == 0
    }

    /// For people.
    pub fn as_text(&self) -> String {
        let Self {
            frames,
            detections,
            batches,
            accepted,
            retries,
            seconds,
            ..
        } = self;
        let mut text = format!("{frames} frames, {detections} detections in {seconds:.1} s");
        if *batches == 0 && self.found.is_nothing() {
            let _ = write!(text, "{}", self.pictures);
            return text;
        }
        let _ = write!(text, "; accepted: {accepted}");
        for (what, count) in [
            ("refused", self.refused),
            ("expired", self.expired),
            ("dropped", self.dropped),
            ("unsent", self.unsent),
            ("of it in the spool before", self.found),
        ] {
            if !count.is_nothing() {
                let _ = write!(text, "; {what}: {count}");
            }
        }
        if self.bad_lines > 0 {
            let _ = write!(text, "; bad lines: {}", self.bad_lines);
        }
        let _ = write!(text, "{}; retries: {retries}", self.pictures);
        text
    }

    /// For programs: one line.
    pub fn as_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
