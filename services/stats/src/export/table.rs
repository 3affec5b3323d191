//! Frames as rows: one for each detection.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use citytrack_domain::Slug;
use citytrack_storage::frames::StoredFrame;

use crate::table::{Cell, Column, Format, Kind, TableWriter};

const COLUMNS: [Column; 13] = [
    Column::new("captured_at", Kind::Timestamp),
    Column::new("received_at", Kind::Timestamp),
    Column::new("venue", Kind::Text),
    Column::new("node", Kind::Text),
    Column::new("camera", Kind::Text),
    Column::nullable("frame", Kind::Integer),
    Column::new("class", Kind::Text),
    Column::new("confidence", Kind::Single),
    Column::new("left", Kind::Single),
    Column::new("top", Kind::Single),
    Column::new("width", Kind::Single),
    Column::new("height", Kind::Single),
    Column::nullable("track_id", Kind::Integer),
];

/// Detections on their way into a file.
pub(super) struct Detections {
    venue: Slug,
    table: TableWriter<Outbox>,
    outbox: Outbox,
}

impl Detections {
    pub(super) fn new(venue: Slug, format: Format) -> io::Result<Self> {
        let outbox = Outbox::default();
        let table = TableWriter::new(format, &COLUMNS, outbox.clone())?;
        Ok(Self { venue, table, outbox })
    }

    /// Adds frames. Returns what of the file can be sent by now, perhaps nothing.
    pub(super) fn add(&mut self, frames: &[StoredFrame]) -> io::Result<Bytes> {
        for frame in frames {
            self.add_frame(frame)?;
        }
        self.table.flush()?;
        Ok(self.outbox.take())
    }

    /// The rest of the file.
    pub(super) fn finish(self) -> io::Result<Bytes> {
        self.table.finish()?;
        Ok(self.outbox.take())
    }

    fn add_frame(&mut self, stored: &StoredFrame) -> io::Result<()> {
        let integer = |number: Option<i64>| number.map_or(Cell::Null, Cell::Integer);
        let frame = &stored.frame;
        for detection in &frame.detections {
            let [left, top, width, height] = detection.bounding_box.parts();
            self.table.row(&[
                Cell::Timestamp(frame.captured_at),
                Cell::Timestamp(stored.received_at),
                Cell::Text(self.venue.as_str()),
                Cell::Text(stored.node.as_str()),
                Cell::Text(frame.camera.as_str()),
                integer(frame.number),
                Cell::Text(detection.class.as_str()),
                Cell::Single(detection.confidence.value()),
                Cell::Single(left),
                Cell::Single(top),
                Cell::Single(width),
                Cell::Single(height),
                integer(detection.track_id),
            ])?;
        }
        Ok(())
    }
}

/// What was written and not yet taken. The writers of tables own what they write to, so this is shared with them.
#[derive(Clone, Default)]
struct Outbox(Arc<Mutex<Vec<u8>>>);

impl Outbox {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Outbox {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
