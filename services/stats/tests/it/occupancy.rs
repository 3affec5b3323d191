//! Who is there now.

use citytrack_domain::{Batch, Class, Detection, NodeIdentity, Slug};
use citytrack_storage::nodes;
use citytrack_testkit::{batch, changed, frame, person};
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::stats::{Stats, json};

/// 12:00:30, the time of these tests.
fn now() -> Timestamp {
    "2026-11-22T12:00:30Z".parse().unwrap()
}

fn ago(millis: i64) -> Timestamp {
    now() - SignedDuration::from_millis(millis)
}

fn people(count: usize) -> Vec<Detection> {
    (0..count).map(|_| person(0.1, None)).collect()
}

/// A frame that came in so many milliseconds ago, taken when it came.
fn sent(source: &NodeIdentity, camera: &str, millis_ago: i64, count: usize) -> Batch {
    batch(
        source,
        ago(millis_ago),
        vec![frame(camera, ago(millis_ago), people(count))],
    )
}

async fn occupancy(api: &Stats, query: &str) -> Value {
    let request = api.request(&format!("/api/v1/occupancy{query}"));
    let (status, body) = json(request.bearer_auth(api.token(&["demo", "other"]))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

/// The cameras of the answer's only venue: name, people and status.
fn cameras(body: &Value) -> Vec<(&str, &Value, &str)> {
    let cameras = body["venues"][0]["cameras"].as_array().unwrap().iter();
    cameras
        .map(|camera| {
            (
                camera["camera"].as_str().unwrap(),
                &camera["people"],
                camera["status"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn people_of_the_latest_frames_are_summed_up() {
    let api = Stats::start("UTC").await;
    let north = api.north().await;
    let mut batches: Vec<Batch> = (0..20).map(|nth| sent(&north, "door", 200 + nth * 500, 2)).collect();
    let dog = Detection {
        class: Class::new("dog").unwrap(),
        ..person(0.5, None)
    };
    let newest = [people(3), vec![dog]].concat();
    batches.push(batch(&north, ago(100), vec![frame("door", ago(150), newest)]));
    batches.push(sent(&north, "hall", 400, 4));
    api.store(&batches).await;

    let body = occupancy(&api, "?venue=demo").await;
    assert_eq!(
        (&body["at"], &body["class"]),
        (&json!("2026-11-22T12:00:30Z"), &json!("person"))
    );
    let venue = &body["venues"][0];
    assert_eq!(
        (&venue["venue"], &venue["people"], &venue["unknown_cameras"]),
        (&json!("demo"), &json!(7), &json!(0))
    );
    assert_eq!(
        venue["cameras"][0],
        json!({
            "camera": "north/door", "title": null, "people": 3, "status": "known",
            "captured_at": "2026-11-22T12:00:29.85Z", "received_at": "2026-11-22T12:00:29.9Z",
            "usual_interval_seconds": 0.479, "silent_for_seconds": 0.1,
        })
    );
    assert_eq!(
        venue["cameras"][1]["usual_interval_seconds"],
        Value::Null,
        "it sent only once"
    );

    let body = occupancy(&api, "?camera=door&class=dog").await;
    assert_eq!(cameras(&body), [("north/door", &json!(1), "known")]);
    let body = occupancy(&api, "?camera=north/door&class=unicorn").await;
    assert_eq!(cameras(&body), [("north/door", &json!(0), "known")]);
}

#[tokio::test]
async fn whoever_is_silent_for_longer_than_usual_is_unknown() {
    let api = Stats::start("UTC").await;
    let north = api.north().await;
    // The door sends twice a second, the hall once a minute.
    let mut batches: Vec<Batch> = (0..10).map(|nth| sent(&north, "door", 9_900 + nth * 500, 2)).collect();
    batches.extend((0..10).map(|nth| sent(&north, "hall", 200_000 + nth * 60_000, 5)));
    api.store(&batches).await;
    let body = occupancy(&api, "?venue=demo").await;
    assert_eq!(
        cameras(&body),
        [("north/door", &json!(2), "known"), ("north/hall", &json!(5), "known")]
    );

    // 10.4 seconds: more than the floor, and more than five times a half.
    api.clock.advance(SignedDuration::from_millis(500));
    let body = occupancy(&api, "?venue=demo").await;
    assert_eq!(
        cameras(&body),
        [
            ("north/door", &Value::Null, "unknown"),
            ("north/hall", &json!(5), "known")
        ]
    );
    let venue = &body["venues"][0];
    assert_eq!((&venue["people"], &venue["unknown_cameras"]), (&json!(5), &json!(1)));
    assert_eq!(venue["cameras"][0]["silent_for_seconds"], json!(10.4));

    // More than five times a minute.
    api.clock.advance(SignedDuration::from_secs(100));
    let body = occupancy(&api, "?venue=demo").await;
    assert_eq!(
        (&body["venues"][0]["people"], &body["venues"][0]["unknown_cameras"]),
        (&Value::Null, &json!(2))
    );
}

#[tokio::test]
async fn a_wrong_clock_is_not_silence() {
    let api = Stats::start("UTC").await;
    let north = api.north().await;
    let wrong = |camera: &str, ahead: i64, millis_ago: i64, count: usize| {
        let captured_at = ago(millis_ago) + SignedDuration::from_secs(ahead);
        batch(&north, ago(millis_ago), vec![frame(camera, captured_at, people(count))])
    };
    let mut batches = Vec::new();
    for nth in 0..10_i64 {
        batches.push(wrong("behind", -6 * 86_400, 100 + nth * 1000, 1));
        batches.push(wrong("ahead", 240, 100 + nth * 1000, 2));
        // It was ahead until a minute ago, when it was put right.
        batches.push(wrong("corrected", 240, 60_000 + nth * 1000, 9));
        batches.push(wrong("corrected", 0, 100 + nth * 1000, 3));
    }
    api.store(&batches).await;
    let body = occupancy(&api, "?camera=behind,ahead,corrected").await;
    assert_eq!(
        cameras(&body),
        [
            ("north/ahead", &json!(2), "known"),
            ("north/behind", &json!(1), "known"),
            ("north/corrected", &json!(3), "known")
        ]
    );
}

#[tokio::test]
async fn backlog_does_not_hide_what_is_live() {
    let api = Stats::start("UTC").await;
    let north = api.north().await;
    let mut batches: Vec<Batch> = (0..10).map(|nth| sent(&north, "door", 500 + nth * 500, 6)).collect();
    // Taken an hour ago, received last.
    let late = (0..10).map(|nth| frame("door", ago(3_600_000 + nth * 40), people(1)));
    batches.push(batch(&north, ago(10), late.collect()));
    api.store(&batches).await;
    let body = occupancy(&api, "?venue=demo&camera=door").await;
    assert_eq!(cameras(&body), [("north/door", &json!(6), "known")]);
}

#[tokio::test]
async fn large_batches_have_an_interval_too() {
    let api = Stats::start("UTC").await;
    let north = api.north().await;
    // 200 frames each 40 seconds.
    let batches: Vec<Batch> = (0..5_i64)
        .map(|nth| {
            let received = 60_000 + nth * 40_000;
            let frames = (0..200).map(|place| frame("door", ago(received + place * 200), people(1)));
            batch(&north, ago(received), frames.collect())
        })
        .collect();
    api.store(&batches).await;
    let body = occupancy(&api, "?camera=door").await;
    assert_eq!(cameras(&body), [("north/door", &json!(1), "known")]);
    assert_eq!(body["venues"][0]["cameras"][0]["usual_interval_seconds"], json!(40.0));
}

#[tokio::test]
async fn cameras_of_retired_nodes_are_left_out() {
    let api = Stats::start("UTC").await;
    let north = api.north().await;
    api.store(&[sent(&north, "door", 100, 1)]).await;
    changed(&api.test.database, async |change| nodes::retire(change, north.id).await)
        .await
        .unwrap();
    let body = occupancy(&api, "?venue=demo").await;
    assert_eq!(
        body["venues"],
        json!([{"venue": "demo", "people": null, "unknown_cameras": 0, "cameras": []}])
    );
}

#[tokio::test]
async fn a_viewer_is_told_only_of_what_the_token_names() {
    let api = Stats::start("UTC").await;
    api.make_venue("other").await;
    api.make_venue("secret").await;
    let north = api.north().await;
    api.store(&[sent(&north, "door", 100, 1), sent(&north, "hall", 100, 2)])
        .await;

    let body = occupancy(&api, "").await;
    let venues: Vec<_> = body["venues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|venue| &venue["venue"])
        .collect();
    assert_eq!(venues, [&json!("demo"), &json!("other")]);

    let limits = [(Slug::new("demo").unwrap(), vec!["north/hall".parse().unwrap()])].into();
    let token = api.limited_token(&["demo"], &limits);
    for query in ["", "?venue=demo", "?venue=demo&camera=hall", "?venue=demo,demo"] {
        let (_, body) = json(api.request(&format!("/api/v1/occupancy{query}")).bearer_auth(&token)).await;
        assert_eq!(cameras(&body), [("north/hall", &json!(2), "known")], "{query}");
        assert_eq!(body["venues"][0]["people"], json!(2), "{query}");
    }
    for (query, expected) in [
        ("?venue=demo&camera=door", StatusCode::FORBIDDEN),
        ("?venue=other", StatusCode::FORBIDDEN),
        ("?venue=demo&kamera=door", StatusCode::BAD_REQUEST),
        ("?class=Person", StatusCode::BAD_REQUEST),
        ("?class=a&class=b", StatusCode::BAD_REQUEST),
    ] {
        let (status, problem) = json(api.request(&format!("/api/v1/occupancy{query}")).bearer_auth(&token)).await;
        assert_eq!(status, expected, "{query}: {problem}");
    }
    let (status, _) = json(
        api.request("/api/v1/occupancy?venue=gone")
            .bearer_auth(api.token(&["gone"])),
    )
    .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = json(api.request("/api/v1/occupancy")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (_, body) = json(api.request("/api/v1/occupancy?camera=door").bearer_auth(&token)).await;
    assert_eq!(body["venues"], json!([]), "nothing that is asked for may be seen");
}
