//! Frames and buckets as PostgreSQL keeps them.

use citytrack_domain::{Class, Frame};
use jiff::Timestamp;

use crate::Error;

/// The columns of a frame that are not the domain's own values.
pub(crate) struct FrameRow {
    pub(crate) width: Option<i32>,
    pub(crate) height: Option<i32>,
    pub(crate) classes: Vec<i32>,
    pub(crate) confidences: Vec<f32>,
    pub(crate) boxes: Vec<f32>,
    /// Null when no detection has a track.
    pub(crate) track_ids: Option<Vec<Option<i64>>>,
}

impl FrameRow {
    pub(crate) fn new(frame: &Frame, class_id: impl Fn(&Class) -> Result<i32, Error>) -> Result<Self, Error> {
        let detections = &frame.detections;
        let tracked = detections.iter().any(|detection| detection.track_id.is_some());
        Ok(Self {
            width: frame.size.and_then(|size| i32::try_from(size.width).ok()),
            height: frame.size.and_then(|size| i32::try_from(size.height).ok()),
            classes: detections
                .iter()
                .map(|detection| class_id(&detection.class))
                .collect::<Result<_, _>>()?,
            confidences: detections
                .iter()
                .map(|detection| detection.confidence.value())
                .collect(),
            boxes: detections
                .iter()
                .flat_map(|detection| detection.bounding_box.parts())
                .collect(),
            track_ids: tracked.then(|| detections.iter().map(|detection| detection.track_id).collect()),
        })
    }
}

/// What a minute bucket gains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    frames: i32,
    detections: i32,
    peak: i32,
}

impl Bucket {
    /// Counts a frame with so many detections.
    pub(crate) fn add_frame(&mut self, detections: usize) {
        let detections = i32::try_from(detections).unwrap_or(i32::MAX);
        self.frames += 1;
        self.detections = self.detections.saturating_add(detections);
        self.peak = self.peak.max(detections);
    }

    /// Frames, detections and peak.
    pub(crate) fn parts(&self) -> [i32; 3] {
        [self.frames, self.detections, self.peak]
    }

    /// Frames, detections and peaks of many buckets, as columns.
    pub(crate) fn columns<'a>(buckets: impl Iterator<Item = &'a Self>) -> [Vec<i32>; 3] {
        let mut columns = [const { Vec::new() }; 3];
        for bucket in buckets {
            for (column, part) in columns.iter_mut().zip(bucket.parts()) {
                column.push(part);
            }
        }
        columns
    }
}

/// The start of the minute that a time lies in.
pub(crate) fn minute(time: Timestamp) -> Timestamp {
    let seconds = time.as_millisecond().div_euclid(60_000) * 60;
    Timestamp::from_second(seconds).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_start_at_their_start() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(minute(at("2026-11-22T10:00:59.999999Z")), at("2026-11-22T10:00:00Z"));
        assert_eq!(minute(at("2026-11-22T10:01:00Z")), at("2026-11-22T10:01:00Z"));
        assert_eq!(minute(at("1969-12-31T23:59:59.5Z")), at("1969-12-31T23:59:00Z"));
    }

    #[test]
    fn a_bucket_adds_up() {
        let mut bucket = Bucket::default();
        bucket.add_frame(3);
        bucket.add_frame(0);
        bucket.add_frame(2);
        assert_eq!(
            bucket,
            Bucket {
                frames: 3,
                detections: 5,
                peak: 3
            }
        );
    }
}
