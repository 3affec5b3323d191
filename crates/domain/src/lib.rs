//! The words and rules of CityTrack: pure types, no I/O, no clock but the one passed in.
//!
//! A value of a type here is valid: the constructors refuse everything else and say why.

mod agent;
mod batch;
mod bucket;
mod camera;
mod clock;
mod geometry;
mod heatmap;
mod image;
mod names;
mod place;
mod position;
mod rhythm;
mod schema;
mod tracks;

pub use agent::Agent;
pub use batch::{Batch, BatchId, BatchIdError, Confidence, Detection, Frame, ImageSize, InvalidConfidence, Window};
pub use bucket::{Bucket, InvalidBucket, InvalidRange};
pub use camera::CameraPattern;
pub use clock::{Clock, ManualClock, new_id};
pub use geometry::{BoundingBox, InvalidBox};
pub use heatmap::Heatmap;
pub use image::{
    BoxesFrom, ImageBoxes, ImageDetails, ImageFailure, ImageId, ImageSettings, ImageState, ImageVariant, Variant,
};
pub use names::{CameraName, Class, InvalidName, Slug};
pub use place::{InvalidTimeZone, NodeIdentity, VenueTimeZone};
pub use position::{InvalidSeq, StreamPosition};
pub use rhythm::{Patience, usual_interval};
pub use tracks::{InvalidTrackSet, TrackSet};
