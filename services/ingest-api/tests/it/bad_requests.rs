//! Every kind of bad request gets the answer that `docs/api.md` promises; none leaves anything behind.

use citytrack_broker::Inbox;
use citytrack_testkit::{TestVhost, eventually};
use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

use crate::harness::{Harness, body, now, take};

const STREAM: &str = "6f1d0c52-9a8e-4b7d-8c3f-2e5a7b9d1c04";

/// One kind of bad request: what it is, and what it is answered.
struct Case {
    what: &'static str,
    status: u16,
    kind: &'static str,
    /// For 422: pointer and message of the violation.
    violation: Option<(&'static str, &'static str)>,
    request: RequestBuilder,
}

fn case(what: &'static str, status: u16, kind: &'static str, request: RequestBuilder) -> Case {
    Case {
        what,
        status,
        kind,
        violation: None,
        request,
    }
}

/// A good body with one place changed, and the violation that this is.
fn invalid(
    harness: &Harness,
    what: &'static str,
    change: impl FnOnce(&mut Value),
    violation: (&'static str, &'static str),
) -> Case {
    let mut body = body();
    change(&mut body);
    Case {
        violation: Some(violation),
        ..case(what, 422, "invalid-batch", harness.post(&body))
    }
}

/// The value at a place of the only frame, and of its only detection.
fn frame<'b>(body: &'b mut Value, member: &str) -> &'b mut Value {
    &mut body["frames"][0][member]
}

fn detection<'b>(body: &'b mut Value, member: &str) -> &'b mut Value {
    &mut body["frames"][0]["detections"][0][member]
}

fn detection_of(body: &Value) -> Value {
    body["frames"][0]["detections"][0].clone()
}

fn remove(body: &mut Value, object: &str, member: &str) {
    body.pointer_mut(object)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove(member);
}

fn ago(hours: i64) -> Value {
    json!((now() - jiff::SignedDuration::from_hours(hours)).to_string())
}

fn unauthenticated(harness: &Harness) -> Vec<Case> {
    let unknown = citytrack_access::NodeKey::generate();
    vec![
        case(
            "no `Authorization`",
            401,
            "unauthorized",
            harness.request().json(&body()),
        ),
        case(
            "another scheme than `Bearer`",
            401,
            "unauthorized",
            harness.request().basic_auth("north", Some("secret")).json(&body()),
        ),
        case(
            "a key of another form",
            401,
            "unauthorized",
            harness.request().bearer_auth("secret").json(&body()),
        ),
        case(
            "a key that does not exist",
            401,
            "unauthorized",
            harness.request().bearer_auth(unknown.expose()).json(&body()),
        ),
    ]
}

fn unreadable(harness: &Harness) -> Vec<Case> {
    let typed = || {
        harness
            .request()
            .bearer_auth(&harness.key)
            .header("Content-Type", "application/json")
    };
    let large = format!("{{\"frames\": [{}]}}", " ".repeat(5 * 1024 * 1024));
    let bomb = zstd::encode_all(large.as_bytes(), 3).unwrap();
    let encoded = |encoding: &str, bytes: Vec<u8>| typed().header("Content-Encoding", encoding).body(bytes);
    vec![
        case(
            "no `Content-Type`",
            415,
            "unsupported-media-type",
            harness.request().bearer_auth(&harness.key).body(body().to_string()),
        ),
        case(
            "another `Content-Type`",
            415,
            "unsupported-media-type",
            harness
                .request()
                .bearer_auth(&harness.key)
                .header("Content-Type", "text/csv")
                .body("a,b"),
        ),
        case(
            "another `Content-Encoding`",
            415,
            "unsupported-encoding",
            encoded("br", vec![1]),
        ),
        case("a body over 4 MiB", 413, "too-large", typed().body(large)),
        case(
            "a small body that unpacks to more than 4 MiB",
            413,
            "too-large",
            encoded("zstd", bomb),
        ),
        case(
            "a gzip body that is no gzip",
            400,
            "unreadable-body",
            encoded("gzip", b"no gzip at all, but long enough to look at".to_vec()),
        ),
        case("an empty body", 400, "invalid-json", typed().body("")),
        case(
            "not JSON",
            400,
            "invalid-json",
            typed().body("{\"frames\": [\n  {\"camera\" 7}]}"),
        ),
        case(
            "JSON that ends too early",
            400,
            "invalid-json",
            typed().body("{\"frames\": ["),
        ),
        case(
            "something after the JSON",
            400,
            "invalid-json",
            typed().body(format!("{} {{}}", body())),
        ),
        case(
            "text that is not UTF-8",
            400,
            "invalid-json",
            typed().body(b"{\"frames\": \"\xff\"}".to_vec()),
        ),
    ]
}

