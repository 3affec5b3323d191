//! A frame as JSON text. What is the same for all who share a filter is encoded once (`body`); the rest of a message is its
//! opening: the subscription's id and the cursor.

use std::borrow::Cow;

use citytrack_domain::Detection;
use jiff::Timestamp;
use prometheus::IntCounter;
use serde::{Serialize, Serializer};

use crate::{
    filter::{Residual, View},
    frame::LiveFrame,
};

/// The beginning of every frame message of a subscription, up to the cursor's value.
pub(crate) fn opening(id: &str) -> String {
    let id = serde_json::to_string(id).unwrap_or_default();
    format!(r#"{{"type":"frame","id":{id},"cursor":""#)
}

/// What stands between the cursor and the body.
pub(crate) fn after_cursor(venue: &str) -> String {
    // A venue's name needs no escapes.
    format!(r#"","venue":"{venue}","#)
}

/// The frame as `view` shows it: the fields of an object, with its closing brace but without the opening one. What was not
/// encoded before is counted.
pub(crate) fn body<'a>(frame: &'a LiveFrame, view: &View<'_>, encoded: &IntCounter) -> Cow<'a, str> {
    let encode = |residual| {
        encoded.inc();
        fields(frame, residual)
    };
    match view {
        View::Everything => Cow::Borrowed(frame.complete(|| encode(None))),
        View::Nothing => Cow::Borrowed(""),
        View::Part(residual) => Cow::Owned(encode(Some(residual))),
    }
}

/// A frame of the snapshot, with its age.
pub(crate) fn snapshot(frame: &LiveFrame, view: &View<'_>, now: Timestamp, encoded: &IntCounter) -> String {
    let age = now.duration_since(frame.captured_at()).as_secs_f64().max(0.0);
    format!(r#"{{"age":{age:.3},{}"#, body(frame, view, encoded))
}

/// Whether the view shows any detection of the frame.
pub(crate) fn shows_any(frame: &LiveFrame, view: &View<'_>) -> bool {
    let detections = &frame.frame().detections;
    match view {
        View::Nothing => false,
        View::Everything => !detections.is_empty(),
        View::Part(residual) => detections.iter().any(|detection| residual.wants(detection)),
    }
}

fn fields(live: &LiveFrame, residual: Option<&Residual<'_>>) -> String {
    let (batch, frame) = (live.batch(), live.frame());
    let wire = Fields {
        node: batch.source.node.as_str(),
        camera: frame.camera.as_str(),
        frame: frame.number,
        captured_at: frame.captured_at,
        received_at: batch.received_at,
        width: frame.size.map(|size| size.width),
        height: frame.size.map(|size| size.height),
        backlog: live.backlog.then_some(true),
        detections: Detections {
            all: &frame.detections,
            residual,
        },
    };
    // Strings and numbers always serialise.
    let mut text = serde_json::to_string(&wire).unwrap_or_default();
    text.remove(0);
    text
}

#[derive(Serialize)]
struct Fields<'a> {
    node: &'a str,
    camera: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<i64>,
    captured_at: Timestamp,
    received_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backlog: Option<bool>,
    detections: Detections<'a>,
}

struct Detections<'a> {
    all: &'a [Detection],
    residual: Option<&'a Residual<'a>>,
}

impl Serialize for Detections<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wanted = |detection: &&Detection| self.residual.is_none_or(|residual| residual.wants(detection));
        serializer.collect_seq(self.all.iter().filter(wanted).map(|detection| DetectionFields {
            class: detection.class.as_str(),
            confidence: detection.confidence.value(),
            bounding_box: detection.bounding_box.parts(),
            track_id: detection.track_id,
        }))
    }
}

#[derive(Serialize)]
struct DetectionFields<'a> {
    class: &'a str,
    confidence: f32,
    #[serde(rename = "box")]
    bounding_box: [f32; 4],
    #[serde(skip_serializing_if = "Option::is_none")]
    track_id: Option<i64>,
}

#[cfg(test)]
mod tests;
