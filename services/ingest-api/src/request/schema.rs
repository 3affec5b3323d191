//! The body as the OpenAPI document shows it. It is read by hand, so a test compares the two.

#![expect(clippy::struct_field_names, reason = "the names are those of the wire")]

use citytrack_domain::{CameraName, Class};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A batch of frames.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what is read by hand")]
pub(crate) struct Batch {
    /// A UUID of version 7 whose time is at most 7 days back and 5 minutes ahead. May come as the header `Idempotency-Key`
    /// instead. Send a repeated batch under the same id: it is stored once.
    #[schema(pattern = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$")]
    batch_id: Option<Uuid>,
    /// What the numbers in `seq` count; both or none.
    stream: Option<Uuid>,
    /// Counts the batches of the stream, up by one from 0.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    seq: Option<i64>,
    #[schema(min_items = 1, max_items = 1000)]
    frames: Vec<Frame>,
}

/// What one camera saw at one moment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what is read by hand")]
struct Frame {
    #[schema(value_type = CameraName)]
    camera: String,
    /// At most 7 days back and 5 minutes ahead.
    captured_at: Timestamp,
    /// The node's own number of the frame.
    #[schema(minimum = 0)]
    frame: Option<i64>,
    /// Of the image, in pixels; width and height, or none of them.
    #[schema(minimum = 1, maximum = 65_535)]
    width: Option<i64>,
    #[schema(minimum = 1, maximum = 65_535)]
    height: Option<i64>,
    /// May be empty: a frame in which nobody was seen is information.
    #[schema(max_items = 500)]
    detections: Vec<Detection>,
}

/// Something that was seen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what is read by hand")]
struct Detection {
    #[schema(value_type = Class)]
    class: String,
    #[schema(minimum = 0, maximum = 1, example = 0.91)]
    confidence: f64,
    /// Left, top, width and height as parts of the image, 0 to 1. It may hang over an edge by up to 0.05 and is then clipped.
    #[serde(rename = "box")]
    #[schema(min_items = 4, max_items = 4, example = json!([0.12, 0.30, 0.05, 0.20]))]
    bounding_box: Vec<f64>,
    /// The same for the same object in other frames of the camera.
    #[schema(minimum = 0)]
    track_id: Option<i64>,
}
