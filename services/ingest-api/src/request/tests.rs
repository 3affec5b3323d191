//! The reader against good and bad bodies.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn limits() -> Limits {
    let window = Window {
        back: Duration::from_secs(7 * 86_400),
        ahead: Duration::from_secs(300),
    };
    Limits {
        frames: 3,
        detections: 2,
        window,
    }
}

fn good() -> Value {
    json!({ "frames": [{
        "camera": "entrance", "frame": 1042, "captured_at": "2026-11-22T10:00:00.040Z", "width": 1920, "height": 1080,
        "detections": [{ "class": "person", "confidence": 0.91, "box": [0.12, 0.30, 0.05, 0.20], "track_id": 17 }],
    }] })
}

fn read_json(body: &Value) -> Result<Posted, Rejected> {
    read(body.to_string().as_bytes(), None, now(), &limits())
}

/// The violations of `good()` with one value changed, as `pointer message`.
fn violations(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut body = good();
    change(&mut body);
    match read_json(&body) {
        Err(Rejected::Invalid { violations, .. }) => violations
            .first()
            .iter()
            .map(|violation| format!("{} {}", violation.pointer, violation.message))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_body_becomes_domain_values() {
    let posted = read_json(&good()).unwrap();
    assert_eq!(posted.id, None);
    let [frame] = &posted.frames[..] else {
        panic!("{posted:?}")
    };
    assert_eq!((frame.camera.as_str(), frame.number), ("entrance", Some(1042)));
    assert_eq!(frame.size.unwrap().width, 1920);
    let [detection] = &frame.detections[..] else {
        panic!("{frame:?}")
    };
    assert_eq!(detection.bounding_box.parts(), [0.12, 0.30, 0.05, 0.20]);
    assert_eq!(detection.track_id, Some(17));
}

#[test]
fn optional_members_may_be_absent_or_null_and_frames_empty() {
    let body = json!({ "batch_id": null, "frames": [
        { "camera": "a", "captured_at": "2026-11-22T11:00:00+01:00", "detections": [], "frame": null, "width": null },
    ] });
    let posted = read_json(&body).unwrap();
    assert_eq!(posted.frames[0].captured_at, now());
    assert!(posted.frames[0].detections.is_empty() && posted.frames[0].size.is_none());
}

#[test]
fn every_violation_is_told_with_its_place() {
    let found = violations(|body| {
        body["frames"][0]["camera"] = json!("north/entrance");
        body["frames"][0]["detections"] = json!([
            { "class": "Person", "confidence": 1.5, "box": [0.1, 0.2, "wide"], "colour": "red" },
            7,
        ]);
        body["frames"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "detections": {}, "width": 0 }));
        body["a/b~c"] = json!(1);
    });
    assert_eq!(
        found,
        [
            "/a~1b~0c is not known here; known are batch_id, stream, seq and frames",
            "/frames/0/camera must be 1 to 64 characters of A-Z, a-z, 0-9, _, . and -",
            "/frames/0/detections/0/box/2 must be a number, not a string",
            "/frames/0/detections/0/box must hold four numbers, not 3",
            "/frames/0/detections/0/class must be 1 to 64 characters of a-z, 0-9, _, . and -",
            "/frames/0/detections/0/colour is not known here; known are class, confidence, box and track_id",
            "/frames/0/detections/0/confidence must be a number from 0 to 1",
            "/frames/0/detections/1 must be an object, not a number",
            "/frames/1/detections must be an array, not an object",
            "/frames/1/width must be an integer from 1 to 65535",
            "/frames/1/camera is missing",
            "/frames/1/captured_at is missing",
        ]
    );
}

#[test]
fn a_member_that_is_given_twice_is_told() {
    let body = br#"{"batch_id": null, "frames": [{"camera": "a", "frame": 1, "frame": 2, "camera": "b",
        "captured_at": "2026-11-22T10:00:00Z", "detections": []}], "batch_id": null}"#;
    let Err(Rejected::Invalid { violations: found, .. }) = read(body, None, now(), &limits()) else {
        panic!()
    };
    let found: Vec<_> = found
        .first()
        .iter()
        .map(|violation| violation.pointer.as_str())
        .collect();
    assert_eq!(found, ["/frames/0/frame", "/frames/0/camera", "/batch_id"]);
}

#[test]
fn times_out_of_the_window_are_refused() {
    let found = violations(|body| body["frames"][0]["captured_at"] = json!("2026-11-22T10:06:00Z"));
    assert_eq!(
        found,
        ["/frames/0/captured_at lies 6 minutes ahead of the server's clock; at most 5 minutes is accepted"]
    );
    let found = violations(|body| body["frames"][0]["captured_at"] = json!("yesterday"));
    assert_eq!(
        found,
        ["/frames/0/captured_at must be a time such as 2026-11-22T10:00:00.040Z (RFC 3339)"]
    );
}