fn invalid_batches(harness: &Harness) -> Vec<Case> {
    let old_id = citytrack_domain::BatchId::generate(now() - jiff::SignedDuration::from_hours(24 * 8)).to_string();
    let future_id = citytrack_domain::BatchId::generate(now() + jiff::SignedDuration::from_hours(1)).to_string();
    vec![
        invalid(
            harness,
            "JSON that is no object",
            |body| *body = json!([]),
            ("", "must be an object with frames, not an array"),
        ),
        invalid(
            harness,
            "no frames member",
            |body| remove(body, "", "frames"),
            ("/frames", "is missing"),
        ),
        invalid(
            harness,
            "no frame in it",
            |body| body["frames"] = json!([]),
            ("/frames", "must hold at least one frame"),
        ),
        invalid(
            harness,
            "frames that are no array",
            |body| body["frames"] = json!({}),
            ("/frames", "must be an array of frames, not an object"),
        ),
        invalid(
            harness,
            "more than 1,000 frames",
            |body| body["frames"] = json!(vec![body["frames"][0].clone(); 1001]),
            ("/frames", "has 1001 frames; at most 1000 are accepted in a batch"),
        ),
        invalid(
            harness,
            "an unknown member",
            |body| body["node"] = json!("north"),
            ("/node", "is not known here; known are batch_id, stream, seq and frames"),
        ),
        invalid(
            harness,
            "a batch id that is no UUID",
            |body| body["batch_id"] = json!("17"),
            ("/batch_id", "must be a UUID of version 7 (RFC 9562)"),
        ),
        invalid(
            harness,
            "a batch id of another version",
            |body| body["batch_id"] = json!("d9428888-122b-4c1b-9c5e-1f9d2c3b4a5e"),
            (
                "/batch_id",
                "must be a UUID of version 7 (RFC 9562), not another version",
            ),
        ),
        invalid(
            harness,
            "a batch id from 8 days ago",
            |body| body["batch_id"] = json!(old_id),
            (
                "/batch_id",
                "the time in the batch id lies 8 days in the past; at most 7 days is accepted",
            ),
        ),
        invalid(
            harness,
            "a batch id from an hour ahead",
            |body| body["batch_id"] = json!(future_id),
            (
                "/batch_id",
                "the time in the batch id lies 59 minutes ahead of the server's clock; at most 5 minutes is accepted",
            ),
        ),
        invalid(
            harness,
            "a stream without a seq",
            |body| body["stream"] = json!(STREAM),
            ("/seq", "is missing; stream and seq go together"),
        ),
        invalid(
            harness,
            "a seq without a stream",
            |body| body["seq"] = json!(0),
            ("/stream", "is missing; stream and seq go together"),
        ),
        invalid(
            harness,
            "a stream that is no UUID",
            |body| (body["stream"], body["seq"]) = (json!("north"), json!(0)),
            ("/stream", "must be a UUID"),
        ),
        invalid(
            harness,
            "a negative seq",
            |body| (body["stream"], body["seq"]) = (json!(STREAM), json!(-1)),
            ("/seq", "must be an integer from 0 to 9007199254740991"),
        ),
        invalid(
            harness,
            "a seq with a fraction",
            |body| (body["stream"], body["seq"]) = (json!(STREAM), json!(0.5)),
            ("/seq", "must be an integer, not a number with a fraction"),
        ),
        invalid(
            harness,
            "a frame that is no object",
            |body| body["frames"][0] = json!(7),
            ("/frames/0", "must be an object, not a number"),
        ),
        invalid(
            harness,
            "no camera",
            |body| remove(body, "/frames/0", "camera"),
            ("/frames/0/camera", "is missing"),
        ),
        invalid(
            harness,
            "a camera with a slash",
            |body| *frame(body, "camera") = json!("north/entrance"),
            (
                "/frames/0/camera",
                "must be 1 to 64 characters of A-Z, a-z, 0-9, _, . and -",
            ),
        ),
        invalid(
            harness,
            "no captured_at",
            |body| remove(body, "/frames/0", "captured_at"),
            ("/frames/0/captured_at", "is missing"),
        ),
        invalid(
            harness,
            "a captured_at that is no time",
            |body| *frame(body, "captured_at") = json!("today"),
            (
                "/frames/0/captured_at",
                "must be a time such as 2026-11-22T10:00:00.040Z (RFC 3339)",
            ),
        ),
        invalid(
            harness,
            "a captured_at from 8 days ago",
            |body| *frame(body, "captured_at") = ago(24 * 8),
            (
                "/frames/0/captured_at",
                "lies 8 days in the past; at most 7 days is accepted",
            ),
        ),
        invalid(
            harness,
            "a captured_at from an hour ahead",
            |body| *frame(body, "captured_at") = ago(-1),
            (
                "/frames/0/captured_at",
                "lies 59 minutes ahead of the server's clock; at most 5 minutes is accepted",
            ),
        ),
        invalid(
            harness,
            "a negative frame number",
            |body| *frame(body, "frame") = json!(-1),
            ("/frames/0/frame", "must be an integer from 0 to 9223372036854775807"),
        ),
        invalid(
            harness,
            "a width without a height",
            |body| remove(body, "/frames/0", "height"),
            ("/frames/0", "width and height go together: give both or none"),
        ),
        invalid(
            harness,
            "a width of 0",
            |body| *frame(body, "width") = json!(0),
            ("/frames/0/width", "must be an integer from 1 to 65535"),
        ),
        invalid(
            harness,
            "more than 500 detections in a frame",
            |body| *frame(body, "detections") = json!(vec![detection_of(body); 501]),
            (
                "/frames/0/detections",
                "has 501 detections; at most 500 are accepted in a frame",
            ),
        ),
        invalid(
            harness,
            "a class with capital letters",
            |body| *detection(body, "class") = json!("Person"),
            (
                "/frames/0/detections/0/class",
                "must be 1 to 64 characters of a-z, 0-9, _, . and -",
            ),
        ),
        invalid(
            harness,
            "a class of 65 characters",
            |body| *detection(body, "class") = json!("p".repeat(65)),
            (
                "/frames/0/detections/0/class",
                "must be 1 to 64 characters of a-z, 0-9, _, . and -",
            ),
        ),
        invalid(
            harness,
            "a confidence over 1",
            |body| *detection(body, "confidence") = json!(91),
            ("/frames/0/detections/0/confidence", "must be a number from 0 to 1"),
        ),
        invalid(
            harness,
            "a confidence that is a text",
            |body| *detection(body, "confidence") = json!("0.91"),
            ("/frames/0/detections/0/confidence", "must be a number, not a string"),
        ),
        invalid(
            harness,
            "no box",
            |body| remove(body, "/frames/0/detections/0", "box"),
            ("/frames/0/detections/0/box", "is missing"),
        ),
        invalid(
            harness,
            "a box of three numbers",
            |body| *detection(body, "box") = json!([0.1, 0.2, 0.3]),
            ("/frames/0/detections/0/box", "must hold four numbers, not 3"),
        ),
        invalid(
            harness,
            "a box in pixels",
            |body| *detection(body, "box") = json!([230, 324, 96, 216]),
            (
                "/frames/0/detections/0/box",
                "must lie within the image: left, top, left + width and top + height from 0 to 1, at most 0.05 outside",
            ),
        ),
        invalid(
            harness,
            "a box without area",
            |body| *detection(body, "box") = json!([0.1, 0.2, 0.0, 0.2]),
            ("/frames/0/detections/0/box", "width and height must be greater than 0"),
        ),
        invalid(
            harness,
            "a track id of -1 for \"no track\"",
            |body| *detection(body, "track_id") = json!(-1),
            (
                "/frames/0/detections/0/track_id",
                "must be an integer from 0 to 9223372036854775807",
            ),
        ),
    ]
}

