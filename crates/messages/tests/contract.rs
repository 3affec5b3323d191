//! The contract with messages that are already in a queue: what was written once must always be read.

#![allow(clippy::unwrap_used, reason = "tests")]

use citytrack_domain::{
    Agent, Batch, BatchId, BoundingBox, CameraName, Class, Confidence, Detection, Frame, ImageSize, NodeIdentity, Slug,
    StreamPosition,
};
use citytrack_messages::{DecodeError, decode, decode_each, encode, routing_key};
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
        agent: None,
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

fn sample_with_position() -> Batch {
    let stream = Uuid::parse_str("6f1d0c52-9a8e-4b7d-8c3f-2e5a7b9d1c04").unwrap();
    Batch {
        position: Some(StreamPosition { stream, seq: 1042 }),
        ..sample()
    }
}

/// `UPDATE_GOLDEN=1 cargo test -p citytrack-messages` writes the file of a NEW version; those that are there stay as they are.
fn golden(name: &str, written: &Batch) -> Vec<u8> {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    #[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !std::fs::exists(&path).unwrap() {
        std::fs::write(&path, encode(written)).unwrap();
    }
    std::fs::read(path).unwrap()
}

#[test]
fn golden_bytes_of_version_1_still_decode() {
    assert_eq!(decode(&golden("batches-v1.bin", &sample())).unwrap(), [sample()]);
}

#[test]
fn golden_bytes_with_a_position_still_decode() {
    let bytes = golden("batches-v1-position.bin", &sample_with_position());
    assert_eq!(decode(&bytes).unwrap(), [sample_with_position()]);
}

#[test]
fn golden_bytes_with_an_agent_still_decode() {
    let written = Batch {
        agent: Agent::read("citytrack-node/0.1.0"),
        ..sample_with_position()
    };
    let read = decode(&golden("batches-v1-agent.bin", &written)).unwrap();
    assert_eq!(read, std::slice::from_ref(&written));
    let agent = [&[0x5a, 20], &b"citytrack-node/0.1.0"[..]].concat();
    let alone = Batch {
        position: None,
        ..written
    };
    assert_eq!(encode(&alone), sample_and(&agent), "one more field and nothing else");
}

#[test]
fn an_agent_is_never_a_reason_to_refuse_a_batch() {
    let loud = [&[0x5a, 5], &b"\x01\x02\n\t "[..]].concat();
    assert_eq!(decode(&sample_and(&loud)).unwrap(), [sample()]);
}

/// The encoding of `sample()` with more fields at the end of its batch.
fn sample_and(fields: &[u8]) -> Vec<u8> {
    let encoded = encode(&sample());
    let batch = [&encoded[3..], fields].concat();
    let length = [batch.len() % 128 + 128, batch.len() / 128].map(|byte| u8::try_from(byte).unwrap());
    [&encoded[..1], &length, &batch].concat()
}

#[test]
fn a_position_is_two_more_fields_and_nothing_else() {
    let position = sample_with_position().position.unwrap();
    let stream = [&[0x4a, 16], &position.stream.as_bytes()[..]].concat();
    let seq = [0x50, 0x92, 0x08];
    let both = [&stream, &seq[..]].concat();
    assert_eq!(encode(&sample_with_position()), sample_and(&both));
    let refused = |fields: &[u8]| decode(&sample_and(fields)).unwrap_err().to_string();
    assert_eq!(refused(&stream), "batch 0: stream comes without seq");
    assert_eq!(refused(&seq), "batch 0: stream is not 16 bytes");
    assert_eq!(
        refused(&[&[0x4a, 3, 1, 2, 3], &seq[..]].concat()),
        "batch 0: stream is not 16 bytes"
    );
    let negative = [&[0x50], &[0xff; 9][..], &[0x01]].concat();
    assert_eq!(refused(&[stream, negative].concat()), "batch 0: seq is out of range");
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
    let error = decode(&broken_sample()).unwrap_err();
    assert_eq!(error.to_string(), "batch 0: classes has a bad name");
}

/// The encoding of `sample()` with a class that breaks the rules, of the same length.
fn broken_sample() -> Vec<u8> {
    let mut bytes = encode(&sample()).to_vec();
    let place = bytes.windows(6).position(|window| window == b"person").unwrap();
    bytes[place] = b'P';
    bytes
}

#[test]
fn a_bad_batch_among_good_ones_is_told_apart() {
    let not_a_batch = [0x0a, 3, 0xff, 0xff, 0xff];
    let joined = [
        &encode(&sample())[..],
        &broken_sample(),
        &encode(&sample_with_position()),
        &not_a_batch,
    ]
    .concat();
    assert!(decode(&joined).is_err());
    let mut each = decode_each(&joined).unwrap().into_iter();
    assert_eq!(each.next().unwrap().unwrap(), sample());
    let bad = each.next().unwrap().unwrap_err();
    assert_eq!(bad.error.to_string(), "batch 1: classes has a bad name");
    assert_eq!(bad.payload, broken_sample());
    assert_eq!(each.next().unwrap().unwrap(), sample_with_position());
    let bad = each.next().unwrap().unwrap_err();
    assert!(matches!(bad.error, DecodeError::Protobuf(_)));
    assert_eq!(&bad.payload[..], not_a_batch);
    assert!(each.next().is_none());
}

#[test]
fn what_cannot_be_told_apart_is_refused_whole() {
    assert!(decode_each(b"not protobuf at all").is_err());
    let cut_off = &encode(&sample())[..20];
    assert!(decode_each(cut_off).is_err());
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
        position in prop::option::of((any::<u128>(), 0..=StreamPosition::LARGEST_SEQ)),
        agent in "[ -~]{0,120}",
    ) {
        let mut batch = sample();
        batch.agent = Agent::read(&agent);
        batch.position = position.map(|(stream, seq)| StreamPosition { stream: Uuid::from_u128(stream), seq });
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
        prop_assert_eq!(decode_each(&encode(&batch)).unwrap().pop().unwrap().unwrap(), batch.clone());
        prop_assert_eq!(decode(&encode(&batch)).unwrap(), vec![batch]);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let whole = decode(&bytes);
        let each = decode_each(&bytes);
        // What can be read whole can be read one by one, and gives the same.
        if let Ok(whole) = whole {
            let each: Vec<_> = each.unwrap().into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(each, whole);
        }
    }
}
