//! Opening a spool: take what is whole, cut off what is not, and never give out a number twice.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use super::segment::{self, Head, Scan};
use super::state::State;
use super::{Kept, Segment, Spool, SpoolError, SpoolOptions, new_stream};
use crate::batch::Position;

const LOCK: &str = "lock";

impl Spool {
    /// Opens a spool, or makes a new one. Also returns what there is to tell of its state, in words.
    ///
    /// # Errors
    /// Another process has it, or the disk.
    pub fn open(options: SpoolOptions) -> Result<(Self, Vec<String>), SpoolError> {
        let folder = options.folder.clone();
        let io = |source| SpoolError::Io {
            folder: folder.clone(),
            source,
        };
        make_folder(&folder).map_err(io)?;
        let lock = File::create(folder.join(LOCK)).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => Self::recover(options, lock).map_err(io),
            Err(TryLockError::WouldBlock) => Err(SpoolError::Locked(folder)),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }

    fn recover(options: SpoolOptions, lock: File) -> io::Result<(Self, Vec<String>)> {
        let folder = options.folder.clone();
        let mut state = State::read(&folder)?;
        let mut found = Found::read(&folder, &state)?;
        if !state.is_complete() {
            found.new_stream = true;
            let told = "the power was cut before everything was on the disk: numbers go on in a new stream";
            found.notes.push(told.to_owned());
        }
        state.begin(options.sync);
        state.write(&folder)?;
        let (file, position) = found.newest(&folder)?;
        let spool = Self {
            options,
            state,
            file: Arc::new(file),
            next_ticket: found.kept.len() as u64,
            kept: (0..).zip(found.kept).collect(),
            segments: found.segments,
            position,
            progress: found.progress,
            _lock: lock,
        };
        Ok((spool, found.notes))
    }
}

/// What is in the folder.
#[derive(Default)]
struct Found {
    segments: BTreeMap<u64, Segment>,
    kept: Vec<Kept>,
    /// Where the next batch stands, if it is sure.
    position: Option<Position>,
    new_stream: bool,
    progress: u64,
    highest: u64,
    notes: Vec<String>,
}

impl Found {
    fn read(folder: &Path, state: &State) -> io::Result<Self> {
        let mut found = Self::default();
        let numbers = segment::list(folder)?;
        for number in &numbers {
            found.highest = *number;
            if *number < state.first_segment {
                segment::remove(folder, *number)?;
                continue;
            }
            match segment::scan(folder, *number)? {
                Some(scan) => found.take(folder, *number, &scan, numbers.last() == Some(number))?,
                None => found.set_aside(folder, *number)?,
            }
        }
        found.highest = found.highest.max(state.first_segment);
        Ok(found)
    }

    fn take(&mut self, folder: &Path, number: u64, scan: &Scan, newest: bool) -> io::Result<()> {
        if scan.torn > 0 {
            let Scan { torn, intact, .. } = scan;
            self.notes.push(format!(
                "segment {number}: the last {torn} bytes are not a whole batch, and are cut off"
            ));
            let file = File::options()
                .write(true)
                .open(segment::segment_path(folder, number))?;
            file.set_len(*intact)?;
            file.sync_all()?;
        }
        segment::trim_done(folder, number)?;
        let next_seq = scan
            .found
            .last()
            .map_or(scan.head.first_seq, |last| last.record.seq + 1);
        self.position = Some(Position {
            stream: scan.head.stream,
            seq: next_seq,
        });
        self.progress = scan
            .found
            .last()
            .map_or(scan.head.progress, |last| last.record.progress);
        let waiting = scan.found.iter().filter(|found| !found.done);
        let waiting: Vec<Kept> = waiting
            .map(|found| Kept::new(&found.record, number, found.offset))
            .collect();
        if waiting.is_empty() && !newest {
            return segment::remove(folder, number);
        }
        let segment = Segment {
            bytes: scan.intact,
            waiting: waiting.len(),
        };
        self.segments.insert(number, segment);
        self.kept.extend(waiting);
        Ok(())
    }

    /// A segment without a readable head: nobody knows which numbers were given out in it.
    fn set_aside(&mut self, folder: &Path, number: u64) -> io::Result<()> {
        let path = segment::segment_path(folder, number);
        fs::rename(&path, path.with_extension("damaged"))?;
        self.notes.push(format!(
            "segment {number} cannot be read, and is set aside as {number:08}.damaged"
        ));
        self.new_stream = true;
        Ok(())
    }

    /// The file to write to next.
    fn newest(&mut self, folder: &Path) -> io::Result<(File, Position)> {
        if let (Some(position), Some(number), false) =
            (self.position, self.segments.keys().next_back(), self.new_stream)
        {
            let path = segment::segment_path(folder, *number);
            return Ok((File::options().read(true).append(true).open(path)?, position));
        }
        let (number, position) = (self.highest + 1, new_stream());
        let head = Head {
            stream: position.stream,
            first_seq: position.seq,
            progress: self.progress,
        };
        let file = segment::create(folder, number, &head)?;
        let segment = Segment {
            bytes: segment::EMPTY,
            waiting: 0,
        };
        self.segments.insert(number, segment);
        Ok((file, position))
    }
}

/// Only for the node itself: what a camera saw is nobody else's business.
fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    match folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