async fn check(case: Case, rows: &mut Vec<String>) {
    let answer = case.request.send().await.unwrap();
    let what = case.what;
    let (status, headers): (u16, HeaderMap) = (answer.status().as_u16(), answer.headers().clone());
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(
        (status, problem["status"].as_u64()),
        (case.status, Some(case.status.into())),
        "{what}: {problem}"
    );
    assert_eq!(headers["content-type"], "application/problem+json", "{what}");
    assert_eq!(problem["type"], format!("/problems/{}", case.kind), "{what}");
    assert!(
        problem["title"].is_string() && problem["detail"].is_string(),
        "{what}: {problem}"
    );
    assert_eq!(headers.contains_key("www-authenticate"), status == 401, "{what}");
    if case.kind == "invalid-json" {
        assert!(
            problem["line"].is_u64() && problem["column"].is_u64(),
            "{what}: {problem}"
        );
    }
    let violation = case.violation.map(|(pointer, message)| {
        assert_eq!(
            problem["violations"],
            json!([{ "pointer": pointer, "message": message }]),
            "{what}"
        );
        let place = if pointer.is_empty() {
            "the body".to_owned()
        } else {
            format!("`{pointer}`")
        };
        format!(" {place} {message}")
    });
    rows.push(format!(
        "| {what} | {status} | `{}` |{} |",
        case.kind,
        violation.unwrap_or_default()
    ));
}

