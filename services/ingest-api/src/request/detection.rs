//! One detection: `{"class": …, "confidence": …, "box": [left, top, width, height], "track_id": …}`.

use citytrack_domain::{BoundingBox, Class, Confidence, Detection};
use serde::de::{MapAccess, SeqAccess};

use super::{
    Reading,
    object::{Compound, Name, Place, Seed, unseen},
    scalar::{Given, Number, Scalar, Text},
};

pub(super) struct Reader<'r, 'l> {
    pub(super) reading: &'r mut Reading<'l>,
    pub(super) place: Place<'static>,
}

impl<'de> Compound<'de> for Reader<'_, '_> {
    type Value = Detection;
    const EXPECTED: &'static str = "an object";

    fn violation(&mut self, message: String) {
        self.reading.violations.add(self.place, message);
    }

    fn read_object<A: MapAccess<'de>>(self, mut members: A) -> Result<Option<Detection>, A::Error> {
        let Self {
            reading,
            place: detection,
        } = self;
        let (mut class, mut confidence, mut bounding_box, mut track_id) = (None, None, None, None);
        let mut seen = unseen(["class", "confidence", "box", "track_id"]);
        while let Some(Name(name)) = members.next_key()? {
            let place = detection.member(&name);
            reading.note(&mut seen, &name, place);
            match &*name {
                "class" => {
                    let text: Option<Text> = reading.required(&mut members, place)?;
                    class = text.and_then(|Text(name)| reading.check(place, Class::new(&name)));
                }
                "confidence" => {
                    let number: Option<Number> = reading.required(&mut members, place)?;
                    confidence = number.and_then(|Number(value)| reading.check(place, Confidence::new(value)));
                }
                "box" => {
                    let reader = BoxReader {
                        reading: &mut *reading,
                        detection,
                    };
                    bounding_box = members.next_value_seed(Seed(reader))?;
                }
                "track_id" => track_id = reading.integer(&mut members, place, 0..=i64::MAX)?,
                _ => reading.unknown(&mut members, place, "class, confidence, box and track_id")?,
            }
        }
        reading.missing(detection, &seen[..3]);
        let (Some(class), Some(confidence), Some(bounding_box)) = (class, confidence, bounding_box) else {
            return Ok(None);
        };
        Ok(Some(Detection {
            class,
            confidence,
            bounding_box,
            track_id,
        }))
    }
}

/// `[left, top, width, height]`.
struct BoxReader<'r, 'l> {
    reading: &'r mut Reading<'l>,
    detection: Place<'static>,
}

impl<'de> Compound<'de> for BoxReader<'_, '_> {
    type Value = BoundingBox;
    const EXPECTED: &'static str = "an array of left, top, width and height";

    fn violation(&mut self, message: String) {
        self.reading.violations.add(self.detection.member("box"), message);
    }

    fn read_array<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Option<BoundingBox>, A::Error> {
        let mut parts = [0.0; 4];
        let mut count = 0;
        let mut numbers = true;
        while let Some(given) = elements.next_element::<Given<Number>>()? {
            match (given, parts.get_mut(count)) {
                (Given::Right(Number(value)), Some(part)) => *part = value,
                (Given::Right(_), None) => {}
                (given, _) => {
                    numbers = false;
                    let found = if let Given::Wrong(found) = given { found } else { "null" };
                    let place = self.detection.member("box").element(count);
                    self.reading
                        .violations
                        .add(place, format!("must be {}, not {found}", Number::EXPECTED));
                }
            }
            count += 1;
        }
        if count != 4 {
            self.violation(format!("must hold four numbers, not {count}"));
        } else if numbers {
            let place = self.detection.member("box");
            return Ok(self.reading.check(place, BoundingBox::new(parts)));
        }
        Ok(None)
    }
}
