//! One batch as bytes: length, checksum, and what both are about.
//!
//! ```text
//! length u32 | crc32 u32 | seq u64 | progress u64 | id 16 bytes | frames u32 | detections u32 | flags u8 | body
//!                        └─────────────────── length bytes, of which the checksum is made ──────────────────┘
//! ```
//!
//! Numbers are little-endian. A record that was cut short, or of which only some blocks reached the disk, has a wrong length or a
//! wrong checksum; zeros, which some file systems leave after a power cut, are no record either, for a record is never that short.

use std::io::{self, Read};

use uuid::Uuid;

use crate::sealed::Sealed;
use crate::totals::Count;

/// Length and checksum.
const HEAD: usize = 8;
/// What is there before the body.
const FIXED: usize = 8 + 8 + 16 + 4 + 4 + 1;
/// No batch is longer; a greater length is damage.
const LONGEST: usize = 64 * 1024 * 1024;
const GZIP: u8 = 1;

/// A batch as the spool keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Its number in the stream of its segment.
    pub(super) seq: u64,
    /// How far the input had been read when the batch was closed.
    pub(super) progress: u64,
    pub(super) sealed: Sealed,
}

impl Record {
    pub(super) fn encode(&self) -> Vec<u8> {
        let Sealed { id, count, gzip, body } = &self.sealed;
        let mut payload = Vec::with_capacity(FIXED + body.len());
        payload.extend(self.seq.to_le_bytes());
        payload.extend(self.progress.to_le_bytes());
        payload.extend(id.as_bytes());
        payload.extend(small(count.frames).to_le_bytes());
        payload.extend(small(count.detections).to_le_bytes());
        payload.push(if *gzip { GZIP } else { 0 });
        payload.extend(body);
        let mut bytes = Vec::with_capacity(HEAD + payload.len());
        bytes.extend(small(payload.len() as u64).to_le_bytes());
        bytes.extend(crc32fast::hash(&payload).to_le_bytes());
        bytes.append(&mut payload);
        bytes
    }

    /// How many bytes [`Self::encode`] gives.
    pub(super) fn size(&self) -> u64 {
        (HEAD + FIXED + self.sealed.body.len()) as u64
    }

    /// Reads the next record. `None`: there is none, or what is there is not whole.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let Some(head) = read_exactly(from, HEAD)? else {
            return Ok(None);
        };
        let mut head = Fields(&head);
        let (Some(length), Some(checksum)) = (head.u32(), head.u32()) else {
            return Ok(None);
        };
        let length = length as usize;
        if !(FIXED..=LONGEST).contains(&length) {
            return Ok(None);
        }
        let payload = read_exactly(from, length)?.filter(|payload| crc32fast::hash(payload) == checksum);
        Ok(payload.and_then(|payload| Self::decode(&payload)))
    }

    fn decode(payload: &[u8]) -> Option<Self> {
        let mut fields = Fields(payload);
        Some(Self {
            seq: fields.u64()?,
            progress: fields.u64()?,
            sealed: Sealed {
                id: Uuid::from_bytes(fields.take()?),
                count: Count {
                    batches: 1,
                    frames: fields.u32()?.into(),
                    detections: fields.u32()?.into(),
                },
                gzip: fields.take::<1>()? == [GZIP],
                body: fields.0.to_vec(),
            },
        })
    }
}

/// Bytes from which one number after the other is taken.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

/// So many bytes, or `None` if there are fewer.
pub(super) fn read_exactly(from: &mut impl Read, length: usize) -> io::Result<Option<Vec<u8>>> {
    // Not reserved beforehand: a damaged length must not cost memory that the file does not have.
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes)?;
    Ok((bytes.len() == length).then_some(bytes))
}

/// No batch has more than 2³² of anything.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records() -> impl Strategy<Value = Record> {
        let body = proptest::collection::vec(any::<u8>(), 0..60);
        let counts = (any::<u32>(), any::<u32>(), any::<bool>());
        (any::<u64>(), any::<u64>(), any::<u128>(), counts, body).prop_map(
            |(seq, progress, id, (frames, detections, gzip), body)| Record {
                seq,
                progress,
                sealed: Sealed {
                    id: Uuid::from_u128(id),
                    count: Count {
                        batches: 1,
                        frames: frames.into(),
                        detections: detections.into(),
                    },
                    gzip,
                    body,
                },
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(record in records()) {
            let bytes = record.encode();
            prop_assert_eq!(bytes.len() as u64, record.size());
            prop_assert_eq!(Record::read(&mut &*bytes).unwrap(), Some(record));
        }

        #[test]
        fn a_record_that_ends_too_early_is_none(record in records()) {
            let bytes = record.encode();
            for end in 0..bytes.len() {
                prop_assert_eq!(Record::read(&mut &bytes[..end]).unwrap(), None, "{} of {} bytes", end, bytes.len());
            }
        }

        #[test]
        fn a_record_with_a_wrong_bit_is_none(record in records(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let mut bytes = record.encode();
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            prop_assert_eq!(Record::read(&mut &*bytes).unwrap(), None);
        }

        #[test]
        fn a_record_whose_blocks_did_not_all_reach_the_disk_is_none(record in records(), from in any::<prop::sample::Index>()) {
            let mut bytes = record.encode();
            let from = from.index(bytes.len());
            prop_assume!(bytes[from..].iter().any(|byte| *byte != 0));
            bytes[from..].fill(0);
            prop_assert_eq!(Record::read(&mut &*bytes).unwrap(), None);
        }
    }
}
