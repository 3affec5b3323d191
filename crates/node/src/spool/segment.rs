//! The files of a spool: batches in the order in which they were made, and beside each file the list of what is done with.
//!
//! `00000007.segment` begins with a head that says which stream its batches belong to, which number comes next, and how far the
//! input had been read; records follow. `00000007.done` holds the numbers of those that need not be sent any more. A segment of
//! which everything is done is deleted, except the newest: it is what tells the next number.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::record::{Fields, Record, read_exactly};

const MAGIC: &[u8; 8] = b"CTSPOOL1";
/// Magic, stream, first number, progress, checksum.
const HEAD: usize = 8 + 16 + 8 + 8 + 4;
/// The length of a segment without records.
pub(super) const EMPTY: u64 = HEAD as u64;
/// A number, and its checksum.
const DONE: usize = 8 + 4;

/// What stands at the beginning of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) stream: Uuid,
    /// The number of the first record.
    pub(super) first_seq: u64,
    pub(super) progress: u64,
}

/// Where a record is, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) offset: u64,
    /// Without the body.
    pub(super) record: Record,
    pub(super) done: bool,
}

/// A segment that was read from end to end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) head: Head,
    pub(super) found: Vec<Found>,
    /// Where the last whole record ends.
    pub(super) intact: u64,
    /// What follows it: a record that was being written when the power went, or damage.
    pub(super) torn: u64,
    /// The highest number that is done with; there may be no such record any more.
    pub(super) last_done: Option<u64>,
}

pub(super) fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.segment"))
}

fn done_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.done"))
}