#[test]
fn too_many_are_counted_and_not_kept() {
    let found = violations(|body| {
        let frame = body["frames"][0].clone();
        body["frames"] = json!([frame, frame, frame, frame, frame]);
    });
    assert_eq!(found, ["/frames has 5 frames; at most 3 are accepted in a batch"]);
    let found = violations(|body| {
        let detection = body["frames"][0]["detections"][0].clone();
        body["frames"][0]["detections"] = json!([detection, detection, detection]);
    });
    assert_eq!(
        found,
        ["/frames/0/detections has 3 detections; at most 2 are accepted in a frame"]
    );
    assert_eq!(
        violations(|body| body["frames"] = json!([])),
        ["/frames must hold at least one frame"]
    );
}

#[test]
fn at_most_a_hundred_violations_are_listed() {
    let limits = Limits {
        frames: 1_000,
        ..limits()
    };
    let body = json!({ "frames": vec![json!({}); 200] });
    let Err(Rejected::Invalid { violations, .. }) = read(body.to_string().as_bytes(), None, now(), &limits) else {
        panic!()
    };
    assert_eq!((violations.first().len(), violations.total()), (100, 600));
}

#[test]
fn the_batch_id_comes_from_the_body_or_the_header() {
    let id = BatchId::generate(now());
    let mut body = good();
    let from_header = read(body.to_string().as_bytes(), Some(&id.to_string()), now(), &limits()).unwrap();
    assert_eq!(from_header.id, Some(id));
    body["batch_id"] = json!(id.to_string());
    assert_eq!(read_json(&body).unwrap().id, Some(id));
    let other = BatchId::generate(now()).to_string();
    let Err(Rejected::Invalid { violations: found, .. }) =
        read(body.to_string().as_bytes(), Some(&other), now(), &limits())
    else {
        panic!()
    };
    assert_eq!(found.first()[0].message, "differs from the header Idempotency-Key");
}

#[test]
fn a_position_is_a_stream_and_a_number() {
    let stream = "6f1d0c52-9a8e-4b7d-8c3f-2e5a7b9d1c04";
    let with = |stream: Value, seq: Value| {
        let mut body = good();
        body["stream"] = stream;
        body["seq"] = seq;
        read_json(&body)
    };
    let position = with(json!(stream), json!(StreamPosition::LARGEST_SEQ))
        .unwrap()
        .position;
    let position = position.unwrap();
    assert_eq!(
        (position.stream.to_string().as_str(), position.seq),
        (stream, 9_007_199_254_740_991)
    );
    assert_eq!(with(json!(null), json!(null)).unwrap().position, None);
    let told = |stream, seq| match with(stream, seq) {
        Err(Rejected::Invalid { violations, position }) => {
            assert_eq!(position, None);
            let [violation] = violations.first() else {
                panic!("{violations:?}")
            };
            format!("{} {}", violation.pointer, violation.message)
        }
        other => panic!("{other:?}"),
    };
    let alone = "is missing; stream and seq go together";
    assert_eq!(told(json!(stream), json!(null)), format!("/seq {alone}"));
    assert_eq!(told(json!(null), json!(0)), format!("/stream {alone}"));
    assert_eq!(told(json!("north"), json!(0)), "/stream must be a UUID");
    assert_eq!(told(json!(7), json!(0)), "/stream must be a string, not a number");
    let range = "/seq must be an integer from 0 to 9007199254740991";
    assert_eq!(told(json!(stream), json!(-1)), range);
    assert_eq!(told(json!(stream), json!(StreamPosition::LARGEST_SEQ + 1)), range);
    assert_eq!(
        told(json!(stream), json!(1.5)),
        "/seq must be an integer, not a number with a fraction"
    );
}

#[test]
fn a_refused_batch_still_tells_its_position() {
    let mut body = good();
    body["stream"] = json!("6f1d0c52-9a8e-4b7d-8c3f-2e5a7b9d1c04");
    body["seq"] = json!(3);
    body["frames"] = json!([]);
    let Err(Rejected::Invalid { position, .. }) = read_json(&body) else {
        panic!()
    };
    assert_eq!(position.unwrap().seq, 3);
}

#[test]
fn an_old_batch_id_is_refused() {
    let id = BatchId::generate("2026-11-01T00:00:00Z".parse().unwrap());
    let found = violations(|body| body["batch_id"] = json!(id.to_string()));
    assert_eq!(
        found,
        ["/batch_id the time in the batch id lies 21 days in the past; at most 7 days is accepted"]
    );
}

