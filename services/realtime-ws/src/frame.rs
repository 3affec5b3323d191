//! A frame on its way to the viewers.

use std::{
    mem::size_of,
    sync::{Arc, OnceLock},
};

use citytrack_broker::Stamp;
use citytrack_domain::{Batch, Detection, Frame};
use jiff::Timestamp;

/// A frame with what is known about its place; held by the history and by whoever has yet to show it.
pub(crate) struct LiveFrame {
    batch: Arc<Batch>,
    /// Its place in the batch.
    index: usize,
    /// `node/camera`; one text for all frames of a camera, so that two are of the same camera when they share it.
    pub(crate) camera: Arc<str>,
    /// The message it came in, its place among all frames of that message, and whether it is the last of them.
    pub(crate) stamp: Stamp,
    pub(crate) place: u32,
    pub(crate) last: bool,
    /// Whether it was old news when it came: what a node sends after an outage.
    pub(crate) backlog: bool,
    /// The text of it with all its detections, once somebody needed that.
    complete: OnceLock<String>,
}

impl LiveFrame {
    pub(crate) fn new(
        batch: Arc<Batch>,
        index: usize,
        camera: Arc<str>,
        stamp: Stamp,
        place: (u32, bool),
        backlog: bool,
    ) -> Self {
        let (place, last) = place;
        Self {
            batch,
            index,
            camera,
            stamp,
            place,
            last,
            backlog,
            complete: OnceLock::new(),
        }
    }

    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The frame itself.
    pub(crate) fn frame(&self) -> &Frame {
        // The index was taken from this batch.
        &self.batch.frames[self.index]
    }

    pub(crate) fn captured_at(&self) -> Timestamp {
        self.frame().captured_at
    }

    /// Its place in the batch, from 0.
    pub(crate) fn place_in_batch(&self) -> u32 {
        u32::try_from(self.index).unwrap_or(u32::MAX)
    }

    /// The text with all detections; `encode` makes it when it is asked for the first time.
    pub(crate) fn complete(&self, encode: impl FnOnce() -> String) -> &str {
        self.complete.get_or_init(encode)
    }

    /// The memory that it takes, roughly: itself, its detections, and its text.
    pub(crate) fn size(&self) -> usize {
        const TEXT: usize = 256;
        const TEXT_OF_A_DETECTION: usize = 96;
        let detection = size_of::<Detection>() + TEXT_OF_A_DETECTION;
        size_of::<Self>() + size_of::<Frame>() + TEXT + self.frame().detections.len() * detection
    }
}