/// The numbers of the segments in a folder, in order.
pub(super) fn list(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        numbers.extend(
            name.to_str()
                .and_then(|name| name.strip_suffix(".segment"))
                .and_then(|number| number.parse::<u64>().ok()),
        );
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes a new segment. When this returns, a power cut cannot take it away again.
pub(super) fn create(folder: &Path, number: u64, head: &Head) -> io::Result<File> {
    // A list without a segment would count for the new one.
    remove_file(&done_path(folder, number))?;
    let path = segment_path(folder, number);
    write_whole(&path, &head.encode())?;
    File::options().read(true).append(true).open(path)
}

/// A file that is being written, until it has its name.
pub(crate) const NEW: &str = "new";

/// Writes a file so that after a power cut there is all of it, or what was there before.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension(NEW);
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // A name is safe only when its folder is.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Reads a segment. `None`: its head is not whole, so nothing can be said of the rest.
pub(super) fn scan(folder: &Path, number: u64) -> io::Result<Option<Scan>> {
    let file = File::open(segment_path(folder, number))?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    // What the disk does not give back is damage like any other.
    let Ok(Some(head)) = Head::read(&mut reader) else {
        return Ok(None);
    };
    let done = done_list(folder, number);
    let (mut found, mut offset) = (Vec::new(), HEAD as u64);
    while let Ok(Some(mut record)) = Record::read(&mut reader) {
        let size = record.size();
        record.sealed.body = Vec::new();
        let done = done.binary_search(&record.seq).is_ok();
        found.push(Found { offset, record, done });
        offset += size;
    }
    Ok(Some(Scan {
        head,
        found,
        intact: offset,
        torn: length.saturating_sub(offset),
        last_done: done.last().copied(),
    }))
}

/// The record at a place, with its body. `None`: it is damaged, or the disk does not give it back.
///
/// # Errors
/// The file is there and cannot be opened: perhaps later.
pub(super) fn load(folder: &Path, number: u64, offset: u64) -> io::Result<Option<Record>> {
    let mut file = match File::open(segment_path(folder, number)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let sought = file.seek(SeekFrom::Start(offset));
    Ok(sought
        .and_then(|_| Record::read(&mut BufReader::new(file)))
        .unwrap_or_default())
}

/// Puts a segment away that cannot be read, for a person to look at.
pub(super) fn set_aside(folder: &Path, number: u64) -> io::Result<()> {
    let path = segment_path(folder, number);
    fs::rename(&path, path.with_extension("damaged"))
}

/// Writes down that a record need not be sent any more.
///
/// This is not brought to the disk at once: whoever forgets it sends the batch again, and the server knows it by its id.
pub(super) fn mark_done(folder: &Path, number: u64, seq: u64) -> io::Result<()> {
    let mut entry = [0; DONE];
    let (bytes, checksum) = entry.split_at_mut(8);
    bytes.copy_from_slice(&seq.to_le_bytes());
    checksum.copy_from_slice(&crc32fast::hash(bytes).to_le_bytes());
    let file = File::options()
        .create(true)
        .append(true)
        .open(done_path(folder, number));
    let written = file?.write_all(&entry);
    if written.is_err() {
        trim_done(folder, number)?;
    }
    written
}

/// Cuts off half an entry at the end, which would put every later one out of step.
pub(super) fn trim_done(folder: &Path, number: u64) -> io::Result<()> {
    let file = match File::options().write(true).open(done_path(folder, number)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let length = file.metadata()?.len();
    match length % DONE as u64 {
        0 => Ok(()),
        half => file.set_len(length - half),
    }
}

/// What is done with, sorted. Entries that are not whole do not count, nor does a list that cannot be read: then all is sent again,
/// and the server knows it.
fn done_list(folder: &Path, number: u64) -> Vec<u64> {
    let bytes = fs::read(done_path(folder, number)).unwrap_or_default();
    let whole = |entry: &[u8]| {
        let mut fields = Fields(entry);
        let seq = fields.take::<8>()?;
        (fields.u32()? == crc32fast::hash(&seq)).then(|| u64::from_le_bytes(seq))
    };
    let mut numbers: Vec<u64> = bytes.chunks_exact(DONE).filter_map(whole).collect();
    numbers.sort_unstable();
    numbers
}

/// Deletes a segment and its list.
pub(super) fn remove(folder: &Path, number: u64) -> io::Result<()> {
    // The list last: a segment without its list would be sent again, a list without a segment is only litter.
    remove_file(&segment_path(folder, number))?;
    remove_file(&done_path(folder, number))
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

impl Head {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.stream.as_bytes());
        bytes.extend(self.first_seq.to_le_bytes());
        bytes.extend(self.progress.to_le_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let bytes = read_exactly(from, HEAD)?;
        Ok(bytes.and_then(|bytes| {
            let (told, checksum) = bytes.split_at(HEAD - 4);
            let (mut fields, mut checksum) = (Fields(told), Fields(checksum));
            let whole = fields.take()? == *MAGIC && checksum.u32()? == crc32fast::hash(told);
            let head = Self {
                stream: Uuid::from_bytes(fields.take()?),
                first_seq: fields.u64()?,
                progress: fields.u64()?,
            };
            whole.then_some(head)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::Sealed;
    use crate::totals::Count;

    const START: Head = Head {
        stream: Uuid::from_u128(5),
        first_seq: 40,
        progress: 1000,
    };

    fn record(seq: u64) -> Record {
        let sealed = Sealed {
            id: Uuid::from_u128(seq.into()),
            count: Count {
                batches: 1,
                ..Count::default()
            },
            gzip: false,
            body: vec![7; usize::try_from(seq).unwrap()],
        };
        Record {
            seq,
            progress: seq * 10,
            sealed,
        }
    }

    #[test]
    fn a_segment_cut_off_anywhere_keeps_every_whole_record_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = create(folder.path(), 1, &START).unwrap();
        let ends: Vec<u64> = (40..43)
            .map(|seq| {
                file.write_all(&record(seq).encode()).unwrap();
                file.metadata().unwrap().len()
            })
            .collect();
        let whole = fs::read(segment_path(folder.path(), 1)).unwrap();
        for length in 0..=whole.len() as u64 {
            fs::write(
                segment_path(folder.path(), 1),
                &whole[..usize::try_from(length).unwrap()],
            )
            .unwrap();
            let Some(scan) = scan(folder.path(), 1).unwrap() else {
                assert!(length < HEAD as u64);
                continue;
            };
            let kept = ends.iter().filter(|end| **end <= length).count();
            let seqs: Vec<u64> = scan.found.iter().map(|found| found.record.seq).collect();
            assert_eq!(seqs, (40..43).take(kept).collect::<Vec<u64>>(), "{length} bytes");
            assert_eq!((scan.head, scan.intact + scan.torn), (START, length));
        }
    }

    #[test]
    fn what_is_done_is_remembered_and_half_an_entry_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = create(folder.path(), 1, &START).unwrap();
        for seq in 40..43 {
            file.write_all(&record(seq).encode()).unwrap();
        }
        mark_done(folder.path(), 1, 42).unwrap();
        mark_done(folder.path(), 1, 40).unwrap();
        let path = done_path(folder.path(), 1);
        let done = || {
            let scan = scan(folder.path(), 1).unwrap().unwrap();
            scan.found.iter().map(|found| found.done).collect::<Vec<bool>>()
        };
        assert_eq!(done(), [true, false, true]);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(done(), [false, false, true]);
        // Zeros are what some file systems leave of what was not brought to the disk; they name no number.
        fs::write(&path, [0; 3 * DONE]).unwrap();
        assert_eq!(done(), [false, false, false]);
    }

    #[test]
    fn a_record_is_found_where_the_scan_says() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = create(folder.path(), 1, &START).unwrap();
        for seq in 40..43 {
            file.write_all(&record(seq).encode()).unwrap();
        }
        let scan = scan(folder.path(), 1).unwrap().unwrap();
        assert_eq!(load(folder.path(), 1, scan.found[2].offset).unwrap(), Some(record(42)));
        assert_eq!(list(folder.path()).unwrap(), [1]);
        remove(folder.path(), 1).unwrap();
        assert_eq!(list(folder.path()).unwrap(), Vec::<u64>::new());
    }
}
