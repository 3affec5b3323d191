//! The spool: batches on disk until the server has them.
//!
//! Every batch is written here before it is sent for the first time, with its id, its stream and its number, and stays until there
//! is an answer that settles it. So whatever ends the program, the next one finds each batch that was not accepted, and sends the
//! same bytes under the same id. Why this is code of our own, and why everything is written first: `docs/adr/0013`.

mod inspect;
mod open;
mod record;
mod refused;
mod room;
mod segment;
mod state;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use bytesize::ByteSize;
use jiff::Timestamp;
use uuid::Uuid;

pub use inspect::Status;
pub(crate) use segment::{NEW, write_whole};
pub use state::{Losses, ReplayMark, SyncPolicy};

use crate::batch::{Position, made_at};
use crate::sealed::Sealed;
use crate::totals::Count;
use record::Record;
use state::State;

/// What a spool is divided into: the most that is dropped at once.
const SEGMENTS: u64 = 16;
/// But segments are no longer than this, so that space is given back soon.
const LONGEST_SEGMENT: u64 = 8 * 1024 * 1024;

/// Where the spool is, and how it is kept.
#[derive(Debug, Clone)]
pub struct SpoolOptions {
    /// Its folder. Made if there is none.
    pub folder: PathBuf,
    /// The most bytes on disk.
    pub size: ByteSize,
    /// When to bring to the disk what was written.
    pub sync: SyncPolicy,
}

/// Why there can be no spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Two processes would send the same batches, and give out the same numbers.
    #[error("another process uses the spool {}", .0.display())]
    Locked(PathBuf),
    /// The disk.
    #[error("the spool {}: {source}", folder.display())]
    Io {
        /// Its folder.
        folder: PathBuf,
        /// What happened.
        source: io::Error,
    },
}

/// A batch in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// When it was made.
    pub made_at: Timestamp,
    /// What is in it.
    pub count: Count,
    segment: u64,
    offset: u64,
    seq: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Segment {
    bytes: u64,
    /// Batches that are not done with.
    waiting: usize,
}

/// An open spool. No other process can open it.
#[derive(Debug)]
pub struct Spool {
    options: SpoolOptions,
    state: State,
    segments: BTreeMap<u64, Segment>,
    /// The newest segment.
    file: Arc<File>,
    /// Waiting batches, by tickets that rise with age.
    kept: BTreeMap<u64, Kept>,
    next_ticket: u64,
    position: Position,
    progress: u64,
    /// What was dropped and not told yet.
    untold: Count,
    /// Held until the spool is closed.
    _lock: File,
}

impl Spool {
    /// Where the next batch stands.
    pub fn position(&self) -> Position {
        self.position
    }

    /// How far the input had been read when the last batch was closed.
    pub fn progress(&self) -> u64 {
        self.progress
    }

