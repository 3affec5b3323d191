//! The body: `{"batch_id": …, "stream": …, "seq": …, "frames": […]}`.

use citytrack_domain::{BatchId, Frame, StreamPosition};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use uuid::Uuid;

use super::{
    Reading, frame,
    object::{Compound, Name, Place, Seed, unseen},
    scalar::Text,
};

/// What the body holds, as far as it can be read.
#[derive(Debug, Default)]
pub(super) struct Submission {
    pub(super) batch_id: Option<BatchId>,
    pub(super) position: Option<StreamPosition>,
    pub(super) frames: Vec<Frame>,
}

pub(super) struct Reader<'r, 'l> {
    pub(super) reading: &'r mut Reading<'l>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_, '_> {
    type Value = Submission;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Submission, D::Error> {
        Ok(Seed(self).deserialize(deserializer)?.unwrap_or_default())
    }
}

impl<'de> Compound<'de> for Reader<'_, '_> {
    type Value = Submission;
    const EXPECTED: &'static str = "an object with frames";

    fn violation(&mut self, message: String) {
        self.reading.violations.add(Place::default(), message);
    }

    fn read_object<A: MapAccess<'de>>(self, mut members: A) -> Result<Option<Submission>, A::Error> {
        let Self { reading } = self;
        let mut submission = Submission::default();
        let (mut stream, mut seq, mut both_are_good) = (None, None, true);
        let mut seen = unseen(["frames", "batch_id", "stream", "seq"]);
        while let Some(Name(name)) = members.next_key()? {
            let place = Place::default().member(&name);
            reading.note(&mut seen, &name, place);
            match &*name {
                "batch_id" => {
                    let text: Option<Text> = reading.optional(&mut members, place)?;
                    submission.batch_id = text.and_then(|Text(id)| reading.check(place, BatchId::parse(&id)));
                }
                "stream" => {
                    let told = reading.violations.total();
                    let text: Option<Text> = reading.optional(&mut members, place)?;
                    stream = text.and_then(|Text(id)| reading.check(place, uuid(&id)));
                    both_are_good &= reading.violations.total() == told;
                }
                "seq" => {
                    let told = reading.violations.total();
                    seq = reading.integer(&mut members, place, 0..=StreamPosition::LARGEST_SEQ)?;
                    both_are_good &= reading.violations.total() == told;
                }
                "frames" => {
                    let frames = members.next_value_seed(Seed(Frames { reading: &mut *reading }))?;
                    submission.frames = frames.unwrap_or_default();
                }
                _ => reading.unknown(&mut members, place, "batch_id, stream, seq and frames")?,
            }
        }
        reading.missing(Place::default(), &seen[..1]);
        if both_are_good {
            submission.position = reading.position(stream, seq);
        }
        Ok(Some(submission))
    }
}

fn uuid(text: &str) -> Result<Uuid, &'static str> {
    Uuid::try_parse(text).map_err(|_| "must be a UUID")
}

impl Reading<'_> {
    /// Both or none.
    fn position(&mut self, stream: Option<Uuid>, seq: Option<i64>) -> Option<StreamPosition> {
        let absent = match (stream, seq) {
            (Some(stream), Some(seq)) => return Some(StreamPosition { stream, seq }),
            (None, None) => return None,
            (Some(_), None) => "/seq",
            (None, Some(_)) => "/stream",
        };
        self.violations.add(absent, "is missing; stream and seq go together");
        None
    }
}

/// The array of frames.
struct Frames<'r, 'l> {
    reading: &'r mut Reading<'l>,
}

impl<'de> Compound<'de> for Frames<'_, '_> {
    type Value = Vec<Frame>;
    const EXPECTED: &'static str = "an array of frames";

    fn violation(&mut self, message: String) {
        self.reading.violations.add("/frames", message);
    }

    fn read_array<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Option<Vec<Frame>>, A::Error> {
        let limit = self.reading.limits.frames;
        let mut frames = Vec::new();
        let mut count = 0;
        while count < limit {
            let reader = frame::Reader {
                reading: &mut *self.reading,
                place: Place::frame(count),
            };
            let Some(frame) = elements.next_element_seed(Seed(reader))? else {
                break;
            };
            frames.extend(frame);
            count += 1;
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        if count > limit {
            self.violation(format!("has {count} frames; at most {limit} are accepted in a batch"));
        } else if count == 0 {
            self.violation("must hold at least one frame".to_owned());
        }
        Ok(Some(frames))
    }
}
