//! The figures of a replay.

use std::fmt::Write as _;

use serde::Serialize;

use crate::batch::Batch;

/// So many batches, with so many frames, with so many detections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Batches.
    pub batches: u64,
    /// Frames.
    pub frames: u64,
    /// Detections.
    pub detections: u64,
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
    /// What was given up: for want of room (`--when-full drop-oldest`) or of an answer (`--retry-for`).
    pub dropped: Count,
    /// What was left when the replay was stopped.
    pub unsent: Count,
    /// Attempts after the first, over all batches.
    pub retries: u64,
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

    /// Adds to it.
    pub fn add(&mut self, other: Self) {
        self.batches += other.batches;
        self.frames += other.frames;
        self.detections += other.detections;
    }
}

impl Totals {
    /// Whether everything that was played was accepted.
    pub fn all_accepted(&self) -> bool {
        let lost = [self.refused, self.dropped, self.unsent];
        lost.iter().all(|count| *count == Count::default())
    }

    /// For people.
    pub fn as_text(&self) -> String {
        let Self {
            frames,
            detections,
            batches,
            accepted,
            refused,
            dropped,
            unsent,
            retries,
            seconds,
            ..
        } = self;
        let mut text = format!("{frames} frames, {detections} detections in {seconds:.1} s");
        if *batches == 0 {
            return text;
        }
        for (what, count) in [
            ("accepted", accepted),
            ("refused", refused),
            ("dropped", dropped),
            ("unsent", unsent),
        ] {
            if what == "accepted" || *count != Count::default() {
                let Count {
                    batches,
                    frames,
                    detections,
                } = count;
                let _ = write!(
                    text,
                    "; {what}: {frames} frames, {detections} detections, {batches} batches"
                );
            }
        }
        let _ = write!(text, "; retries: {retries}");
        text
    }

    /// For programs: one line.
    pub fn as_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