#[tokio::test]
async fn every_bad_request_is_answered_as_documented_and_leaves_nothing_behind() {
    let harness = Harness::start(&[]).await;
    let mut queue: Inbox = harness.queue();
    let cases = [
        unauthenticated(&harness),
        unreadable(&harness),
        invalid_batches(&harness),
    ];
    let mut rows = Vec::new();
    for case in cases.into_iter().flatten() {
        check(case, &mut rows).await;
    }
    assert!(rows.len() >= 25);
    // The service still works, and the first thing in the queue is what comes after all the bad requests.
    let answer: Value = harness.post(&body()).send().await.unwrap().json().await.unwrap();
    let batches = take(&mut queue, 1).await;
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].id.to_string(), answer["batch_id"]);
    let documented = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md")).unwrap();
    let missing: Vec<_> = rows
        .iter()
        .filter(|row| !documented.contains(row.as_str()))
        .cloned()
        .collect();
    assert!(
        missing.is_empty(),
        "docs/api.md lacks these rows:\n{}",
        missing.join("\n")
    );
}

#[tokio::test]
async fn other_methods_and_paths_are_told_what_is_there() {
    let harness = Harness::start(&[]).await;
    let url = harness.request().build().unwrap().url().clone();
    let get = reqwest::get(url.clone()).await.unwrap();
    assert_eq!(
        (get.status().as_u16(), get.headers()["allow"].to_str().unwrap()),
        (405, "POST")
    );
    let nowhere = reqwest::get(url.join("/api/v1/detection").unwrap()).await.unwrap();
    assert_eq!(nowhere.status(), 404);
    assert_eq!(nowhere.json::<Value>().await.unwrap()["type"], "/problems/not-found");
}

#[tokio::test]
async fn without_the_broker_the_answer_is_503_and_says_when_to_come_again() {
    let mut harness = Harness::start(&[]).await;
    // The virtual host of the service is gone with this.
    harness.vhost = TestVhost::create().await;
    let answer = eventually("the outage is noticed", async || {
        Some(harness.post(&body()).send().await.unwrap()).filter(|answer| answer.status() == 503)
    });
    let answer = answer.await;
    assert!(answer.headers().contains_key("retry-after"));
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "/problems/unavailable");
    assert!(problem["reason"].is_string(), "{problem}");
}
