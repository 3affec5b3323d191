//! Which part of the run a message of the live feed is.
//!
//! A browser reads every message in full; a generator that shares two cores with the system cannot afford that at some hundred
//! thousand messages a second. So each message is only searched for what identifies it, and one in many is read in full.

use memchr::memmem::{Finder, find};
use serde::Deserialize;
use uuid::Uuid;

use crate::plan::{Dialect, Plan};

/// One message in this many is read and checked in full.
const CHECK_EVERY: u64 = 64;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// A part of this run's batches, by its number.
    Part(u64),
    /// A part of something else.
    Stranger,
    /// The server says that it left out this many frames.
    Gap(u64),
    /// Not what the contract says.
    Malformed,
    /// Answers to our own requests.
    Other,
}

/// Reads messages.
pub(crate) struct Matcher {
    plan: Plan,
    frame: Finder<'static>,
    batch: Finder<'static>,
    track: Finder<'static>,
    count: u64,
}

impl Matcher {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            frame: Finder::new(r#""frame":"#),
            batch: Finder::new(r#""batch_id":"#),
            track: Finder::new(r#""track_id":"#),
            count: 0,
        }
    }

    /// What the messages in a text frame are: one, or those of a JSON array.
    pub(crate) fn read(&mut self, text: &str, mut found: impl FnMut(Message)) {
        self.count += 1;
        if self.count % CHECK_EVERY != 1
            && let Some(message) = self.glance(text.as_bytes())
        {
            return found(message);
        }
        if text.starts_with('[') {
            match serde_json::from_str::<Vec<serde_json::Value>>(text) {
                Ok(messages) => messages
                    .iter()
                    .for_each(|message| found(self.study(&message.to_string()))),
                Err(_) => found(Message::Malformed),
            }
        } else {
            found(self.study(text));
        }
    }

    /// Only what identifies a message; none where it takes a closer look.
    pub(crate) fn glance(&self, text: &[u8]) -> Option<Message> {
        match self.plan.dialect {
            // Other messages may hold frames, too: those of a snapshot belong to what was before.
            Dialect::Citytrack if !text.starts_with(br#"{"type":"frame""#) => None,
            Dialect::Peer if text.first() != Some(&b'{') => None,
            Dialect::Citytrack => {
                let (number, _) = number_after(text, &self.frame)?;
                Some(self.part_of_frame(number))
            }
            Dialect::Peer => {
                let id = value_after(text, &self.batch)?.get(1..37)?;
                let id = Uuid::try_parse_ascii(id).ok()?;
                let (place, _) = number_after(text, &self.track)?;
                Some(self.part_of_batch(id, place))
            }
        }
    }

    /// Everything that the contract asks for.
    fn study(&self, text: &str) -> Message {
        match self.plan.dialect {
            Dialect::Citytrack => match serde_json::from_str(text) {
                Ok(Told::Frame(frame)) => self.frame(&frame),
                Ok(Told::Gap { dropped }) => Message::Gap(dropped.unwrap_or(0)),
                Ok(Told::Other) => Message::Other,
                Err(_) => Message::Malformed,
            },
            Dialect::Peer => match serde_json::from_str::<Flat>(text) {
                Ok(flat) if sound(flat.confidence) => self.part_of_batch(flat.batch_id, flat.track_id),
                _ => Message::Malformed,
            },
        }
    }

    fn frame(&self, frame: &Frame) -> Message {
        let sound = |seen: &Detection| sound(seen.confidence) && seen.track_id.is_some();
        let complete = frame.detections.len() == self.plan.layout.per_frame as usize;
        match frame.number.map(|number| self.part_of_frame(number)) {
            Some(Message::Part(_)) if !complete || !frame.detections.iter().all(sound) => Message::Malformed,
            message => message.unwrap_or(Message::Stranger),
        }
    }

    fn part_of_frame(&self, number: u64) -> Message {
        self.plan.part_of_frame(number).map_or(Message::Stranger, Message::Part)
    }

    fn part_of_batch(&self, id: Uuid, place: u64) -> Message {
        match self.plan.ids.number(id) {
            Some(request) if place < self.plan.parts() => Message::Part(u64::from(request) * self.plan.parts() + place),
            _ => Message::Stranger,
        }
    }
}

fn sound(confidence: f64) -> bool {
    (0.0..=1.0).contains(&confidence)
}

/// What follows a key, without leading blanks.
fn value_after<'a>(text: &'a [u8], key: &Finder<'_>) -> Option<&'a [u8]> {
    let at = key.find(text)? + key.needle().len();
    Some(text.get(at..)?.trim_ascii_start())
}

/// The number that follows a key, and how many digits it has.
fn number_after(text: &[u8], key: &Finder<'_>) -> Option<(u64, usize)> {
    let value = value_after(text, key)?;
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = value.get(..digits)?.iter().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    number.filter(|_| digits > 0).map(|number| (number, digits))
}

/// Whether a message is of a type; for the few that are exchanged before the run.
pub(crate) fn is_type(text: &str, kind: &str) -> bool {
    find(text.as_bytes(), format!(r#""type":"{kind}""#).as_bytes()).is_some()
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Told {
    Frame(Frame),
    Gap {
        /// None where the server does not know itself.
        dropped: Option<u64>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "these have to be there")]
struct Frame {
    id: String,
    venue: String,
    node: String,
    camera: String,
    #[serde(rename = "frame")]
    number: Option<u64>,
    captured_at: jiff::Timestamp,
    received_at: jiff::Timestamp,
    detections: Vec<Detection>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "these have to be there")]
struct Detection {
    class: String,
    confidence: f64,
    r#box: [f64; 4],
    track_id: Option<u64>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "these have to be there")]
struct Flat {
    node: String,
    batch_id: Uuid,
    ts: jiff::Timestamp,
    camera: u32,
    class: String,
    confidence: f64,
    bbox: [f64; 4],
    track_id: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_all(plan: Plan, text: &str) -> Vec<Vec<Message>> {
        let mut matcher = Matcher::new(plan);
        let read = |_| {
            let mut found = Vec::new();
            matcher.read(text, |message| found.push(message));
            found
        };
        (0..3).map(read).collect() // the first is studied, the others glanced at
    }

    #[test]
    fn a_frame_is_known_by_its_number() {
        let plan = Plan::new(Dialect::Citytrack, "10x1".parse().unwrap(), 100, 5).unwrap();
        let frame = |number: u64| {
            json!({"type": "frame", "id": "1", "venue": "demo", "node": "north", "camera": "entrance", "frame": number,
                "captured_at": "2026-11-22T10:00:00Z", "received_at": "2026-11-22T10:00:00.001Z", "width": 1, "height": 1,
                "detections": [{"class": "person", "confidence": 0.9, "box": [0, 0, 0.1, 0.1], "track_id": 3}]})
        };
        let part = frame(plan.frame(3) + 4);
        assert_eq!(read_all(plan, &part.to_string()), vec![vec![Message::Part(34)]; 3]);
        assert_eq!(
            read_all(plan, &frame(1042).to_string()),
            vec![vec![Message::Stranger]; 3]
        );
        let mut spoiled = part;
        spoiled["detections"] = json!([]);
        assert_eq!(read_all(plan, &spoiled.to_string())[0], [Message::Malformed]);
        assert_eq!(
            read_all(plan, r#"{"type":"gap","id":"1","dropped":12}"#),
            vec![vec![Message::Gap(12)]; 3]
        );
        assert_eq!(read_all(plan, r#"{"type":"pong"}"#), vec![vec![Message::Other]; 3]);
        assert_eq!(read_all(plan, "hello"), vec![vec![Message::Malformed]; 3]);
    }

    #[test]
    fn a_peers_detection_is_known_by_batch_and_place() {
        let plan = Plan::new(Dialect::Peer, "10x2".parse().unwrap(), 100, 5).unwrap();
        let flat = |id: Uuid, place: u64| {
            json!({"node": "n", "batch_id": id, "ts": "2026-11-22T10:00:00Z", "camera": 1, "class": "person",
                "confidence": 0.9, "bbox": [1, 2, 3, 4], "track_id": place})
        };
        let ours = flat(plan.ids.id(3, 1_790_000_000_000), 7);
        assert_eq!(read_all(plan, &ours.to_string()), vec![vec![Message::Part(67)]; 3]);
        assert_eq!(
            read_all(plan, &serde_json::to_string_pretty(&ours).unwrap()),
            vec![vec![Message::Part(67)]; 3]
        );
        let stranger = flat(Uuid::from_u128(1), 7);
        let both = json!([ours, stranger]).to_string();
        assert_eq!(
            read_all(plan, &both),
            vec![vec![Message::Part(67), Message::Stranger]; 3]
        );
        assert_eq!(
            read_all(plan, &flat(plan.ids.id(3, 0), 20).to_string())[0],
            [Message::Stranger]
        );
    }
}
