//! One frame: `{"camera": …, "captured_at": …, "detections": […], …}`.

use citytrack_domain::{CameraName, Detection, Frame, ImageSize};
use jiff::Timestamp;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::{
    Reading, detection,
    object::{Compound, Name, Place, Seed, unseen},
    scalar::{Integer, Text},
};

/// Pixels that an image may have from left to right or from top to bottom.
const LARGEST_SIDE: i64 = 65_535;

pub(super) struct Reader<'r, 'l> {
    pub(super) reading: &'r mut Reading<'l>,
    pub(super) place: Place<'static>,
}

impl<'de> Compound<'de> for Reader<'_, '_> {
    type Value = Frame;
    const EXPECTED: &'static str = "an object";

    fn violation(&mut self, message: String) {
        self.reading.violations.add(self.place, message);
    }

    fn read_object<A: MapAccess<'de>>(self, mut members: A) -> Result<Option<Frame>, A::Error> {
        let Self { reading, place: frame } = self;
        let (mut camera, mut captured_at, mut number, mut detections) = (None, None, None, None);
        let (mut width, mut height, mut sides_are_good) = (None, None, true);
        let mut seen = unseen(["camera", "captured_at", "detections", "frame", "width", "height"]);
        while let Some(Name(name)) = members.next_key()? {
            let place = frame.member(&name);
            reading.note(&mut seen, &name, place);
            match &*name {
                "camera" => {
                    let text: Option<Text> = reading.required(&mut members, place)?;
                    camera = text.and_then(|Text(name)| reading.check(place, CameraName::new(&name)));
                }
                "captured_at" => {
                    let text: Option<Text> = reading.required(&mut members, place)?;
                    captured_at = text.and_then(|Text(time)| reading.time(place, &time));
                }
                "detections" => {
                    let list = Detections {
                        reading: &mut *reading,
                        frame,
                    };
                    detections = members.next_value_seed(Seed(list))?;
                }
                "frame" => number = reading.integer(&mut members, place, 0..=i64::MAX)?,
                side @ ("width" | "height") => {
                    let told = reading.violations.total();
                    let pixels = reading.integer(&mut members, place, 1..=LARGEST_SIDE)?;
                    sides_are_good &= reading.violations.total() == told;
                    *(if side == "width" { &mut width } else { &mut height }) = pixels;
                }
                _ => {
                    let known = "camera, captured_at, detections, frame, width and height";
                    reading.unknown(&mut members, place, known)?;
                }
            }
        }
        reading.missing(frame, &seen[..3]);
        if sides_are_good && width.is_some() != height.is_some() {
            reading
                .violations
                .add(frame, "width and height go together: give both or none");
        }
        let (Some(camera), Some(captured_at), Some(detections)) = (camera, captured_at, detections) else {
            return Ok(None);
        };
        let size = width.zip(height).and_then(|(width, height)| {
            Some(ImageSize {
                width: u32::try_from(width).ok()?,
                height: u32::try_from(height).ok()?,
            })
        });
        Ok(Some(Frame {
            camera,
            captured_at,
            number,
            size,
            detections,
        }))
    }
}

/// The array of detections of a frame, or of a picture.
pub(super) struct Detections<'r, 'l> {
    pub(super) reading: &'r mut Reading<'l>,
    pub(super) frame: Place<'static>,
}

impl<'de> Compound<'de> for Detections<'_, '_> {
    type Value = Vec<Detection>;
    const EXPECTED: &'static str = "an array";

    fn violation(&mut self, message: String) {
        self.reading
            .violations
            .add(self.frame.member(self.frame.list()), message);
    }

    fn read_array<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Option<Vec<Detection>>, A::Error> {
        let limit = self.reading.limits.detections;
        let mut detections = Vec::new();
        let mut count = 0;
        while count < limit {
            let reader = detection::Reader {
                reading: &mut *self.reading,
                place: self.frame.detection(count),
            };
            let Some(detection) = elements.next_element_seed(Seed(reader))? else {
                break;
            };
            detections.extend(detection);
            count += 1;
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        if count > limit {
            self.violation(format!(
                "has {count} detections; at most {limit} are accepted in a frame"
            ));
        }
        Ok(Some(detections))
    }
}

impl Reading<'_> {
    fn time(&mut self, place: Place<'_>, text: &str) -> Option<Timestamp> {
        let Ok(time) = text.parse::<Timestamp>() else {
            self.violations
                .add(place, "must be a time such as 2026-11-22T10:00:00.040Z (RFC 3339)");
            return None;
        };
        self.check(place, self.limits.window.check(time, self.now))
            .map(|()| time)
    }

    /// An optional whole number within a range.
    pub(super) fn integer<'de, A: MapAccess<'de>>(
        &mut self,
        members: &mut A,
        place: Place<'_>,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>, A::Error> {
        let Some(Integer(value)) = self.optional(members, place)? else {
            return Ok(None);
        };
        if range.contains(&value) {
            return Ok(Some(value));
        }
        self.violations.add(
            place,
            format!("must be an integer from {} to {}", range.start(), range.end()),
        );
        Ok(None)
    }
}
