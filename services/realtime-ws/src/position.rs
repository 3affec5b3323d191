//! Where a viewer stands among the frames of a venue.
//!
//! Every publisher connection (an epoch) numbers its messages of a venue, and RabbitMQ keeps their order in every queue. So
//! "of each epoch everything up to this number" says exactly what somebody has seen, whichever instance showed it, although
//! the instances may see the epochs interleaved differently. The text form of that is the cursor that clients keep.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::{Buf, BufMut};
use citytrack_broker::Stamp;
use citytrack_domain::Slug;
use jiff::Timestamp;

/// The first byte of a cursor.
const VERSION: u8 = 1;
/// Epochs in one position; those that were silent for longest are forgotten first.
const MAX_EPOCHS: usize = 256;
/// Characters of a cursor at most: a position with all its epochs in its longest form.
pub(crate) const MAX_CURSOR: usize = 8192;

/// What was seen of one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) epoch: u64,
    /// Every message up to this one.
    pub(crate) seq: u64,
    /// And so many frames of the next.
    pub(crate) frames: u32,
}

/// What somebody has seen of one venue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// When this was true, by the clock of the instance that said so, in seconds.
    pub(crate) at: i64,
    /// The epoch that moved last comes last.
    seen: Vec<Seen>,
}

/// The text is not a cursor of this venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`since` is not a cursor of this venue: give back one that came with a frame, as it was")]
pub(crate) struct InvalidCursor;

impl Position {
    /// Where somebody stands at `moment` who has seen nothing.
    pub(crate) fn at(moment: Timestamp) -> Self {
        Self {
            at: moment.as_second(),
            seen: Vec::new(),
        }
    }

    /// What was seen of an epoch.
    pub(crate) fn of(&self, epoch: u64) -> Option<Seen> {
        self.seen.iter().rev().find(|seen| seen.epoch == epoch).copied()
    }

    /// Everything, epoch by epoch.
    pub(crate) fn epochs(&self) -> impl Iterator<Item = Seen> {
        self.seen.iter().copied()
    }

    /// Whether this frame of the message, counted from 0, was seen.
    pub(crate) fn includes(&self, stamp: Stamp, frame: u32) -> bool {
        self.of(stamp.epoch)
            .is_some_and(|seen| stamp.seq <= seen.seq || (stamp.seq == seen.seq + 1 && frame < seen.frames))
    }

    /// Notes a frame of the message as seen; with its last one the message is.
    pub(crate) fn advance(&mut self, stamp: Stamp, frame: u32, last: bool) {
        let moved = if last {
            Seen {
                epoch: stamp.epoch,
                seq: stamp.seq,
                frames: 0,
            }
        } else {
            Seen {
                epoch: stamp.epoch,
                seq: stamp.seq.saturating_sub(1),
                frames: frame + 1,
            }
        };
        match self.seen.last_mut() {
            Some(newest) if newest.epoch == moved.epoch => *newest = moved,
            _ => {
                self.seen.retain(|seen| seen.epoch != moved.epoch);
                if self.seen.len() == MAX_EPOCHS {
                    self.seen.remove(0);
                }
                self.seen.push(moved);
            }
        }
    }

    /// Leaves an epoch out of which nothing will come any more.
    pub(crate) fn forget(&mut self, epoch: u64) {
        self.seen.retain(|seen| seen.epoch != epoch);
    }

    /// Whether this was said well after `moment`, whatever the clocks of two instances may differ by.
    pub(crate) fn is_well_after(&self, moment: Timestamp, margin: Duration) -> bool {
        let margin = i64::try_from(margin.as_secs()).unwrap_or(i64::MAX);
        moment.as_second().saturating_add(margin) <= self.at
    }

