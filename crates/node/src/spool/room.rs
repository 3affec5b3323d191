//! How a spool stays within its size: a new segment when one is full, and none of the oldest when there is no room.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::segment::{self, Head};
use super::{Segment, Spool, SyncPolicy, disk_is_full};
use crate::totals::Count;

impl Spool {
    /// Sees to it that so many bytes fit, if need be by dropping the oldest segments.
    pub(super) fn make_room(&mut self, bytes: u64, spare: Option<&BTreeMap<u64, Count>>) -> io::Result<()> {
        let newest = self.segments.get(&self.newest()).copied().unwrap_or_default();
        if newest.bytes > segment::EMPTY && newest.bytes + bytes > self.segment_size() {
            self.rotate()?;
        }
        let Some(spare) = spare else { return Ok(()) };
        while self.used() + bytes > self.options.size.as_u64() && self.segments.len() > 1 {
            self.drop_oldest(spare)?;
        }
        Ok(())
    }

    /// Begins a new segment.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        if self.options.sync != SyncPolicy::Never {
            self.file.sync_data()?;
        }
        let (old, number) = (self.newest(), self.newest() + 1);
        let head = Head {
            stream: self.position.stream,
            first_seq: self.position.seq,
            progress: self.progress,
        };
        self.file = Arc::new(segment::create(&self.options.folder, number, &head)?);
        let begun = Segment {
            bytes: segment::EMPTY,
            waiting: 0,
        };
        self.segments.insert(number, begun);
        if self.segments.get(&old).is_some_and(|segment| segment.waiting == 0) {
            segment::remove(&self.options.folder, old)?;
            self.segments.remove(&old);
        }
        Ok(())
    }

    /// Deletes the oldest segment, and counts what waited in it.
    pub(super) fn drop_oldest(&mut self, spare: &BTreeMap<u64, Count>) -> io::Result<()> {
        let mut dropped = Count::default();
        let Some((oldest, _)) = self.segments.pop_first() else {
            return Ok(());
        };
        self.kept.retain(|ticket, kept| {
            if kept.segment == oldest && !spare.contains_key(ticket) {
                dropped.add(kept.count);
            }
            kept.segment != oldest
        });
        // First the count, then the deed: a crash in between neither forgets them nor counts them twice.
        self.state.first_segment = oldest + 1;
        self.lose(dropped);
        let counted = self.state.write(&self.options.folder);
        segment::remove(&self.options.folder, oldest)?;
        if counted.is_err() {
            // A full disk has room for the count only after the deed, or not even then; the next time it is written again.
            match self.state.write(&self.options.folder) {
                Err(error) if !disk_is_full(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}
