//! What a run sends: which API, how a batch is laid out, and by what its parts are known again.

use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::Serialize;

use crate::batch_id::BatchIds;

/// The API that is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dialect {
    /// CityTrack's own: frames with detections, a message for each frame on the live feed
    Citytrack,
    /// The simpler one of the systems compared with: flat detections, a message for each
    Peer,
}

/// How the detections of a batch are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) frames: u32,
    /// Detections in each frame.
    pub(crate) per_frame: u32,
}

impl Layout {
    pub(crate) fn detections(self) -> u32 {
        self.frames * self.per_frame
    }
}

impl FromStr for Layout {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (frames, per_frame) = text
            .split_once('x')
            .context("wanted FRAMESxDETECTIONS, such as 10x10")?;
        let layout = Self {
            frames: frames.parse()?,
            per_frame: per_frame.parse()?,
        };
        ensure!((1..=1000).contains(&layout.frames), "1 to 1000 frames");
        ensure!((1..=500).contains(&layout.per_frame), "1 to 500 detections in a frame");
        Ok(layout)
    }
}

impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.frames, self.per_frame)
    }
}

/// What a batch and its parts are known by. A *part* is what makes one message on the live feed: a frame here, a detection
/// with a peer. Parts of a run are numbered through: request number × parts in a batch + place in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) dialect: Dialect,
    pub(crate) layout: Layout,
    pub(crate) ids: BatchIds,
    /// The number of the run's first frame. It differs from run to run, so that what an earlier run left behind is not
    /// taken for this one's; all of a run's have ten digits, so that they can be written in place.
    pub(crate) first_frame: u64,
    pub(crate) lapse: Option<Lapse>,
}

/// Captured times that run with the frames and not with the clock: what real cameras see in an hour is sent in a minute, and
/// lies in the database as if it had taken the hour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lapse {
    /// When the first batch was captured, in milliseconds since 1970.
    pub(crate) start: i64,
    /// What a batch adds.
    pub(crate) millis_per_batch: f64,
}

const FIRST_FRAMES: std::ops::Range<u64> = 1_000_000_000..1_500_000_000;
/// Frame numbers stay within 31 bits.
const MOST_FRAMES: u64 = (1 << 31) - FIRST_FRAMES.end;

impl Plan {
    pub(crate) fn new(dialect: Dialect, layout: Layout, max_requests: u32, random: u64) -> Result<Self> {
        let frames = u64::from(max_requests) * u64::from(layout.frames);
        ensure!(
            frames <= MOST_FRAMES,
            "{max_requests} requests of {layout}: at most {MOST_FRAMES} frames in a run"
        );
        let spread = FIRST_FRAMES.end - FIRST_FRAMES.start;
        Ok(Self {
            dialect,
            layout,
            ids: BatchIds::new(random),
            first_frame: FIRST_FRAMES.start + random % spread,
            lapse: None,
        })
    }

    pub(crate) fn with_lapse(self, lapse: Option<Lapse>) -> Self {
        Self { lapse, ..self }
    }

    /// When the last frame of a batch that is sent at `now` was captured; both in milliseconds since 1970.
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds; `as` stops at the bounds")]
    pub(crate) fn captured(&self, request: u32, now: i64) -> i64 {
        self.lapse.map_or(now, |lapse| {
            lapse.start + (f64::from(request) * lapse.millis_per_batch) as i64
        })
    }

    /// Messages that a batch makes on the live feed.
    pub(crate) fn parts(&self) -> u64 {
        u64::from(match self.dialect {
            Dialect::Citytrack => self.layout.frames,
            Dialect::Peer => self.layout.detections(),
        })
    }

    /// The number of the first frame of a request.
    pub(crate) fn frame(&self, request: u32) -> u64 {
        self.first_frame + u64::from(request) * u64::from(self.layout.frames)
    }

    /// The part that a frame number belongs to.
    pub(crate) fn part_of_frame(&self, number: u64) -> Option<u64> {
        number.checked_sub(self.first_frame)
    }

    /// The request that a part belongs to.
    pub(crate) fn request_of(&self, part: u64) -> Option<u32> {
        u32::try_from(part / self.parts()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_read() {
        let layout: Layout = "10x20".parse().unwrap();
        assert_eq!((layout.frames, layout.per_frame, layout.detections()), (10, 20, 200));
        assert_eq!(layout.to_string(), "10x20");
        for wrong in ["", "10", "0x1", "1x0", "1001x1", "1x501", "x", "1x-1"] {
            assert!(wrong.parse::<Layout>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn time_runs_with_the_clock_or_with_the_frames() {
        let plan = Plan::new(Dialect::Citytrack, "10x5".parse().unwrap(), 1000, 99).unwrap();
        assert_eq!(plan.captured(9, 777), 777);
        let (start, millis_per_batch) = (5000, 15.625);
        let plan = plan.with_lapse(Some(Lapse {
            start,
            millis_per_batch,
        }));
        assert_eq!((plan.captured(0, 777), plan.captured(64, 777)), (5000, 6000));
    }

    #[test]
    fn a_frame_leads_back_to_its_request() {
        let plan = Plan::new(Dialect::Citytrack, "10x5".parse().unwrap(), 1000, 99).unwrap();
        assert_eq!(plan.parts(), 10);
        let part = plan.part_of_frame(plan.frame(7) + 3).unwrap();
        assert_eq!((part, plan.request_of(part)), (73, Some(7)));
        assert_eq!(plan.part_of_frame(1042), None);
        let peer = Plan::new(Dialect::Peer, "10x5".parse().unwrap(), 1000, 99).unwrap();
        assert_eq!(peer.parts(), 50);
        assert!(Plan::new(Dialect::Citytrack, "1000x1".parse().unwrap(), 1_000_000, 0).is_err());
    }
}