    /// The text for clients.
    pub(crate) fn cursor(&self, venue: &Slug) -> String {
        let mut bytes = Vec::with_capacity(8 + 12 * self.seen.len());
        bytes.put_u8(VERSION);
        bytes.put_u16(mark(venue));
        put_number(&mut bytes, self.at.unsigned_abs());
        for seen in &self.seen {
            bytes.put_u64(seen.epoch);
            put_number(&mut bytes, seen.seq);
            put_number(&mut bytes, u64::from(seen.frames));
        }
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Position::cursor`] wrote.
    pub(crate) fn parse(cursor: &str, venue: &Slug) -> Result<Self, InvalidCursor> {
        if cursor.len() > MAX_CURSOR {
            return Err(InvalidCursor);
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| InvalidCursor)?;
        read(&bytes, venue).ok_or(InvalidCursor)
    }
}

fn read(mut bytes: &[u8], venue: &Slug) -> Option<Position> {
    let bytes = &mut bytes;
    if bytes.try_get_u8().ok()? != VERSION || bytes.try_get_u16().ok()? != mark(venue) {
        return None;
    }
    let at = i64::try_from(get_number(bytes)?).ok()?;
    let mut seen: Vec<Seen> = Vec::new();
    while bytes.has_remaining() {
        let next = Seen {
            epoch: bytes.try_get_u64().ok()?,
            seq: get_number(bytes)?,
            frames: u32::try_from(get_number(bytes)?).ok()?,
        };
        // Half of the numbers is more than anybody will ever count to, and leaves room to add to them.
        let sane = next.seq <= u64::MAX / 2 && seen.len() < MAX_EPOCHS;
        if !sane || seen.iter().any(|other| other.epoch == next.epoch) {
            return None;
        }
        seen.push(next);
    }
    Some(Position { at, seen })
}

/// Tells cursors of different venues apart, so that a mix-up is noticed.
fn mark(venue: &Slug) -> u16 {
    let [_, _, high, low] = crc32fast::hash(venue.as_str().as_bytes()).to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// A number in groups of seven bits, the lowest first (LEB128).
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.put_u8(low_bits(number) | 0x80);
        number >>= 7;
    }
    bytes.put_u8(low_bits(number));
}

/// The lowest seven.
fn low_bits(number: u64) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low & 0x7F
}

fn get_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let byte = bytes.try_get_u8().ok()?;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn demo() -> Slug {
        Slug::new("demo").unwrap()
    }

    fn stamp(epoch: u64, seq: u64) -> Stamp {
        Stamp { epoch, seq }
    }

    #[test]
    fn a_position_includes_what_was_seen_and_no_more() {
        let mut position = Position::default();
        assert!(!position.includes(stamp(7, 1), 0));
        position.advance(stamp(7, 4), 1, false);
        assert!(position.includes(stamp(7, 3), 9) && position.includes(stamp(7, 4), 1));
        assert!(!position.includes(stamp(7, 4), 2) && !position.includes(stamp(8, 1), 0));
        position.advance(stamp(7, 4), 2, true);
        assert!(position.includes(stamp(7, 4), 2) && !position.includes(stamp(7, 5), 0));
    }

    #[test]
    fn a_cursor_is_of_one_venue_and_of_one_form() {
        let mut position = Position {
            at: 1_795_341_600,
            ..Position::default()
        };
        position.advance(stamp(u64::MAX, 300), 2, false);
        let cursor = position.cursor(&demo());
        assert_eq!(Position::parse(&cursor, &demo()), Ok(position));
        let other = Slug::new("other").unwrap();
        for (wrong, venue) in [
            (cursor.as_str(), &other),
            ("", &demo()),
            ("no cursor", &demo()),
            ("AQ", &demo()),
            (cursor.get(..cursor.len() - 1).unwrap(), &demo()),
            (&"A".repeat(MAX_CURSOR + 1), &demo()),
        ] {
            assert_eq!(Position::parse(wrong, venue), Err(InvalidCursor), "{wrong}");
        }
    }

    #[test]
    fn who_was_silent_for_longest_is_forgotten_first() {
        let mut position = Position::default();
        for epoch in 0..=MAX_EPOCHS as u64 {
            position.advance(stamp(epoch, 1), 0, true);
            position.advance(stamp(0, epoch + 2), 0, true);
        }
        assert!(position.of(0).is_some() && position.of(1).is_none() && position.of(2).is_some());
        assert!(position.cursor(&demo()).len() <= MAX_CURSOR);
    }

    proptest! {
        #[test]
        fn every_position_is_read_again(steps in vec((0..5u64, 1..1_000_000u64, 0..9u32, any::<bool>()), 0..40)) {
            let mut position = Position { at: 42, ..Position::default() };
            for (epoch, seq, frame, last) in steps {
                position.advance(stamp(epoch, seq), frame, last);
            }
            prop_assert_eq!(Position::parse(&position.cursor(&demo()), &demo()), Ok(position));
        }

        #[test]
        fn no_text_is_more_than_refused(text in ".*") {
            let _ = Position::parse(&text, &demo());
        }
    }
}
