//! What is read is what was written.

use citytrack_domain::{BoundingBox, CameraName, Class, Confidence, Detection, NodeIdentity, Variant};

use super::*;

fn details() -> ImageDetails {
    let at: Timestamp = "2026-11-22T10:00:00.040Z".parse().unwrap();
    ImageDetails {
        id: ImageId::generate(at),
        source: NodeIdentity {
            id: Uuid::now_v7(),
            node: Slug::new("north").unwrap(),
            venue: Slug::new("demo").unwrap(),
        },
        camera: Some(CameraName::new("entrance").unwrap()),
        captured_at: at,
        frame: Some(1042),
        received_at: at,
        media_type: "image/png".to_owned(),
    }
}

fn person() -> Detection {
    Detection {
        class: Class::new("person").unwrap(),
        confidence: Confidence::new(0.5).unwrap(),
        bounding_box: BoundingBox::new([0.25, 0.25, 0.5, 0.5]).unwrap(),
        track_id: None,
    }
}

fn thumbnail() -> ImageVariant<Bytes> {
    ImageVariant {
        variant: Variant::Thumbnail,
        media_type: "image/jpeg".to_owned(),
        width: 320,
        height: 180,
        bytes: Bytes::from_static(b"jpeg"),
    }
}

#[test]
fn an_upload_is_read_as_it_was_written_and_no_boxes_are_not_an_empty_list() {
    for boxes in [None, Some(Vec::new()), Some(vec![person()])] {
        let upload = Upload {
            image: details(),
            boxes,
            answer_to: Some("a1".to_owned()),
            picture: Bytes::from_static(b"png"),
        };
        assert_eq!(decode_upload(encode_upload(&upload)).unwrap(), upload);
    }
    let silent = Upload {
        image: ImageDetails {
            camera: None,
            frame: None,
            ..details()
        },
        boxes: None,
        answer_to: None,
        picture: Bytes::new(),
    };
    assert_eq!(decode_upload(encode_upload(&silent)).unwrap(), silent);
}

#[test]
fn what_became_of_a_picture_is_read_as_it_was_written() {
    let failed = ImageFailure {
        code: "invalid-picture".to_owned(),
        detail: "the picture cannot be decoded".to_owned(),
    };
    let kept = Ready {
        variants: vec![thumbnail()],
        original: Some(Bytes::from_static(b"png")),
    };
    let discarded = Ready {
        variants: vec![thumbnail()],
        original: None,
    };
    for outcome in [Ok(kept), Ok(discarded), Err(failed.clone())] {
        let transformed = Transformed {
            image: details(),
            size: outcome.is_ok().then_some((1920, 1080)),
            boxes: Some(vec![person()]),
            boxes_from: BoxesFrom::Detections,
            transformed_at: "2026-11-22T10:00:01Z".parse().unwrap(),
            outcome,
        };
        assert_eq!(
            decode_transformed(encode_transformed(&transformed)).unwrap(),
            transformed
        );
    }
    for outcome in [Ok(thumbnail()), Err(failed)] {
        let answer = Answer {
            id: details().id,
            node: Some(Uuid::now_v7()),
            outcome,
        };
        assert_eq!(decode_answer(encode_answer(&answer)).unwrap(), answer);
    }
}

#[test]
fn other_bytes_are_poison() {
    assert!(matches!(
        decode_upload(&b"\xff\xff\xff"[..]),
        Err(DecodeError::Protobuf(_))
    ));
    assert!(matches!(decode_upload(Bytes::new()), Err(DecodeError::Invalid(_))));
    assert!(matches!(decode_answer(Bytes::new()), Err(DecodeError::Invalid(_))));
}
