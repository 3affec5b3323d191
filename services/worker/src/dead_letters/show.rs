//! Everything about one dead letter, as JSON.

use std::collections::BTreeMap;

use citytrack_broker::DeadLetter;
use citytrack_common::lifecycle::chain;
use citytrack_domain::{Batch, Frame, ImageDetails};
use citytrack_messages::{
    SCHEMA, Unreadable, decode_each,
    images::{TRANSFORMED, UPLOAD, decode_transformed, decode_upload},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    entry::{Entry, original_kind},
    render::hex,
};

/// Frames of a batch that are shown, and bytes of what cannot be read.
const FRAMES: usize = 3;
const BYTES: usize = 256;

/// A dead letter with its content.
#[derive(Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    entry: Entry,
    headers: BTreeMap<String, String>,
    content: Content,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    Batches(Vec<Part>),
    /// The first bytes of what cannot be told apart into batches.
    Hex(Vec<String>),
    /// What is known about a picture, never anything of the picture; `null` when the message cannot be read.
    Picture(Option<Value>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Part {
    Readable(Summary),
    Unreadable {
        error: String,
        bytes: usize,
        hex: Vec<String>,
    },
}

#[derive(Serialize)]
struct Summary {
    batch_id: String,
    node: String,
    node_id: String,
    venue: String,
    received_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
    cameras: Vec<String>,
    frames: usize,
    detections: usize,
    first_frames: Vec<Value>,
}

impl Shown {
    pub(crate) fn of(letter: &DeadLetter) -> Self {
        let batches = match original_kind(letter) {
            SCHEMA => decode_each(&letter.payload).ok(),
            _ => None,
        };
        let content = match batches {
            Some(batches) => Content::Batches(batches.into_iter().map(part).collect()),
            None => Content::Hex(first_bytes(&letter.payload)),
        };
        Self {
            entry: Entry::of(letter),
            headers: letter.headers.clone(),
            content,
        }
    }

    /// One from among those of pictures, whatever it says that it is.
    pub(crate) fn of_picture(letter: &DeadLetter) -> Self {
        Self {
            entry: Entry::of(letter),
            headers: letter.headers.clone(),
            content: Content::Picture(picture(letter)),
        }
    }
}

/// About the picture in a message.
fn picture(letter: &DeadLetter) -> Option<Value> {
    let payload = letter.payload.clone();
    let image = match original_kind(letter) {
        UPLOAD => decode_upload(payload).ok()?.image,
        TRANSFORMED => decode_transformed(payload).ok()?.image,
        _ => return None,
    };
    let ImageDetails { id, source, camera, .. } = &image;
    Some(json!({
        "image_id": id.to_string(),
        "node": source.node.to_string(),
        "node_id": source.id.to_string(),
        "venue": source.venue.to_string(),
        "camera": camera.as_ref().map(ToString::to_string),
        "captured_at": image.captured_at,
        "received_at": image.received_at,
        "media_type": image.media_type,
    }))
}

fn part(batch: Result<Batch, Unreadable>) -> Part {
    match batch {
        Ok(batch) => Part::Readable(summary(&batch)),
        Err(Unreadable { payload, error }) => Part::Unreadable {
            error: chain(&error),
            bytes: payload.len(),
            hex: first_bytes(&payload),
        },
    }
}

fn summary(batch: &Batch) -> Summary {
    let mut cameras: Vec<_> = batch.frames.iter().map(|frame| frame.camera.to_string()).collect();
    cameras.sort_unstable();
    cameras.dedup();
    Summary {
        batch_id: batch.id.to_string(),
        node: batch.source.node.to_string(),
        node_id: batch.source.id.to_string(),
        venue: batch.source.venue.to_string(),
        received_at: batch.received_at,
        stream: batch.position.map(|position| position.stream.to_string()),
        seq: batch.position.map(|position| position.seq),
        cameras,
        frames: batch.frames.len(),
        detections: batch.detections(),
        first_frames: batch.frames.iter().take(FRAMES).map(frame).collect(),
    }
}

/// As a node would write it.
fn frame(frame: &Frame) -> Value {
    let detections: Vec<_> = frame
        .detections
        .iter()
        .map(|detection| {
            json!({
                "class": detection.class.to_string(),
                "confidence": detection.confidence.value(),
                "box": detection.bounding_box.parts(),
                "track_id": detection.track_id,
            })
        })
        .collect();
    json!({
        "camera": frame.camera.to_string(),
        "captured_at": frame.captured_at,
        "frame": frame.number,
        "detections": detections,
    })
}

fn first_bytes(bytes: &[u8]) -> Vec<String> {
    hex(bytes.get(..BYTES).unwrap_or(bytes))
}

#[cfg(test)]
mod tests {
    use citytrack_messages::encode;
    use citytrack_testkit::{batch, frame, identity, person};
    use uuid::Uuid;

    use super::{super::entry::tests::dead_letter, *};

    fn shown(kind: &str, payload: &[u8]) -> Value {
        serde_json::to_value(Shown::of(&dead_letter(kind, payload))).unwrap()
    }

    #[test]
    fn batches_are_shown_one_by_one() {
        let at = "2026-11-22T10:00:00Z".parse().unwrap();
        let frames = (0..5).map(|_| frame("door", at, vec![person(0.25, Some(7)), person(0.5, None)]));
        let good = batch(&identity("demo", Uuid::nil()), at, frames.collect());
        let joined = [&encode(&good)[..], &[0x0a, 3, 0xff, 0xff, 0xff]].concat();
        let shown = shown(SCHEMA, &joined);
        assert_eq!(shown["batches"], 2);
        let parts = &shown["content"]["batches"];
        assert_eq!(parts[0]["batch_id"], good.id.to_string());
        assert_eq!(parts[0]["cameras"], json!(["door"]));
        assert_eq!((&parts[0]["frames"], &parts[0]["detections"]), (&json!(5), &json!(10)));
        let first = &parts[0]["first_frames"];
        assert_eq!(first.as_array().unwrap().len(), FRAMES);
        assert_eq!(first[0]["detections"][0]["track_id"], 7);
        assert_eq!(parts[0].get("stream"), None);
        assert!(
            parts[1]["error"]
                .as_str()
                .unwrap()
                .contains("not a message of the schema")
        );
        assert_eq!(parts[1]["bytes"], 5);
    }

    #[test]
    fn what_cannot_be_read_is_shown_as_bytes() {
        for kind in [SCHEMA, "citytrack.detections.v2"] {
            let shown = shown(kind, &[b'n'; 1000]);
            assert_eq!(shown["content"]["hex"].as_array().unwrap().len(), BYTES / 16);
        }
    }
}