#[test]
fn what_is_not_json_is_told_with_line_and_column() {
    let Err(Rejected::NotJson(error)) = read(b"{\"frames\": [\n  {\"camera\" 7}]}", None, now(), &limits()) else {
        panic!()
    };
    assert_eq!((error.line(), error.column()), (2, 13));
    for body in ["", "{", "{} {}", "\u{feff}{}", "{\"frames\":[1e999]}"] {
        assert!(
            matches!(read(body.as_bytes(), None, now(), &limits()), Err(Rejected::NotJson(_))),
            "{body}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = read(text.as_bytes(), None, now(), &limits());
    }

    /// Any value in any place is either read or told as a violation of that place; it is never "not JSON".
    #[test]
    fn values_of_any_type_are_data_not_syntax(place in 0..12usize, value in 0..7usize) {
        let values = [json!(null), json!(true), json!(-1), json!(0.5), json!("text"), json!([]), json!({})];
        let places = ["/batch_id", "/frames", "/frames/0", "/frames/0/camera", "/frames/0/captured_at", "/frames/0/width",
            "/frames/0/detections", "/frames/0/detections/0", "/frames/0/detections/0/box", "/frames/0/detections/0/class",
            "/stream", "/seq"];
        let mut body = good();
        for optional in ["batch_id", "stream", "seq"] {
            body[optional] = json!(null);
        }
        *body.pointer_mut(places[place]).unwrap() = values[value].clone();
        match read_json(&body) {
            Ok(_) => {}
            Err(Rejected::Invalid { violations: found, .. }) => {
                let pointer = &found.first()[0].pointer;
                prop_assert!(pointer.starts_with(places[place]) || places[place].starts_with(pointer.as_str()), "{pointer}");
            }
            Err(Rejected::NotJson(error)) => prop_assert!(false, "{error}"),
        }
    }
}

/// The body as the OpenAPI document shows it.
fn shown() -> jsonschema::Validator {
    let mut schema = serde_json::to_value(crate::openapi::openapi()).unwrap();
    schema["$ref"] = json!("#/components/schemas/Batch");
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

/// With other limits than `limits()`, as the document shows the defaults.
fn is_read(body: &Value) -> bool {
    let limits = Limits {
        frames: 1000,
        detections: 500,
        ..limits()
    };
    read(body.to_string().as_bytes(), None, now(), &limits).is_ok()
}

/// Where JSON Schema has words for the rules, the document and the reader have the same.
#[test]
fn the_document_shows_what_is_read() {
    let schema = shown();
    let mut good = good();
    good["batch_id"] = json!(BatchId::generate(now()).to_string());
    good["stream"] = json!("6f1d0c52-9a8e-4b7d-8c3f-2e5a7b9d1c04");
    good["seq"] = json!(7);
    assert!(is_read(&good));
    assert_eq!(schema.validate(&good).map_err(|error| error.to_string()), Ok(()));
    let places = [
        "/batch_id",
        "/stream",
        "/seq",
        "/frames",
        "/frames/0",
        "/frames/0/camera",
        "/frames/0/captured_at",
        "/frames/0/frame",
        "/frames/0/width",
        "/frames/0/detections",
        "/frames/0/detections/0",
        "/frames/0/detections/0/class",
        "/frames/0/detections/0/confidence",
        "/frames/0/detections/0/box",
        "/frames/0/detections/0/box/0",
        "/frames/0/detections/0/track_id",
    ];
    let frame = &good["frames"][0];
    let detection = &frame["detections"][0];
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(1.5),
        json!(65_535),
        json!(65_536),
        json!(9_007_199_254_740_991_i64),
        json!(9_007_199_254_740_992_i64),
        json!("text"),
        json!("Text"),
        json!("a b"),
        json!("a".repeat(65)),
        json!([]),
        json!({}),
        json!([0.1, 0.1, 0.1]),
        json!([0.1, 0.1, 0.1, 0.1]),
        json!([0.1, 0.1, 0.1, 0.1, 0.1]),
        json!({"unknown": 1}),
        json!(vec![frame; 1000]),
        json!(vec![frame; 1001]),
        json!(vec![detection; 500]),
        json!(vec![detection; 501]),
        json!("6f1d0c52-9a8e-4b7d-8c3f-2e5a7b9d1c04"),
        json!("6f1d0c52-9a8e-7b7d-8c3f"),
    ];
    let mut differing = Vec::new();
    for place in places {
        for value in &values {
            let mut body = good.clone();
            *body.pointer_mut(place).unwrap() = value.clone();
            let both_or_none = value.is_null() && ["/stream", "/seq", "/frames/0/width"].contains(&place);
            let in_the_image = place.ends_with("/box/0") && value.is_number();
            if !both_or_none && !in_the_image && schema.is_valid(&body) != is_read(&body) {
                differing.push(format!(
                    "{place} = {}",
                    value.to_string().chars().take(60).collect::<String>()
                ));
            }
        }
        let mut body = good.clone();
        let (parent, name) = place.rsplit_once('/').unwrap();
        if let Some(parent) = body.pointer_mut(parent).unwrap().as_object_mut() {
            parent.remove(name);
            let pair = ["stream", "seq", "width"].contains(&name);
            if !pair && schema.is_valid(&body) != is_read(&body) {
                differing.push(format!("without {place}"));
            }
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}
