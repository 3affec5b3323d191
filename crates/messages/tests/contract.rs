//! The contract with messages that are already in a queue: what was written once must always be read.

#![allow(clippy::unwrap_used, reason = "tests")]

use citytrack_domain::{
    Batch, BatchId, BoundingBox, CameraName, Class, Confidence, Detection, Frame, ImageSize, NodeIdentity, Slug,
};
use citytrack_messages::{DecodeError, decode, encode, routing_key};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

fn sample() -> Batch {
    let at: Timestamp = "2026-11-22T10:00:00.040Z".parse().unwrap();
    let detection = |left: f64, track_id| Detection {
        class: Class::new("person").unwrap(),
        confidence: Confidence::new(0.91).unwrap(),
        bounding_box: BoundingBox::new([left, 0.3, 0.05, 0.2]).unwrap(),
        track_id,
    };
    let frame = |number, detections| Frame {
        camera: CameraName::new("entrance").unwrap(),
        captured_at: at + SignedDuration::from_millis(40 * number),
        number: Some(number),
        size: Some(ImageSize {
            width: 1920,
            height: 1080,
        }),
        detections,
    };
    Batch {
        id: BatchId::parse("0198e3a0-7d28-7abc-8def-0123456789ab").unwrap(),
        source: NodeIdentity {
            id: Uuid::parse_str("0198e3a0-0000-7000-8000-000000000001").unwrap(),
            node: Slug::new("north").unwrap(),
            venue: Slug::new("main-hall").unwrap(),
        },
        received_at: at + SignedDuration::from_millis(55),
        position: None,
        frames: vec![
            frame(0, vec![detection(0.12, Some(17)), detection(0.5, None)]),
            frame(1, vec![]),
            Frame {
                number: None,
                size: None,
                ..frame(2, vec![detection(0.7, None)])
            },
        ],
    }
}

/// `UPDATE_GOLDEN=1 cargo test -p citytrack-messages` writes the file of a NEW version; files of old versions stay as they are.
#[test]
fn golden_bytes_of_version_1_still_decode() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/batches-v1.bin");
    #[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, encode(&sample())).unwrap();
    }
    let golden = std::fs::read(path).unwrap();
    assert_eq!(decode(&golden).unwrap(), [sample()]);
}

#[test]
fn encodings_join_by_writing_one_after_the_other() {
    let mut second = sample();
    second.frames.truncate(1);
    let joined = [encode(&sample()), encode(&second)].concat();
    assert_eq!(decode(&joined).unwrap(), [sample(), second]);
}

#[test]
fn garbage_is_poison_and_says_so() {
    assert!(matches!(decode(b"not protobuf at all"), Err(DecodeError::Protobuf(_))));
    let mut bytes = encode(&sample()).to_vec();
    let place = bytes.windows(6).position(|window| window == b"person").unwrap();
    bytes[place] = b'P';
    let error = decode(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "batch 0: classes has a bad name");
}

#[test]
fn the_routing_key_names_the_venue() {
    assert_eq!(routing_key(&sample().source.venue), "detections.main-hall");
}

proptest! {
    #[test]
    fn whatever_is_encoded_decodes(
        detections in prop::collection::vec(
            ("[a-z0-9_.-]{1,64}", 0.0..=1.0f64, 0.0..0.5f64, prop::option::of(any::<i64>())), 0..20),
        number in prop::option::of(any::<i64>()),
    ) {
        let mut batch = sample();
        batch.frames[0].number = number;
        batch.frames[0].detections = detections
            .into_iter()
            .map(|(class, confidence, left, track_id)| Detection {
                class: Class::new(&class).unwrap(),
                confidence: Confidence::new(confidence).unwrap(),
                bounding_box: BoundingBox::new([left, left, 0.25, 0.5]).unwrap(),
                track_id,
            })
            .collect();
        prop_assert_eq!(decode(&encode(&batch)).unwrap(), vec![batch]);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
    }
}
