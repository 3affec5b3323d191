//! Request bytes. All that differs from one POST to the next has a fixed width: it is written over in place, so that a batch of
//! a hundred frames costs the generator a few microseconds and not what it costs to build JSON.

use std::fmt::Write;

use anyhow::Result;
use memchr::memmem::find_iter;
use uuid::Uuid;

use crate::clock::{TEXT_LENGTH, TimeText, write_digits};
use crate::plan::{Dialect, Layout};
use crate::scene::{Observed, Scene};
use crate::target::Target;

const NO_ID: &str = "00000000-0000-0000-0000-000000000000";
const NO_TIME: &str = "1970-01-01T00:00:00.000Z";
const NO_NUMBER: &str = "1000000000";
/// A number in a stream: blanks go before it, since JSON knows no leading zeros.
const NO_PLACE: &str = "         0";
/// The image that the boxes are parts of.
const IMAGE: (f64, f64) = (1920.0, 1080.0);

/// What a template is made from.
pub(crate) struct Recipe<'a> {
    pub(crate) target: &'a Target,
    pub(crate) dialect: Dialect,
    pub(crate) layout: Layout,
    pub(crate) node: &'a str,
    pub(crate) key: &'a str,
    /// Cameras of the node; the frames of a batch come from them in turn.
    pub(crate) cameras: u32,
    /// Between two frames of a camera.
    pub(crate) frame_millis: i64,
    /// Whether the batches are numbered, each template's in a stream of its own.
    pub(crate) ledger: bool,
    pub(crate) scene: &'a Scene,
    /// Which of several different bodies this is: starts elsewhere in the scene, and with another camera.
    pub(crate) variant: u32,
}

/// A request, ready to be stamped and sent.
pub(crate) struct Template {
    bytes: Vec<u8>,
    id_at: usize,
    /// Where the times are, and how many milliseconds before the batch each lies.
    times: Vec<(usize, i64)>,
    /// Where the frames' numbers are.
    numbers: Vec<usize>,
    /// Where the place in the stream is, and the next one.
    stream: Option<(usize, u32)>,
    text: TimeText,
}

impl Template {
    pub(crate) fn new(recipe: &Recipe<'_>) -> Result<Self> {
        let body = recipe.body()?;
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            recipe.target.path,
            recipe.target.host,
            recipe.key,
            body.len()
        );
        let stamps = recipe.dialect.stamps_in_frame(recipe.layout);
        Ok(Self::find_places([head, body].concat().into_bytes(), |stamp| {
            let frame = u32::try_from(stamp / stamps).unwrap_or(0);
            i64::from((recipe.layout.frames - 1 - frame) / recipe.cameras) * recipe.frame_millis
        }))
    }

    /// A frame as the live feed of CityTrack shows it, for those that show what they are given; `around` makes a request of it.
    pub(crate) fn of_message(
        recipe: &Recipe<'_>,
        venue: &str,
        around: impl FnOnce(&str) -> Result<Vec<u8>>,
    ) -> Result<Self> {
        Ok(Self::find_places(around(&recipe.message(venue)?)?, |_| 0))
    }

    /// `age` says how many milliseconds before the batch a time lies, by its place among the times.
    fn find_places(bytes: Vec<u8>, age: impl Fn(usize) -> i64) -> Self {
        let places = |what: &str| find_iter(&bytes, what).collect::<Vec<_>>();
        Self {
            id_at: places(NO_ID).first().copied().unwrap_or(0),
            times: (places(NO_TIME).into_iter().enumerate())
                .map(|(stamp, at)| (at, age(stamp)))
                .collect(),
            numbers: places(NO_NUMBER),
            stream: places(NO_PLACE).first().map(|&at| (at, 0)),
            bytes,
            text: TimeText::default(),
        }
    }

    /// Writes what makes this batch itself: its id, the number of its first frame, the time of its last.
    pub(crate) fn stamp(&mut self, id: Uuid, first_frame: u64, millis: i64) -> &[u8] {
        id.hyphenated()
            .encode_lower(&mut self.bytes[self.id_at..self.id_at + NO_ID.len()]);
        for &(at, age) in &self.times {
            self.text.write(millis - age, &mut self.bytes[at..at + TEXT_LENGTH]);
        }
        let first = i64::try_from(first_frame).unwrap_or(0);
        for (number, &at) in (first..).zip(&self.numbers) {
            write_digits(number, &mut self.bytes[at..at + NO_NUMBER.len()]);
        }
        if let Some((at, next)) = &mut self.stream {
            let place = format!("{next:>width$}", width = NO_PLACE.len());
            self.bytes[*at..*at + NO_PLACE.len()].copy_from_slice(place.as_bytes());
            *next += 1;
        }
        &self.bytes
    }
}

