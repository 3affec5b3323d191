//! Pictures: snapshots of a frame that nodes send beside their detections.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    batch::{BatchId, BatchIdError, Detection},
    names::{CameraName, Class},
    place::NodeIdentity,
};

/// The id of a picture: a `UUIDv7`, by the rules of [`BatchId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageId(BatchId);

impl ImageId {
    /// Checks a text.
    ///
    /// # Errors
    /// When it is not a UUID of version 7.
    pub fn parse(text: &str) -> Result<Self, BatchIdError> {
        BatchId::parse(text).map(Self)
    }

    /// Checks a UUID.
    ///
    /// # Errors
    /// When it is not of version 7.
    pub fn from_uuid(id: Uuid) -> Result<Self, BatchIdError> {
        BatchId::from_uuid(id).map(Self)
    }

    /// A new id with the time of `now`.
    pub fn generate(now: Timestamp) -> Self {
        Self(BatchId::generate(now))
    }

    /// When the id was made, to the millisecond.
    pub fn time(self) -> Timestamp {
        self.0.time()
    }

    /// The UUID.
    pub fn uuid(self) -> Uuid {
        self.0.uuid()
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is known about a picture from its upload on.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageDetails {
    /// Makes a repeated upload recognisable.
    pub id: ImageId,
    /// Who sent it.
    pub source: NodeIdentity,
    /// The camera that took it, if the sender said.
    pub camera: Option<CameraName>,
    /// When it was taken, by the node's clock; `received_at` where the sender did not say.
    pub captured_at: Timestamp,
    /// The node's own number of the frame.
    pub frame: Option<i64>,
    /// When it came in, by our clock.
    pub received_at: Timestamp,
    /// Of the upload, told by its bytes, such as `image/jpeg`.
    pub media_type: String,
}

impl ImageDetails {
    /// Whether it names a frame whose detections may be known.
    pub fn names_a_frame(&self) -> bool {
        self.camera.is_some() && self.captured_at != self.received_at
    }
}

/// A name from a closed set, as it is written everywhere.
macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$of:meta])* $word:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[$of])* $word),*
        }

        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$word),*];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text),*
                }
            }

            /// Reads the word; `None` for any other.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// A form of a picture.
    Variant {
        /// At most 320 × 320 pixels, of the anonymised one.
        Thumbnail = "thumbnail",
        /// The anonymised one with boxes, classes, confidences, time and place.
        Annotated = "annotated",
        /// With people pixelated.
        Anonymised = "anonymised",
        /// As it was uploaded; kept only where the venue says so.
        Original = "original",
    }
}

words! {
    /// Where the boxes of a picture are from.
    BoxesFrom {
        /// They came with it.
        Upload = "upload",
        /// The detections of the same camera and time.
        Detections = "detections",
        /// Nobody knows what is on it.
        None = "none",
    }
}

words! {
    /// How far a picture is.
    ImageState {
        /// It is on its way.
        Received = "received",
        /// It can be seen.
        Ready = "ready",
        /// It could not be transformed.
        Failed = "failed",
        /// It was deleted when its time was over.
        Expired = "expired",
    }
}

/// What a venue wants of its pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSettings {
    /// How long pictures are kept.
    pub retention: Duration,
    /// How long originals are kept; zero: not at all.
    pub keep_originals: Duration,
    /// What is made of a picture.
    pub variants: Vec<Variant>,
    /// Objects of these classes are made unrecognisable.
    pub classes: Vec<Class>,
}

/// One form of a picture, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageVariant<B> {
    /// Which one.
    pub variant: Variant,
    /// Such as `image/jpeg`.
    pub media_type: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// The file.
    pub bytes: B,
}

/// Why a picture has no variants, and never will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFailure {
    /// A stable name.
    pub code: String,
    /// A sentence for people.
    pub detail: String,
}

/// The objects on a picture, as far as they are known; empty: a detector looked and saw nothing.
pub type ImageBoxes = Option<Vec<Detection>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for variant in Variant::ALL {
            assert_eq!(Variant::parse(variant.as_str()), Some(*variant));
        }
        assert_eq!((Variant::parse("preview"), BoxesFrom::parse("")), (None, None));
    }
}
