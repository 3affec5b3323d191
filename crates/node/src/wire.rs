//! The shapes of `POST /api/v1/detections`, as a node writes and reads them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The longest name of a camera or a class.
const NAME_LENGTH: usize = 64;
/// The most pixels of an image, in either direction.
const LONGEST_SIDE: u32 = 65_535;
/// How far a box may hang over the edge of the image, as a part of the image. The server clips it there.
const OVERHANG: f64 = 0.05;

/// One image that a detector looked at. No detections is information too: somebody looked, and nothing was there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// The camera's name, unique within the node: 1–64 of `A-Z a-z 0-9 _ . -`.
    pub camera: String,
    /// The camera's own number of the frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<u64>,
    /// When the image was taken, by the node's clock.
    pub captured_at: Timestamp,
    /// Width of the image in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height of the image in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// What was seen.
    pub detections: Vec<Detection>,
}

/// One object in a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detection {
    /// What it is: 1–64 of `a-z 0-9 _ . -`.
    pub class: String,
    /// How sure the detector is, 0 to 1.
    pub confidence: f64,
    /// Left, top, width and height as parts of the image, 0 to 1.
    #[serde(rename = "box")]
    pub bounds: [f64; 4],
    /// The tracker's id. A detection without a track has none at all, never an id such as -1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track_id: Option<i64>,
}

/// The server's `202`: the batch is safe.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Accepted {
    /// The id of the batch.
    pub batch_id: Uuid,
    /// How many frames it held.
    pub frames: u64,
    /// How many detections it held.
    pub detections: u64,
}

/// The server's `202` to a picture: it is safe.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AcceptedPicture {
    /// The id of the picture.
    pub id: Uuid,
}

/// The server's refusal, an RFC 9457 problem document. Every member may be missing: proxies on the way answer, too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// Which kind of problem, such as `/problems/invalid-batch`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in words.
    pub title: String,
    /// What is wrong this time.
    pub detail: String,
    /// Each thing that is wrong with the batch.
    pub violations: Vec<Violation>,
}

/// One thing that is wrong with a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Violation {
    /// Where: a JSON pointer such as `/frames/0/camera`.
    pub pointer: String,
    /// What.
    pub message: String,
}

impl Frame {
    /// Says what the server would certainly refuse, so that a mistake shows before anything is sent.
    ///
    /// # Errors
    /// The first violation, in words.
    pub fn check(&self) -> Result<(), String> {
        check_camera(&self.camera)?;
        if self.frame.is_some_and(|number| i64::try_from(number).is_err()) {
            return Err("frame is greater than 9223372036854775807".to_owned());
        }
        let sides = [self.width, self.height];
        if sides != [None; 2]
            && !sides
                .iter()
                .all(|side| side.is_some_and(|side| (1..=LONGEST_SIDE).contains(&side)))
        {
            return Err(format!("width and height go together, each 1 to {LONGEST_SIDE}"));
        }
        self.detections.iter().try_for_each(Detection::check)
    }
}

impl Detection {
    fn check(&self) -> Result<(), String> {
        check_class(&self.class)?;
        if !(0.0..=1.0).contains(&self.confidence) {
            return Err(format!("confidence {} is not between 0 and 1", self.confidence));
        }
        if self.track_id.is_some_and(i64::is_negative) {
            return Err("track_id is negative: leave it out where there is no track".to_owned());
        }
        let [left, top, width, height] = self.bounds;
        let inside = |start: f64, extent: f64| {
            let end = start + extent;
            extent > 0.0 && start < 1.0 && end > 0.0 && start >= -OVERHANG && end <= 1.0 + OVERHANG
        };
        if inside(left, width) && inside(top, height) {
            Ok(())
        } else {
            Err(format!(
                "box {:?} is not left, top, width, height as parts of the image, 0 to 1",
                self.bounds
            ))
        }
    }
}

/// Whether this can be the name of a camera.
///
/// # Errors
/// The rule, in words.
pub fn check_camera(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    check_name("camera", name, "A-Z a-z 0-9 _ . -", allowed)
}

/// Whether this can be the name of a class.
///
/// # Errors
/// The rule, in words.
pub fn check_class(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
    check_name("class", name, "a-z 0-9 _ . -", allowed)
}

fn check_name(what: &str, name: &str, alphabet: &str, allowed: impl Fn(char) -> bool) -> Result<(), String> {
    if (1..=NAME_LENGTH).contains(&name.len()) && name.chars().all(allowed) {
        Ok(())
    } else {
        Err(format!("{what} {name:?} is not 1 to {NAME_LENGTH} of {alphabet}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_left_out() {
        let frame = Frame {
            camera: "entrance".to_owned(),
            frame: None,
            captured_at: "2026-11-22T10:00:00.04Z".parse().unwrap(),
            width: None,
            height: None,
            detections: vec![Detection {
                class: "person".to_owned(),
                confidence: 0.91,
                bounds: [0.12, 0.3, 0.05, 0.2],
                track_id: None,
            }],
        };
        assert_eq!(
            serde_json::to_string(&frame).unwrap(),
            r#"{"camera":"entrance","captured_at":"2026-11-22T10:00:00.04Z","detections":[{"class":"person","confidence":0.91,"box":[0.12,0.3,0.05,0.2]}]}"#
        );
    }

    #[test]
    fn a_problem_of_any_origin_is_understood() {
        let problem: Problem = serde_json::from_str(r#"{"title":"Bad gateway","trace":"x"}"#).unwrap();
        assert_eq!(problem.title, "Bad gateway");
        assert!(problem.violations.is_empty());
    }

    #[test]
    fn names_follow_the_servers_rules() {
        assert!(check_camera("North_1.a-b").is_ok());
        for bad in ["", "a b", "north/entrance", "ü", &"x".repeat(65)] {
            assert!(check_camera(bad).is_err(), "{bad}");
        }
        assert!(check_class("person").is_ok());
        assert!(check_class("Person").is_err());
    }

    #[test]
    fn a_box_may_hang_over_by_a_twentieth() {
        let detection = |bounds| Detection {
            class: "person".to_owned(),
            confidence: 1.0,
            bounds,
            track_id: None,
        };
        assert!(detection([-0.05, 0.0, 0.2, 1.04]).check().is_ok());
        assert!(detection([-0.06, 0.0, 0.2, 1.0]).check().is_err());
        assert!(detection([0.5, 0.0, 0.6, 1.0]).check().is_err());
        assert!(detection([0.5, 0.5, 0.0, 0.1]).check().is_err());
        assert!(detection([1.0, 0.5, 0.02, 0.1]).check().is_err());
        assert!(detection([f64::NAN, 0.0, 0.2, 0.2]).check().is_err());
    }
}
