//! What nodes send: a batch of frames of detections.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};
use uuid::{Uuid, Version};

use crate::{
    agent::Agent,
    clock::new_id,
    geometry::BoundingBox,
    names::{CameraName, Class},
    place::NodeIdentity,
    position::StreamPosition,
};

/// What a node posted at once, accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Makes a repeated batch recognisable.
    pub id: BatchId,
    /// Who sent it.
    pub source: NodeIdentity,
    /// When it came in, by our clock.
    pub received_at: Timestamp,
    /// Where it stands among the batches of its node, if the node counts them.
    pub position: Option<StreamPosition>,
    /// The program that sent it, if it said.
    pub agent: Option<Agent>,
    /// At least one frame.
    pub frames: Vec<Frame>,
}

impl Batch {
    /// Detections in all frames.
    pub fn detections(&self) -> usize {
        self.frames.iter().map(|frame| frame.detections.len()).sum()
    }

    /// How long after its newest frame was taken it came in; negative when the node's clock is ahead of ours.
    pub fn capture_age(&self) -> SignedDuration {
        let newest = self.frames.iter().map(|frame| frame.captured_at).max();
        self.received_at.duration_since(newest.unwrap_or(self.received_at))
    }
}

/// One image that the detector looked at. Without detections it still says that nobody was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The camera that took it.
    pub camera: CameraName,
    /// When it was taken, by the node's clock.
    pub captured_at: Timestamp,
    /// The node's own number of the frame.
    pub number: Option<i64>,
    /// Size of the image in pixels.
    pub size: Option<ImageSize>,
    /// What was seen.
    pub detections: Vec<Detection>,
}

/// Width and height of an image in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

/// One object in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// What it is.
    pub class: Class,
    /// How sure the detector is.
    pub confidence: Confidence,
    /// Where it is.
    pub bounding_box: BoundingBox,
    /// The track it belongs to, if the node tracks.
    pub track_id: Option<i64>,
}

/// A confidence from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Confidence(f32);

/// The number is no confidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number from 0 to 1")]
pub struct InvalidConfidence;

impl Confidence {
    /// Checks the number.
    ///
    /// # Errors
    /// When it is not from 0 to 1.
    pub fn new(value: f64) -> Result<Self, InvalidConfidence> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "seven digits are more than a detector knows"
        )]
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value as f32))
        } else {
            Err(InvalidConfidence)
        }
    }

    /// A confidence that was checked before it was stored or sent.
    pub fn from_checked(value: f32) -> Self {
        Self(value)
    }

    /// The number.
    pub fn value(self) -> f32 {
        self.0
    }
}

/// The id of a batch: a `UUIDv7` (RFC 9562), so that it carries the time it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(Uuid);

/// Why a text is no batch id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchIdError {
    /// Not a UUID at all.
    #[error("must be a UUID of version 7 (RFC 9562)")]
    NotUuid,
    /// Another version; those do not tell their time.
    #[error("must be a UUID of version 7 (RFC 9562), not another version")]
    NotVersion7,
}

impl BatchId {
    /// Checks a text.
    ///
    /// # Errors
    /// When it is not a UUID of version 7.
    pub fn parse(text: &str) -> Result<Self, BatchIdError> {
        Self::from_uuid(Uuid::try_parse(text).map_err(|_| BatchIdError::NotUuid)?)
    }

    /// Checks a UUID.
    ///
    /// # Errors
    /// When it is not of version 7.
    pub fn from_uuid(id: Uuid) -> Result<Self, BatchIdError> {
        if id.get_version() == Some(Version::SortRand) {
            Ok(Self(id))
        } else {
            Err(BatchIdError::NotVersion7)
        }
    }

    /// A new id with the time of `now`.
    pub fn generate(now: Timestamp) -> Self {
        Self(new_id(now))
    }

    /// When the id was made, to the millisecond.
    pub fn time(self) -> Timestamp {
        let millis = self.0.get_timestamp().map_or(0, |time| {
            let (seconds, nanos) = time.to_unix();
            i64::try_from(seconds).unwrap_or(i64::MAX / 1000).saturating_mul(1000) + i64::from(nanos / 1_000_000)
        });
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }

    /// The UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// How far a time that a node names may lie from ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How old it may be.
    pub back: Duration,
    /// How far it may be ahead.
    pub ahead: Duration,
}

impl Window {
    /// Whether `time` is acceptable at `now`; if not, what is wrong with it.
    ///
    /// # Errors
    /// A sentence that says how far out the time is and what is allowed.
    pub fn check(&self, time: Timestamp, now: Timestamp) -> Result<(), String> {
        let age = now.duration_since(time);
        if age > SignedDuration::try_from(self.back).unwrap_or(SignedDuration::MAX) {
            return Err(format!(
                "lies {} in the past; at most {} is accepted",
                rounded(age),
                rounded_std(self.back)
            ));
        }
        if -age > SignedDuration::try_from(self.ahead).unwrap_or(SignedDuration::MAX) {
            return Err(format!(
                "lies {} ahead of the server's clock; at most {} is accepted",
                rounded(-age),
                rounded_std(self.ahead)
            ));
        }
        Ok(())
    }
}

fn rounded(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        ..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn rounded_std(duration: Duration) -> String {
    rounded(SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_id_tells_its_time() {
        let now: Timestamp = "2026-11-22T10:00:00.040Z".parse().unwrap();
        let id = BatchId::generate(now);
        assert_eq!(id.time(), now);
        assert_eq!(BatchId::parse(&id.to_string()), Ok(id));
    }

    #[test]
    fn other_versions_are_no_batch_ids() {
        assert_eq!(
            BatchId::parse("d9428888-122b-4c1b-9c5e-1f9d2c3b4a5e"),
            Err(BatchIdError::NotVersion7)
        );
        assert_eq!(BatchId::parse("17"), Err(BatchIdError::NotUuid));
    }

    #[test]
    fn the_window_says_how_far_out_a_time_is() {
        let window = Window {
            back: Duration::from_secs(7 * 86_400),
            ahead: Duration::from_secs(300),
        };
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        assert!(window.check(now - SignedDuration::from_hours(167), now).is_ok());
        assert!(window.check(now + SignedDuration::from_secs(300), now).is_ok());
        let ahead = window.check(now + SignedDuration::from_mins(6), now).unwrap_err();
        assert_eq!(
            ahead,
            "lies 6 minutes ahead of the server's clock; at most 5 minutes is accepted"
        );
        let past = window.check(now - SignedDuration::from_hours(24 * 9), now).unwrap_err();
        assert_eq!(past, "lies 9 days in the past; at most 7 days is accepted");
    }

    #[test]
    fn a_confidence_lies_between_0_and_1() {
        assert!(Confidence::new(0.0).is_ok() && Confidence::new(1.0).is_ok());
        assert!(Confidence::new(1.01).is_err() && Confidence::new(f64::NAN).is_err());
    }
}
