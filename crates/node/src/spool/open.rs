//! Opening a spool: take what is whole, leave out what is not, and never give out a number twice.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use super::segment::{self, Head, Scan};
use super::state::{self, State};
use super::{Kept, Segment, Spool, SpoolError, SpoolOptions, SyncPolicy, disk_is_full, new_stream};
use crate::batch::Position;
use crate::totals::Count;

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
        let (mut state, unreadable) = match State::read(&folder) {
            // Somebody else's spool, and not a damaged one.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
            Err(error) => (State::default(), Some(error)),
            Ok(state) => (state, None),
        };
        let mut found = Found::read(&folder, &state)?;
        found.judge(&state, unreadable);
        let (file, position) = match found.begin(&folder, &mut state, options.sync) {
            // Others fill the disk, too. Once: what does not fit then will not fit either when all is dropped.
            Err(error) if disk_is_full(&error) && found.segments.len() > 1 => {
                found.drop_oldest(&folder, &mut state)?;
                found.begin(&folder, &mut state, options.sync)?
            }
            begun => begun?,
        };
        let spool = Self {
            options,
            state,
            file: Arc::new(file),
            next_ticket: found.kept.len() as u64,
            kept: (0..).zip(found.kept).collect(),
            segments: found.segments,
            position,
            progress: found.progress,
            untold: found.dropped,
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
    /// Segments that cannot be read.
    damaged: Vec<u64>,
    /// `state.json` cannot be read.
    state_damaged: bool,
    /// What made room on a full disk.
    dropped: Count,
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
                None => found.set_aside(*number),
            }
        }
        found.highest = found.highest.max(state.first_segment);
        Ok(found)
    }

    fn take(&mut self, folder: &Path, number: u64, scan: &Scan, newest: bool) -> io::Result<()> {
        if scan.torn > 0 {
            // Nothing is written behind them any more, so there they may stay.
            let text = format!("segment {number}: the last {} bytes are not a whole batch", scan.torn);
            self.notes.push(text);
        }
        // If that cannot be done, entries do not count, and batches are sent again.
        let _ = segment::trim_done(folder, number);
        let next_seq = scan
            .found
            .last()
            .map_or(scan.head.first_seq, |last| last.record.seq + 1);
        if newest && (scan.torn > 0 || scan.last_done.is_some_and(|done| done >= next_seq)) {
            self.new_stream = true;
            let told = "batches are missing at the end, and may have been sent: numbers go on in a new stream";
            self.notes.push(told.to_owned());
        }
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
            bytes: scan.intact + scan.torn,
            waiting: waiting.len(),
        };
        self.segments.insert(number, segment);
        self.kept.extend(waiting);
        Ok(())
    }

    /// A segment without a readable head: nobody knows which numbers were given out in it.
    fn set_aside(&mut self, number: u64) {
        self.notes.push(format!(
            "segment {number} cannot be read, and is set aside as {number:08}.damaged"
        ));
        self.damaged.push(number);
        self.new_stream = true;
    }

    /// Whether the numbers can go on, by what the last process left behind.
    fn judge(&mut self, state: &State, unreadable: Option<io::Error>) {
        if let Some(error) = unreadable {
            self.state_damaged = true;
            self.notes.push(format!(
                "state.json cannot be read ({error}), and is set aside as state.damaged: losses are counted from 0, a replay \
                 begins anew, and numbers go on in a new stream"
            ));
        } else if !state.is_complete() {
            let told = "the power was cut before everything was on the disk: numbers go on in a new stream";
            self.notes.push(told.to_owned());
        } else {
            return;
        }
        self.new_stream = true;
    }

    /// Makes the spool this process's own. The order matters, for this may end anywhere: only when the newest segment is safe may
    /// anything be forgotten that asked for a new one.
    fn begin(&mut self, folder: &Path, state: &mut State, sync: SyncPolicy) -> io::Result<(File, Position)> {
        let (file, position) = self.newest(folder)?;
        // The process before may not have synced as this one will.
        file.sync_all()?;
        if self.state_damaged {
            state::set_aside(folder)?;
        }
        state.begin(sync);
        state.write(folder)?;
        for number in &self.damaged {
            segment::set_aside(folder, *number)?;
        }
        Ok((file, position))
    }

    /// Deletes the oldest segment, for room on a full disk.
    fn drop_oldest(&mut self, folder: &Path, state: &mut State) -> io::Result<()> {
        let Some((oldest, _)) = self.segments.pop_first() else {
            return Ok(());
        };
        let (dropped, kept) = std::mem::take(&mut self.kept)
            .into_iter()
            .partition::<Vec<Kept>, _>(|kept| kept.segment == oldest);
        self.kept = kept;
        for kept in dropped {
            self.dropped.add(kept.count);
        }
        state.first_segment = oldest + 1;
        state.losses.dropped.add(self.dropped);
        segment::remove(folder, oldest)
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
