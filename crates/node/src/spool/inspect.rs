//! Looking into a spool without opening it, also while another process uses it.

use std::fmt;
use std::io;
use std::path::Path;

use bytesize::ByteSize;
use jiff::Timestamp;
use serde::Serialize;

use super::segment;
use super::state::{Losses, State};
use crate::batch::{Position, made_at};
use crate::pictures::Store;
use crate::totals::Count;

/// What is in a spool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// What waits to be sent.
    pub waiting: Count,
    /// When the oldest batch that waits was made.
    pub oldest: Option<Timestamp>,
    /// When the newest one was made.
    pub newest: Option<Timestamp>,
    /// Pictures that wait.
    pub pictures: u64,
    /// Their bytes on disk.
    pub picture_bytes: u64,
    /// The bytes of its segments on disk.
    pub bytes: u64,
    /// Where the next batch will stand.
    pub next: Option<Position>,
    /// What was lost over the whole life of the spool.
    #[serde(flatten)]
    pub losses: Losses,
}

impl Status {
    /// Reads the files of a spool, and changes nothing.
    ///
    /// # Errors
    /// There is no spool, or it cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let state = State::read(folder)?;
        let (pictures, picture_bytes) = Store::look(folder)?;
        let mut status = Self {
            pictures,
            picture_bytes,
            waiting: Count::default(),
            oldest: None,
            newest: None,
            bytes: 0,
            next: None,
            losses: state.losses,
        };
        for number in segment::list(folder)? {
            // A process that sends may delete a segment between the two.
            match segment::scan(folder, number) {
                Ok(Some(scan)) if number >= state.first_segment => status.add(&scan),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(status)
    }

    fn add(&mut self, scan: &segment::Scan) {
        self.bytes += scan.intact;
        for found in scan.found.iter().filter(|found| !found.done) {
            self.waiting.add(found.record.sealed.count);
            let made_at = made_at(found.record.sealed.id);
            self.oldest = Some(self.oldest.map_or(made_at, |oldest| oldest.min(made_at)));
            self.newest = self.newest.max(Some(made_at));
        }
        self.next = Some(Position {
            stream: scan.head.stream,
            seq: scan
                .found
                .last()
                .map_or(scan.head.first_seq, |last| last.record.seq + 1),
        });
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Losses {
            dropped,
            refused,
            expired,
        } = &self.losses;
        write!(f, "waiting:  {}", self.waiting)?;
        if let Some(oldest) = self.oldest {
            write!(f, ", the oldest since {oldest:.0}")?;
        }
        writeln!(f, "\non disk:  {}", ByteSize(self.bytes))?;
        if let Some(Position { stream, seq }) = self.next {
            writeln!(f, "stream:   {stream}, next number {seq}")?;
        }
        writeln!(f, "pictures: {}, {}", self.pictures, ByteSize(self.picture_bytes))?;
        writeln!(f, "dropped:  {dropped}\nrefused:  {refused}\nexpired:  {expired}")
    }
}
