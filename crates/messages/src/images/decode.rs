//! Bytes → domain. Pictures are shared with the message that they came in, not copied.

use bytes::Bytes;
use citytrack_domain::{
    BoundingBox, BoxesFrom, CameraName, Class, Confidence, Detection, ImageBoxes, ImageDetails, ImageFailure, ImageId,
    ImageVariant, NodeIdentity, Slug, Variant,
};
use jiff::Timestamp;
use prost::Message;
use uuid::Uuid;

use super::{
    Answer, Ready, Transformed, Upload,
    wire::{self, image_answer, image_transformed},
};

/// Why a message cannot be read. It will not be readable later either: it is poison.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not protobuf, or not this schema.
    #[error("not a message about a picture")]
    Protobuf(#[from] prost::DecodeError),
    /// Readable, but it breaks a rule of the schema.
    #[error("{0}")]
    Invalid(&'static str),
}

impl From<&'static str> for DecodeError {
    fn from(what: &'static str) -> Self {
        Self::Invalid(what)
    }
}

/// Reads an upload.
///
/// # Errors
/// When the bytes are not of this schema or break one of its rules.
pub fn decode_upload(bytes: impl Into<Bytes>) -> Result<Upload, DecodeError> {
    let upload = wire::ImageUpload::decode(bytes.into())?;
    Ok(Upload {
        image: details(upload.image)?,
        boxes: boxes(upload.boxes)?,
        answer_to: Some(upload.answer_to).filter(|instance| !instance.is_empty()),
        picture: upload.picture,
    })
}

/// Reads what became of a picture.
///
/// # Errors
/// When the bytes are not of this schema or break one of its rules.
pub fn decode_transformed(bytes: impl Into<Bytes>) -> Result<Transformed, DecodeError> {
    let message = wire::ImageTransformed::decode(bytes.into())?;
    let outcome = match message.outcome.ok_or("there is no outcome")? {
        image_transformed::Outcome::Ready(ready) => Ok(read_ready(ready)?),
        image_transformed::Outcome::Failed(reason) => Err(failure(reason)),
    };
    Ok(Transformed {
        image: details(message.image)?,
        size: Some((message.width, message.height)).filter(|(width, height)| *width > 0 && *height > 0),
        boxes: boxes(message.boxes)?,
        boxes_from: BoxesFrom::parse(&message.boxes_from).ok_or("boxes_from is not known")?,
        transformed_at: time(message.transformed_at)?,
        outcome,
    })
}

/// Reads an answer.
///
/// # Errors
/// When the bytes are not of this schema or break one of its rules.
pub fn decode_answer(bytes: impl Into<Bytes>) -> Result<Answer, DecodeError> {
    let answer = wire::ImageAnswer::decode(bytes.into())?;
    let node = Some(answer.node_id).filter(|node| !node.is_empty());
    Ok(Answer {
        id: id(&answer.id)?,
        node: node.map(|node| node_id(&node)).transpose()?,
        outcome: match answer.outcome.ok_or("there is no outcome")? {
            image_answer::Outcome::Ready(ready) => Ok(picture(ready)?),
            image_answer::Outcome::Failed(reason) => Err(failure(reason)),
        },
    })
}

fn details(image: Option<wire::Image>) -> Result<ImageDetails, &'static str> {
    let image = image.ok_or("there is no image")?;
    let camera = Some(image.camera.as_str()).filter(|camera| !camera.is_empty());
    Ok(ImageDetails {
        id: id(&image.id)?,
        source: NodeIdentity {
            id: node_id(&image.node_id)?,
            node: Slug::new(&image.node).map_err(|_| "node is no short name")?,
            venue: Slug::new(&image.venue).map_err(|_| "venue is no short name")?,
        },
        camera: camera
            .map(CameraName::new)
            .transpose()
            .map_err(|_| "camera has a bad name")?,
        captured_at: time(image.captured_at)?,
        frame: image.frame,
        received_at: time(image.received_at)?,
        media_type: image.media_type,
    })
}

fn node_id(bytes: &[u8]) -> Result<Uuid, &'static str> {
    Uuid::from_slice(bytes).map_err(|_| "node_id is not 16 bytes")
}

fn id(bytes: &[u8]) -> Result<ImageId, &'static str> {
    let id = Uuid::from_slice(bytes).map_err(|_| "id is not 16 bytes")?;
    ImageId::from_uuid(id).map_err(|_| "id is not a UUIDv7")
}

fn time(micros: i64) -> Result<Timestamp, &'static str> {
    Timestamp::from_microsecond(micros).map_err(|_| "a time is out of range")
}

fn boxes(boxes: Option<wire::Boxes>) -> Result<ImageBoxes, &'static str> {
    let read = |object: wire::Box| {
        let parts = <[f32; 4]>::try_from(object.parts).map_err(|_| "a box has not four numbers")?;
        Ok(Detection {
            class: Class::new(&object.class).map_err(|_| "a class has a bad name")?,
            confidence: Confidence::from_checked(object.confidence),
            bounding_box: BoundingBox::from_checked(parts),
            track_id: None,
        })
    };
    boxes
        .map(|boxes| boxes.boxes.into_iter().map(read).collect())
        .transpose()
}

fn read_ready(ready: wire::Ready) -> Result<Ready, &'static str> {
    Ok(Ready {
        variants: ready.variants.into_iter().map(picture).collect::<Result<_, _>>()?,
        original: Some(ready.original).filter(|original| !original.is_empty()),
    })
}

fn picture(picture: wire::Picture) -> Result<ImageVariant<Bytes>, &'static str> {
    Ok(ImageVariant {
        variant: Variant::parse(&picture.variant).ok_or("a variant is not known")?,
        media_type: picture.media_type,
        width: picture.width,
        height: picture.height,
        bytes: picture.bytes,
    })
}

fn failure(failure: wire::Failure) -> ImageFailure {
    ImageFailure {
        code: failure.code,
        detail: failure.detail,
    }
}
