//! A batch as a test posts it, and keeps it for the books.

use citytrack_domain::StreamPosition;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// A batch that was answered 202.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Its id.
    pub id: Uuid,
    /// The key of the node that posted it.
    pub key: String,
    /// Its place in the stream of its sender, if that numbers its batches.
    pub position: Option<StreamPosition>,
    /// The camera of all its frames; no other sender has it.
    pub camera: String,
    /// Its frames.
    pub frames: Vec<PostedFrame>,
    /// Attempts until it was accepted.
    pub attempts: usize,
}

/// A frame of such a batch.
#[derive(Clone, Debug)]
pub struct PostedFrame {
    /// Counts up for each camera.
    pub number: i64,
    /// When it was taken, to the microsecond.
    pub captured_at: Timestamp,
    /// One for each detection.
    pub classes: Vec<&'static str>,
}

impl Posted {
    /// The body of its request, without the id.
    pub fn body(&self) -> Value {
        let frame = |frame: &PostedFrame| {
            json!({
                "camera": self.camera, "frame": frame.number, "captured_at": frame.captured_at.to_string(),
                "detections": frame.detections(),
            })
        };
        let mut body = json!({ "frames": self.frames.iter().map(frame).collect::<Vec<_>>() });
        if let Some(StreamPosition { stream, seq }) = self.position {
            (body["stream"], body["seq"]) = (json!(stream), json!(seq));
        }
        body
    }
}

impl PostedFrame {
    /// Its detections. Everything about one follows from its number: the microsecond of its frame, counted on by its place.
    /// So one that is changed, moved or mixed up with another is found out. Every third has no track.
    pub(crate) fn detections(&self) -> Vec<Value> {
        let first = self.captured_at.as_microsecond();
        let detections = (first..).zip(&self.classes).map(|(number, class)| {
            let below = |limit: i64| f32::from(u8::try_from(number.rem_euclid(limit)).unwrap());
            // Parts that a float keeps exactly, and boxes within the image.
            let confidence = below(61) / 64.0;
            let size = [(1.0 + below(3)) / 16.0, (1.0 + below(11)) / 32.0];
            let bounding_box = [below(7) / 16.0, below(5) / 16.0, size[0], size[1]];
            detection(class, confidence, &bounding_box, (number % 3 != 0).then_some(number))
        });
        detections.collect()
    }
}

/// A detection as it is posted. One that was stored, put in this way, is equal if nothing became of it.
pub(crate) fn detection(class: &str, confidence: f32, bounding_box: &[f32], track_id: Option<i64>) -> Value {
    json!({ "class": class, "confidence": confidence, "box": bounding_box, "track_id": track_id })
}