    /// The batches that wait, with their tickets, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = (u64, &Kept)> {
        self.kept.iter().map(|(ticket, kept)| (*ticket, kept))
    }

    /// The batch of a ticket, if it still waits.
    pub fn get(&self, ticket: u64) -> Option<&Kept> {
        self.kept.get(&ticket)
    }

    /// What was lost over the whole life of the spool.
    pub fn losses(&self) -> Losses {
        self.state.losses
    }

    /// Whether so little room is left that a batch more might cost an old one.
    pub fn is_full(&self) -> bool {
        self.used() + self.segment_size() > self.options.size.as_u64()
    }

    /// The file that was written to last, to be synced as [`SpoolOptions::sync`] says.
    pub fn newest_file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Writes a batch that was sealed with [`Self::position`]. Returns its ticket, and what was dropped since the last time.
    /// `spare` are the tickets of batches on their way to the server, which are not counted as dropped yet; without it, nothing
    /// may be dropped.
    ///
    /// # Errors
    /// The disk is full although everything else was dropped, or broken. What was dropped is then in [`Self::take_untold`].
    pub fn append(
        &mut self,
        sealed: Sealed,
        progress: u64,
        spare: Option<&BTreeMap<u64, Count>>,
    ) -> io::Result<(u64, Count)> {
        let record = Record {
            seq: self.position.seq,
            progress,
            sealed,
        };
        let bytes = record.encode();
        while let Err(error) = self.add(&bytes, spare) {
            match spare {
                // Others fill the disk, too.
                Some(spare) if disk_is_full(&error) && self.segments.len() > 1 => self.drop_oldest(spare)?,
                _ => return Err(error),
            }
        }
        let ticket = self.keep(&record);
        self.position.seq += 1;
        self.progress = progress;
        Ok((ticket, self.take_untold()))
    }

    /// What was dropped, or found damaged, since this was asked the last time.
    pub fn take_untold(&mut self) -> Count {
        std::mem::take(&mut self.untold)
    }

    /// How many batches wait.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether no batch waits.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Reads a waiting batch. `None`: it was dropped. One that cannot be read any more is counted as dropped.
    ///
    /// # Errors
    /// Its file cannot be opened.
    pub fn load(&mut self, ticket: u64) -> io::Result<Option<Sealed>> {
        let Some(kept) = self.kept.get(&ticket).copied() else {
            return Ok(None);
        };
        match segment::load(&self.options.folder, kept.segment, kept.offset)? {
            Some(record) if record.seq == kept.seq => Ok(Some(record.sealed)),
            _ => {
                self.lose(kept.count);
                // What is not written down now, the next process finds again.
                let _ = self.done(ticket);
                let _ = self.state.write(&self.options.folder);
                Ok(None)
            }
        }
    }

    /// A batch needs not be sent any more.
    ///
    /// # Errors
    /// The disk. This process will not find the batch again all the same; the next one may, and sends it a second time.
    pub fn done(&mut self, ticket: u64) -> io::Result<()> {
        let Some(kept) = self.kept.remove(&ticket) else {
            return Ok(());
        };
        let (limit, newest) = (self.segment_size(), self.newest());
        let Some(segment) = self.segments.get_mut(&kept.segment) else {
            return Ok(());
        };
        segment.waiting -= 1;
        if segment.waiting > 0 || (kept.segment == newest && segment.bytes < limit) {
            return segment::mark_done(&self.options.folder, kept.segment, kept.seq);
        }
        if kept.segment == newest {
            self.rotate()?;
        }
        segment::remove(&self.options.folder, kept.segment)?;
        self.segments.remove(&kept.segment);
        Ok(())
    }

    /// Counts what was lost, durably.
    ///
    /// # Errors
    /// The disk.
    pub fn count(&mut self, count: impl FnOnce(&mut Losses)) -> io::Result<()> {
        count(&mut self.state.losses);
        self.state.write(&self.options.folder)
    }

    /// Counts what was dropped. It is durable when the spool is closed.
    pub(crate) fn lose(&mut self, dropped: Count) {
        self.untold.add(dropped);
        self.state.losses.dropped.add(dropped);
    }

    /// Writes a refused batch, and why, to the file for that.
    ///
    /// # Errors
    /// The disk.
    pub fn keep_refused(&self, sealed: &Sealed, reason: &str, now: Timestamp) -> io::Result<()> {
        refused::append(&self.options.folder, sealed, reason, now)
    }

    /// The replay that feeds the spool.
    pub fn replay(&self) -> Option<&ReplayMark> {
        self.state.replay.as_ref()
    }

    /// Remembers the replay that feeds the spool from now on.
    ///
    /// # Errors
    /// The disk.
    pub fn set_replay(&mut self, mark: ReplayMark) -> io::Result<()> {
        self.state.replay = Some(mark);
        self.state.write(&self.options.folder)
    }

    /// Ends well: the next process knows that nothing is missing.
    ///
    /// # Errors
    /// The disk.
    pub fn close(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.state.end();
        self.state.write(&self.options.folder)
    }

    fn used(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }

    fn newest(&self) -> u64 {
        self.segments.keys().next_back().copied().unwrap_or_default()
    }

    fn segment_size(&self) -> u64 {
        (self.options.size.as_u64() / SEGMENTS).min(LONGEST_SEGMENT)
    }

    /// Adds to the newest segment, all or nothing.
    fn add(&mut self, bytes: &[u8], spare: Option<&BTreeMap<u64, Count>>) -> io::Result<()> {
        self.make_room(bytes.len() as u64, spare)?;
        let newest = self.newest();
        if let Some(segment) = self.segments.get_mut(&newest) {
            let mut file = &*self.file;
            if let Err(error) = file.write_all(bytes) {
                file.set_len(segment.bytes)?;
                return Err(error);
            }
            segment.bytes += bytes.len() as u64;
        }
        Ok(())
    }

    fn keep(&mut self, record: &Record) -> u64 {
        let number = self.newest();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        if let Some(segment) = self.segments.get_mut(&number) {
            segment.waiting += 1;
            let kept = Kept::new(record, number, segment.bytes - record.size());
            self.kept.insert(ticket, kept);
        }
        ticket
    }
}

impl Kept {
    fn new(record: &Record, segment: u64, offset: u64) -> Self {
        Self {
            made_at: made_at(record.sealed.id),
            count: record.sealed.count,
            segment,
            offset,
            seq: record.seq,
        }
    }
}

/// Whether it would have worked with more room on the disk.
pub fn disk_is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn new_stream() -> Position {
    Position {
        stream: Uuid::now_v7(),
        seq: 0,
    }
}

#[cfg(test)]
mod tests;
