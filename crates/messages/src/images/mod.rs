//! The contract of pictures: `proto-schemas/citytrack/images/v1/images.proto`.

mod decode;
mod encode;

use bytes::Bytes;
use citytrack_domain::{BoxesFrom, ImageBoxes, ImageDetails, ImageFailure, ImageId, ImageVariant, Slug};
use jiff::Timestamp;
use uuid::Uuid;

pub use decode::{DecodeError, decode_answer, decode_transformed, decode_upload};
pub use encode::{encode_answer, encode_transformed, encode_upload};

/// The AMQP message type of an [`Upload`].
pub const UPLOAD: &str = "citytrack.images.upload.v1";
/// The AMQP message type of a [`Transformed`].
pub const TRANSFORMED: &str = "citytrack.images.transformed.v1";
/// The AMQP message type of an [`Answer`].
pub const ANSWER: &str = "citytrack.images.answer.v1";
/// The header that names the picture a message is about.
pub const IMAGE_ID: &str = "image-id";
/// The header that names the venue of the picture, of messages whose routing key does not.
pub const VENUE: &str = "venue";

/// The routing key of a venue's uploads.
pub fn uploaded_key(venue: &Slug) -> String {
    format!("images.uploaded.{venue}")
}

/// The routing key of what became of a venue's uploads.
pub fn transformed_key(venue: &Slug) -> String {
    format!("images.transformed.{venue}")
}

/// The routing key of answers to an instance of the ingest API.
pub fn answered_key(instance: &str) -> String {
    format!("images.answered.{instance}")
}

/// A picture as it was uploaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    /// What is known about it.
    pub image: ImageDetails,
    /// What a detector saw on it, if that came along.
    pub boxes: ImageBoxes,
    /// The instance of the ingest API that waits for the answer.
    pub answer_to: Option<String>,
    /// The file.
    pub picture: Bytes,
}

/// What became of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Transformed {
    /// What is known about it.
    pub image: ImageDetails,
    /// Width and height of the upright picture in pixels, as far as that could be told.
    pub size: Option<(u32, u32)>,
    /// The objects on it that were used.
    pub boxes: ImageBoxes,
    /// Where they are from.
    pub boxes_from: BoxesFrom,
    /// When it was done.
    pub transformed_at: Timestamp,
    /// Whether it worked.
    pub outcome: Result<Ready, ImageFailure>,
}

/// The forms of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// What was made of it.
    pub variants: Vec<ImageVariant<Bytes>>,
    /// The file that was uploaded, where the venue keeps it.
    pub original: Option<Bytes>,
}

/// What is told to an upload that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The picture.
    pub id: ImageId,
    /// The node that sent it; older workers do not say.
    pub node: Option<Uuid>,
    /// The anonymised picture, or why there is none.
    pub outcome: Result<ImageVariant<Bytes>, ImageFailure>,
}

#[allow(clippy::pedantic, unreachable_pub, reason = "generated")]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/citytrack.images.v1.rs"));
}

#[cfg(test)]
mod tests;