impl Dialect {
    /// How many times a frame has in the body.
    fn stamps_in_frame(self, layout: Layout) -> usize {
        match self {
            Self::Citytrack => 1,
            Self::Peer => layout.per_frame as usize,
        }
    }
}

impl Recipe<'_> {
    fn body(&self) -> Result<String> {
        let mut body = String::new();
        match self.dialect {
            Dialect::Citytrack => write!(body, r#"{{"batch_id":"{NO_ID}",{}"frames":["#, self.position())?,
            Dialect::Peer => write!(body, r#"{{"node":"{}","batch_id":"{NO_ID}","detections":["#, self.node)?,
        }
        for frame in 0..self.layout.frames {
            if frame > 0 {
                body.push(',');
            }
            let camera = (frame + self.variant) % self.cameras + 1;
            match self.dialect {
                Dialect::Citytrack => self.frame(&mut body, frame, camera)?,
                Dialect::Peer => self.flat(&mut body, frame, camera)?,
            }
        }
        body.push_str("]}");
        Ok(body)
    }

    /// The message of one frame; where CityTrack has a cursor, this has the id of the batch, which is about as long.
    fn message(&self, venue: &str) -> Result<String> {
        let mut frame = String::new();
        self.frame(&mut frame, 0, self.variant % self.cameras + 1)?;
        let node = self.node;
        Ok(format!(
            r#"{{"type":"frame","id":"1","cursor":"{NO_ID}","venue":"{venue}","node":"{node}","received_at":"{NO_TIME}",{}"#,
            frame.trim_start_matches('{')
        ))
    }

    fn position(&self) -> String {
        if !self.ledger {
            return String::new();
        }
        format!(r#""stream":"{}","seq":{NO_PLACE},"#, Uuid::from_u128(rand::random()))
    }

    fn seen(&self, frame: u32) -> impl Iterator<Item = &Observed> {
        let from = self.variant as usize * 997 + (frame * self.layout.per_frame) as usize;
        self.scene.cut(from, self.layout.per_frame as usize)
    }

    fn frame(&self, body: &mut String, frame: u32, camera: u32) -> Result<()> {
        let (width, height) = IMAGE;
        write!(
            body,
            r#"{{"camera":"camera-{camera}","frame":{NO_NUMBER},"captured_at":"{NO_TIME}","width":{width},"height":{height},"detections":["#
        )?;
        for (place, seen) in self.seen(frame).enumerate() {
            let Observed {
                class,
                confidence,
                area: [left, top, width, height],
                track,
            } = seen;
            let comma = if place > 0 { "," } else { "" };
            write!(
                body,
                r#"{comma}{{"class":"{class}","confidence":{confidence:.3},"box":[{left:.4},{top:.4},{width:.4},{height:.4}],"track_id":{track}}}"#
            )?;
        }
        body.push_str("]}");
        Ok(())
    }

    /// A frame's detections one by one; the track id is the place in the batch, by which a peer's messages are known again.
    fn flat(&self, body: &mut String, frame: u32, camera: u32) -> Result<()> {
        let (image_width, image_height) = IMAGE;
        let first = frame * self.layout.per_frame;
        for (place, seen) in (first..).zip(self.seen(frame)) {
            let Observed {
                class,
                confidence,
                area: [left, top, width, height],
                ..
            } = seen;
            let (left, width) = (left * image_width, width * image_width);
            let (top, height) = (top * image_height, height * image_height);
            let comma = if place > first { "," } else { "" };
            write!(
                body,
                r#"{comma}{{"ts":"{NO_TIME}","camera":{camera},"class":"{class}","confidence":{confidence:.3},"bbox":[{left:.1},{top:.1},{width:.1},{height:.1}],"track_id":{place}}}"#
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn stamped(dialect: Dialect, layout: &str) -> Value {
        let recipe = Recipe {
            target: &Target::parse("http://127.0.0.1:1/p").unwrap(),
            dialect,
            layout: layout.parse().unwrap(),
            node: "north",
            key: "secret",
            cameras: 4,
            frame_millis: 40,
            ledger: true,
            scene: &Scene::walk(),
            variant: 1,
        };
        let mut template = Template::new(&recipe).unwrap();
        template.stamp(Uuid::nil(), 1_500_000_000, 0);
        let bytes = template
            .stamp(Uuid::from_u128(7), 1_234_567_890, 1_709_210_096_789)
            .to_vec();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /p HTTP/1.1\r\nHost: 127.0.0.1:1\r\nAuthorization: Bearer secret\r\n"));
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())));
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn a_batch_of_frames_is_what_the_api_takes() {
        let batch = stamped(Dialect::Citytrack, "10x3");
        assert_eq!(batch["batch_id"], "00000000-0000-0000-0000-000000000007");
        assert_eq!(
            (batch["seq"].as_u64(), batch["stream"].as_str().map(str::len)),
            (Some(1), Some(36))
        );
        let frames = batch["frames"].as_array().unwrap();
        assert_eq!(frames.len(), 10);
        for (number, frame) in (1_234_567_890..).zip(frames) {
            assert_eq!(frame["frame"], number);
            assert_eq!((&frame["width"], &frame["height"]), (&1920.into(), &1080.into()));
            assert_eq!(frame["detections"].as_array().unwrap().len(), 3);
            for detection in frame["detections"].as_array().unwrap() {
                assert_eq!(detection.as_object().unwrap().len(), 4);
                let area: Vec<_> = detection["box"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|n| n.as_f64().unwrap())
                    .collect();
                assert!(area.len() == 4 && area.iter().all(|n| (0.0..=1.0).contains(n)));
            }
        }
        // Four cameras in turn: the last four frames are new, the ones before them 40 ms older, and so on.
        let times: Vec<_> = frames
            .iter()
            .map(|frame| frame["captured_at"].as_str().unwrap())
            .collect();
        assert_eq!((times[9], times[6]), ("2024-02-29T12:34:56.789Z", times[9]));
        assert_eq!(
            (times[5], times[0]),
            ("2024-02-29T12:34:56.749Z", "2024-02-29T12:34:56.709Z")
        );
        assert_eq!(
            (&frames[0]["camera"], &frames[3]["camera"]),
            (&"camera-2".into(), &"camera-1".into())
        );
    }

    #[test]
    fn a_message_is_a_frame_of_the_live_feed() {
        let target = Target::parse("http://127.0.0.1:1/p").unwrap();
        let recipe = Recipe {
            target: &target,
            dialect: Dialect::Citytrack,
            layout: "1x3".parse().unwrap(),
            node: "north",
            key: "",
            cameras: 4,
            frame_millis: 40,
            ledger: false,
            scene: &Scene::walk(),
            variant: 1,
        };
        let around = |text: &str| Ok([b"\xff\xfe", text.as_bytes()].concat());
        let mut template = Template::of_message(&recipe, "demo", around).unwrap();
        let bytes = template.stamp(Uuid::nil(), 1_234_567_890, 1_709_210_096_789);
        let message: Value = serde_json::from_slice(&bytes[2..]).unwrap();
        assert_eq!(
            (&message["venue"], &message["camera"]),
            (&"demo".into(), &"camera-2".into())
        );
        assert_eq!(
            (&message["frame"], &message["captured_at"]),
            (&1_234_567_890.into(), &"2024-02-29T12:34:56.789Z".into())
        );
        assert_eq!(message["detections"].as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn a_peer_gets_the_same_detections_one_by_one() {
        let batch = stamped(Dialect::Peer, "10x3");
        assert_eq!((&batch["node"], batch.as_object().unwrap().len()), (&"north".into(), 3));
        let detections = batch["detections"].as_array().unwrap();
        assert_eq!(detections.len(), 30);
        for (place, detection) in detections.iter().enumerate() {
            assert_eq!(detection["track_id"], place);
            assert!(
                detection["camera"]
                    .as_u64()
                    .is_some_and(|camera| (1..=4).contains(&camera))
            );
            assert_eq!(detection["bbox"].as_array().unwrap().len(), 4);
        }
        assert_eq!(detections[29]["ts"], "2024-02-29T12:34:56.789Z");
        assert_eq!(detections[0]["ts"], "2024-02-29T12:34:56.709Z");
    }
}
