//! What is asked for, and what the file is called.

use citytrack_common::Problem;
use citytrack_domain::{CameraPattern, Class, Confidence, Slug};
use citytrack_storage::frames::FramesQuery;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{
    query::{Query, invalid},
    table::Format,
};

pub(super) const KNOWN: &[&str] = &["from", "to", "camera", "class", "min_confidence", "format"];
const DEFAULT_RANGE: SignedDuration = SignedDuration::from_hours(24);

pub(super) struct Parameters {
    from: Timestamp,
    to: Timestamp,
    /// Empty: all of them.
    pub(super) cameras: Vec<CameraPattern>,
    /// Empty: all of them.
    classes: Vec<Class>,
    min_confidence: Option<Confidence>,
}

impl Parameters {
    /// Local times are those of `zone`.
    pub(super) fn read(query: &Query, now: Timestamp, zone: &TimeZone) -> Result<Self, Problem> {
        let to = query.time("to", zone)?.unwrap_or(now);
        let from = query.time("from", zone)?.unwrap_or(to - DEFAULT_RANGE);
        if from >= to {
            return Err(invalid("from", "`from` must lie before `to`"));
        }
        Ok(Self {
            from,
            to,
            cameras: query.many("camera")?,
            classes: query.many("class")?,
            min_confidence: query.text("min_confidence")?.map(confidence).transpose()?,
        })
    }

    pub(super) fn query<'a>(&'a self, venue: &'a Slug) -> FramesQuery<'a> {
        FramesQuery {
            venue,
            from: self.from,
            to: self.to,
            cameras: &self.cameras,
            classes: &self.classes,
            min_confidence: self.min_confidence,
        }
    }

    /// `detections-demo-2026-11-22T10-00Z--2026-11-22T11-00Z.csv`: no colons, which some systems do not allow in names.
    pub(super) fn file_name(&self, venue: &Slug, format: Format) -> String {
        let time = |time: Timestamp| {
            let whole_minute = time.as_millisecond() % 60_000 == 0;
            time.strftime(if whole_minute {
                "%Y-%m-%dT%H-%MZ"
            } else {
                "%Y-%m-%dT%H-%M-%SZ"
            })
        };
        let (from, to) = (time(self.from), time(self.to));
        format!("detections-{venue}-{from}--{to}.{}", format.extension())
    }
}

fn confidence(text: &str) -> Result<Confidence, Problem> {
    let number = text.parse().ok().and_then(|number| Confidence::new(number).ok());
    number.ok_or_else(|| {
        let detail = format!("min_confidence is {text:?}, but must be a number from 0 to 1");
        invalid("min_confidence", &detail)
    })
}
