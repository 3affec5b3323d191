//! The same contract for messages about pictures: what was written once must always be read.

#![allow(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use citytrack_domain::{
    BoundingBox, BoxesFrom, CameraName, Class, Confidence, Detection, ImageDetails, ImageFailure, ImageId,
    ImageVariant, NodeIdentity, Slug, Variant,
};
use citytrack_messages::images::{
    Answer, Ready, Transformed, Upload, answered_key, decode_answer, decode_transformed, decode_upload, encode_answer,
    encode_transformed, encode_upload, transformed_key, uploaded_key,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

fn at() -> Timestamp {
    "2026-11-22T10:00:00.040Z".parse().unwrap()
}

fn image() -> ImageDetails {
    ImageDetails {
        id: ImageId::parse("0198e3a0-7d28-7abc-8def-0123456789ab").unwrap(),
        source: NodeIdentity {
            id: Uuid::parse_str("0198e3a0-0000-7000-8000-000000000001").unwrap(),
            node: Slug::new("north").unwrap(),
            venue: Slug::new("main-hall").unwrap(),
        },
        camera: Some(CameraName::new("entrance").unwrap()),
        captured_at: at(),
        frame: Some(1042),
        received_at: at() + SignedDuration::from_millis(55),
        media_type: "image/png".to_owned(),
    }
}

fn boxes() -> Vec<Detection> {
    let object = |class, left| Detection {
        class: Class::new(class).unwrap(),
        confidence: Confidence::new(0.91).unwrap(),
        bounding_box: BoundingBox::new([left, 0.3, 0.05, 0.2]).unwrap(),
        track_id: None,
    };
    vec![object("person", 0.12), object("bicycle", 0.5)]
}

fn variant(variant: Variant, bytes: &'static [u8]) -> ImageVariant<Bytes> {
    ImageVariant {
        variant,
        media_type: "image/jpeg".to_owned(),
        width: 320,
        height: 180,
        bytes: Bytes::from_static(bytes),
    }
}

fn failure() -> ImageFailure {
    ImageFailure {
        code: "invalid-picture".to_owned(),
        detail: "the picture cannot be decoded".to_owned(),
    }
}

fn upload() -> Upload {
    Upload {
        image: image(),
        boxes: Some(boxes()),
        answer_to: Some("6f1d0c52".to_owned()),
        picture: Bytes::from_static(b"\x89PNG"),
    }
}

fn ready() -> Transformed {
    let forms = [
        (Variant::Thumbnail, &b"small"[..]),
        (Variant::Annotated, b"drawn on"),
        (Variant::Anonymised, b"pixelated"),
    ];
    Transformed {
        image: image(),
        size: Some((1920, 1080)),
        boxes: Some(boxes()),
        boxes_from: BoxesFrom::Detections,
        transformed_at: at() + SignedDuration::from_secs(1),
        outcome: Ok(Ready {
            variants: forms.map(|(form, bytes)| variant(form, bytes)).to_vec(),
            original: Some(Bytes::from_static(b"\x89PNG")),
        }),
    }
}

/// `UPDATE_GOLDEN=1 cargo test -p citytrack-messages` writes the file of a NEW version; those that are there stay as they are.
fn golden(name: &str, written: &[u8]) -> Bytes {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    #[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !std::fs::exists(&path).unwrap() {
        std::fs::write(&path, written).unwrap();
    }
    std::fs::read(path).unwrap().into()
}

#[test]
fn golden_bytes_of_uploads_still_decode() {
    let bytes = golden("image-upload-v1.bin", &encode_upload(&upload()));
    assert_eq!(decode_upload(bytes).unwrap(), upload());
    let nobody_looked = Upload {
        image: ImageDetails {
            camera: None,
            frame: None,
            ..image()
        },
        boxes: None,
        answer_to: None,
        ..upload()
    };
    let bytes = golden("image-upload-v1-bare.bin", &encode_upload(&nobody_looked));
    assert_eq!(decode_upload(bytes).unwrap(), nobody_looked);
    let nobody_there = Upload {
        boxes: Some(Vec::new()),
        ..upload()
    };
    let bytes = golden("image-upload-v1-empty.bin", &encode_upload(&nobody_there));
    assert_eq!(decode_upload(bytes).unwrap(), nobody_there);
}

#[test]
fn golden_bytes_of_transformed_pictures_still_decode() {
    let bytes = golden("image-transformed-v1.bin", &encode_transformed(&ready()));
    assert_eq!(decode_transformed(bytes).unwrap(), ready());
    let failed = Transformed {
        size: None,
        boxes: None,
        boxes_from: BoxesFrom::None,
        outcome: Err(failure()),
        ..ready()
    };
    let bytes = golden("image-transformed-v1-failed.bin", &encode_transformed(&failed));
    assert_eq!(decode_transformed(bytes).unwrap(), failed);
}

#[test]
fn golden_bytes_of_answers_still_decode() {
    let ready = || Ok(variant(Variant::Anonymised, b"pixelated"));
    let answers = [
        ("image-answer-v1.bin", None, ready()),
        ("image-answer-v1-failed.bin", None, Err(failure())),
        ("image-answer-v1-node.bin", Some(image().source.id), ready()),
    ];
    for (name, node, outcome) in answers {
        let answer = Answer {
            id: image().id,
            node,
            outcome,
        };
        assert_eq!(decode_answer(golden(name, &encode_answer(&answer))).unwrap(), answer);
    }
}

#[test]
fn the_routing_keys_name_the_venue_or_the_instance() {
    let venue = image().source.venue;
    assert_eq!(uploaded_key(&venue), "images.uploaded.main-hall");
    assert_eq!(transformed_key(&venue), "images.transformed.main-hall");
    assert_eq!(answered_key("6f1d0c52"), "images.answered.6f1d0c52");
}
