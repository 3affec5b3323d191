//! Collects frames into batches.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::wire::Frame;

/// What is posted at once.
///
/// The id is made here, once: every attempt to send this batch carries the same one, and so the server stores it once however
/// often it arrives. Other frames are another batch, and need another id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// A UUIDv7: it begins with the time at which the batch was made.
    pub batch_id: Uuid,
    /// Lets the server tell which batches never came.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// At least one frame.
    pub frames: Vec<Frame>,
}

/// Where a batch stands among all that a node sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// One for the life of a spool; without a spool, one for each start of the program.
    pub stream: Uuid,
    /// Counts up by one, from 0.
    pub seq: u64,
}

/// The time at which the batch of this id was made.
pub fn made_at(id: Uuid) -> Timestamp {
    let time = id.get_timestamp().map(|time| time.to_unix());
    time.and_then(|(seconds, nanoseconds)| Timestamp::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Batch {
    /// A batch of these frames, with an id of its own.
    pub fn new(frames: Vec<Frame>) -> Self {
        Self {
            batch_id: Uuid::now_v7(),
            position: None,
            frames,
        }
    }

    /// How many detections its frames hold.
    pub fn detections(&self) -> usize {
        self.frames.iter().map(|frame| frame.detections.len()).sum()
    }

    /// Two batches in the place of one that was too large. `None`: a single frame cannot be divided.
    ///
    /// Both get new ids. The old id belongs to the old content, of which the server has taken nothing.
    pub fn halves(&self) -> Option<(Self, Self)> {
        let (first, second) = self.frames.split_at(self.frames.len() / 2);
        (!first.is_empty()).then(|| (self.part(1, None, first), self.part(2, self.position, second)))
    }

    /// What is left of a batch without some of its frames. `None`: nothing is.
    pub fn without(&self, unwanted: impl Fn(usize) -> bool) -> Option<Self> {
        let left = self.frames.iter().enumerate().filter(|(index, _)| !unwanted(*index));
        let left: Vec<Frame> = left.map(|(_, frame)| frame.clone()).collect();
        (!left.is_empty()).then(|| self.part(3, self.position, &left))
    }

    /// A part of this batch. Its id follows from the id of the whole, so that the same part gets the same id when the node has been
    /// restarted in between. The part that is sent last stands where the whole stood: when it has come, nothing is missing.
    fn part(&self, number: u64, position: Option<Position>, frames: &[Frame]) -> Self {
        Self {
            batch_id: part_id(self.batch_id, number),
            position,
            frames: frames.to_vec(),
        }
    }
}

/// The time of the whole batch, and other random bits: the next state of a congruential generator (Knuth's MMIX) whose increment
/// is the number of the part.
fn part_id(whole: Uuid, number: u64) -> Uuid {
    let (mut bytes, (_, low)) = (whole.into_bytes(), whole.as_u64_pair());
    let next = low.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(number);
    if let Some(random) = bytes.last_chunk_mut() {
        *random = next.to_be_bytes();
    }
    Builder::from_bytes(bytes)
        .with_version(uuid::Version::SortRand)
        .with_variant(uuid::Variant::RFC4122)
        .into_uuid()
}

/// When a batch is full.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// The time that one batch spans, by `captured_at`.
    pub interval: Duration,
    /// The most frames.
    pub frames: usize,
    /// The number of detections at which a batch is closed.
    pub detections: usize,
}

/// Gathers frames until a batch is full.
#[derive(Debug)]
pub struct Collector {
    limits: BatchLimits,
    frames: Vec<Frame>,
    detections: usize,
}

impl Collector {
    /// A collector with nothing in it.
    pub fn new(limits: BatchLimits) -> Self {
        Self {
            limits,
            frames: Vec::new(),
            detections: 0,
        }
    }

    /// When the open batch is to be closed: a frame of this time or later belongs to the next one. `None`: nothing is open.
    pub fn closes_at(&self) -> Option<Timestamp> {
        let first = self.frames.first()?;
        Some(
            first
                .captured_at
                .checked_add(self.limits.interval)
                .unwrap_or(Timestamp::MAX),
        )
    }

    /// Takes a frame in. Returns the batch, if that filled it.
    pub fn add(&mut self, frame: Frame) -> Option<Batch> {
        self.detections += frame.detections.len();
        self.frames.push(frame);
        let full = self.frames.len() >= self.limits.frames || self.detections >= self.limits.detections;
        if full { self.take() } else { None }
    }

    /// Closes the open batch. `None`: there was nothing in it.
    pub fn take(&mut self) -> Option<Batch> {
        self.detections = 0;
        let frames = std::mem::take(&mut self.frames);
        (!frames.is_empty()).then(|| Batch::new(frames))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Detection;

    const LIMITS: BatchLimits = BatchLimits {
        interval: Duration::from_secs(1),
        frames: 4,
        detections: 10,
    };

    fn frame(milliseconds: i64, detections: usize) -> Frame {
        let person = Detection {
            class: "person".to_owned(),
            confidence: 1.0,
            bounds: [0.1, 0.1, 0.1, 0.1],
            track_id: None,
        };
        Frame {
            camera: "entrance".to_owned(),
            frame: None,
            captured_at: Timestamp::from_millisecond(milliseconds).unwrap(),
            width: None,
            height: None,
            detections: vec![person; detections],
        }
    }

    #[test]
    fn a_batch_closes_one_interval_after_its_first_frame() {
        let mut collector = Collector::new(LIMITS);
        assert_eq!(collector.closes_at(), None);
        assert_eq!(collector.add(frame(500, 0)), None);
        assert_eq!(collector.add(frame(1400, 0)), None);
        assert_eq!(collector.closes_at(), Some(Timestamp::from_millisecond(1500).unwrap()));
        assert_eq!(collector.take().unwrap().frames.len(), 2);
        assert_eq!(collector.take(), None);
    }

    #[test]
    fn a_batch_closes_when_it_is_full() {
        let mut collector = Collector::new(LIMITS);
        assert!((0..3).all(|at| collector.add(frame(at, 1)).is_none()));
        assert_eq!(collector.add(frame(3, 1)).unwrap().frames.len(), 4);
        assert!(collector.add(frame(4, 9)).is_none());
        assert_eq!(collector.add(frame(5, 1)).unwrap().detections(), 10);
    }

    #[test]
    fn halves_hold_the_same_frames_under_new_ids() {
        let batch = Batch::new((0..5).map(|at| frame(at, 1)).collect());
        let (first, second) = batch.halves().unwrap();
        assert_eq!([first.frames.clone(), second.frames.clone()].concat(), batch.frames);
        assert!(
            first.batch_id != batch.batch_id && second.batch_id != batch.batch_id && first.batch_id != second.batch_id
        );
        assert_eq!(Batch::new(vec![frame(0, 3)]).halves(), None);
    }

    #[test]
    fn parts_have_the_same_ids_every_time_and_no_two_have_the_same() {
        let mut whole = Batch::new((0..8).map(|at| frame(at, 1)).collect());
        let position = Position {
            stream: Uuid::now_v7(),
            seq: 4,
        };
        whole.position = Some(position);
        let quarters = |batch: &Batch| {
            let (first, second) = batch.halves().unwrap();
            let without = second.without(|index| index == 0).unwrap();
            let (a, b) = first.halves().unwrap();
            let (c, d) = second.halves().unwrap();
            [first, second, without, a, b, c, d]
        };
        let parts = quarters(&whole);
        assert_eq!(parts, quarters(&whole));
        let mut ids: Vec<Uuid> = parts.iter().map(|part| part.batch_id).chain([whole.batch_id]).collect();
        assert!(
            ids.iter()
                .all(|id| id.get_version_num() == 7 && made_at(*id) == made_at(whole.batch_id))
        );
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 8);
        let positions = parts.map(|part| part.position.is_some());
        assert_eq!(positions, [false, true, true, false, false, false, true]);
    }

    #[test]
    fn ids_are_of_version_seven_and_sort_by_time() {
        let ids: Vec<Uuid> = (0..100).map(|_| Batch::new(vec![frame(0, 0)]).batch_id).collect();
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert!(ids.is_sorted());
    }
}
