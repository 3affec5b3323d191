//! Pictures beside detections: kept in the spool until the server has them, like batches, and never in the way of one.
//!
//! A picture gets its id once, when it is taken into the [`Store`]; every attempt sends the same bytes under that id, also after a
//! kill, so that the server stores it once.

mod form;
mod inbox;
mod send;
mod store;

pub(crate) use form::content_type;
pub use inbox::{Inbox, Look};
pub use send::{Delivering, Taking};
pub use store::{Store, StoreError};

use jiff::Timestamp;
use serde::Serialize;

use crate::wire::Frame;

/// What is known about a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// The camera that took it.
    pub camera: Option<String>,
    /// When it was taken.
    pub captured_at: Timestamp,
    /// The node's own number of the frame.
    pub frame: Option<u64>,
    /// What a detector saw on it, as JSON. `None`: nobody looked, and so the server pixelates all of it.
    pub boxes: Option<String>,
}

impl About {
    /// The picture of a frame: it shows what the detector saw.
    pub fn frame(frame: &Frame) -> Self {
        #[derive(Serialize)]
        struct Box<'a> {
            class: &'a str,
            confidence: f64,
            #[serde(rename = "box")]
            bounds: [f64; 4],
        }
        let boxes = frame.detections.iter().map(|seen| Box {
            class: &seen.class,
            confidence: seen.confidence,
            bounds: seen.bounds,
        });
        Self {
            camera: Some(frame.camera.clone()),
            captured_at: frame.captured_at,
            frame: frame.frame,
            // Cannot fail: there are no maps. Were it to, nobody would have looked, which hides everybody.
            boxes: serde_json::to_string(&boxes.collect::<Vec<_>>()).ok(),
        }
    }
}
