//! Domain → bytes.

use bytes::Bytes;
use citytrack_domain::{Detection, ImageBoxes, ImageDetails, ImageFailure, ImageVariant};
use prost::Message;

use super::{
    Answer, Ready, Transformed, Upload,
    wire::{self, image_answer, image_transformed},
};

/// Encodes an upload.
pub fn encode_upload(upload: &Upload) -> Bytes {
    let message = wire::ImageUpload {
        image: Some(details(&upload.image)),
        boxes: boxes(&upload.boxes),
        answer_to: upload.answer_to.clone().unwrap_or_default(),
        picture: upload.picture.clone(),
    };
    message.encode_to_vec().into()
}

/// Encodes what became of a picture.
pub fn encode_transformed(transformed: &Transformed) -> Bytes {
    let (width, height) = transformed.size.unwrap_or_default();
    let outcome = match &transformed.outcome {
        Ok(ready) => image_transformed::Outcome::Ready(encode_ready(ready)),
        Err(reason) => image_transformed::Outcome::Failed(failure(reason)),
    };
    let message = wire::ImageTransformed {
        image: Some(details(&transformed.image)),
        width,
        height,
        boxes: boxes(&transformed.boxes),
        boxes_from: transformed.boxes_from.as_str().to_owned(),
        transformed_at: transformed.transformed_at.as_microsecond(),
        outcome: Some(outcome),
    };
    message.encode_to_vec().into()
}

/// Encodes an answer.
pub fn encode_answer(answer: &Answer) -> Bytes {
    let outcome = match &answer.outcome {
        Ok(variant) => image_answer::Outcome::Ready(picture(variant)),
        Err(reason) => image_answer::Outcome::Failed(failure(reason)),
    };
    let message = wire::ImageAnswer {
        id: answer.id.uuid().as_bytes().to_vec(),
        node_id: answer.node.map(|node| node.as_bytes().to_vec()).unwrap_or_default(),
        outcome: Some(outcome),
    };
    message.encode_to_vec().into()
}

fn details(image: &ImageDetails) -> wire::Image {
    wire::Image {
        id: image.id.uuid().as_bytes().to_vec(),
        node_id: image.source.id.as_bytes().to_vec(),
        node: image.source.node.to_string(),
        venue: image.source.venue.to_string(),
        camera: image.camera.as_ref().map(ToString::to_string).unwrap_or_default(),
        captured_at: image.captured_at.as_microsecond(),
        frame: image.frame,
        received_at: image.received_at.as_microsecond(),
        media_type: image.media_type.clone(),
    }
}

fn boxes(boxes: &ImageBoxes) -> Option<wire::Boxes> {
    let encode = |object: &Detection| wire::Box {
        class: object.class.to_string(),
        confidence: object.confidence.value(),
        parts: object.bounding_box.parts().to_vec(),
    };
    let boxes = boxes.as_ref()?.iter().map(encode).collect();
    Some(wire::Boxes { boxes })
}

fn encode_ready(ready: &Ready) -> wire::Ready {
    wire::Ready {
        variants: ready.variants.iter().map(picture).collect(),
        original: ready.original.clone().unwrap_or_default(),
    }
}

fn picture(variant: &ImageVariant<Bytes>) -> wire::Picture {
    wire::Picture {
        variant: variant.variant.as_str().to_owned(),
        media_type: variant.media_type.clone(),
        width: variant.width,
        height: variant.height,
        bytes: variant.bytes.clone(),
    }
}

fn failure(failure: &ImageFailure) -> wire::Failure {
    wire::Failure {
        code: failure.code.clone(),
        detail: failure.detail.clone(),
    }
}
