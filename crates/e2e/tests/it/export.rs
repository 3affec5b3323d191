//! 100,000 detections all the way: posted by a node, exported by a viewer through the gateway.

use citytrack_domain::Clock;
use citytrack_e2e::System;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const BATCHES: i64 = 20;
const FRAMES: i64 = 100;
const DETECTIONS: i64 = 50;
const ROWS: i64 = BATCHES * FRAMES * DETECTIONS;

/// The batch with this number: a frame every 40 ms, and track ids that count all detections of all batches.
fn batch(number: i64, start: Timestamp) -> Value {
    let frames = (number * FRAMES..(number + 1) * FRAMES).map(|frame| {
        let detections = (frame * DETECTIONS..(frame + 1) * DETECTIONS).map(
            |track| json!({ "class": "person", "confidence": 0.5, "box": [0.25, 0.25, 0.125, 0.5], "track_id": track }),
        );
        let captured_at = start + SignedDuration::from_millis(frame * 40);
        json!({ "camera": "entrance", "frame": frame, "captured_at": captured_at, "width": 640, "height": 480,
                "detections": detections.collect::<Vec<_>>() })
    });
    json!({ "frames": frames.collect::<Vec<_>>() })
}

async fn export(system: &System, token: &str, format: &str) -> Response {
    let path = format!("/api/v1/venues/demo/detections?format={format}");
    let answer = system.request(Method::GET, &path, token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["citytrack-rows"], ROWS.to_string());
    answer
}

#[tokio::test]
async fn what_a_node_posted_comes_out_whole() {
    let system = System::start(1).await;
    let key = system.venue("demo").await;
    let token = system.viewer_token("demo").await;
    let start = Clock::System.now() - SignedDuration::from_mins(5);
    for number in 0..BATCHES {
        let request = system.request(Method::POST, "/api/v1/detections", &key);
        let answer = request.json(&batch(number, start)).send().await.unwrap();
        assert_eq!(answer.status(), 202);
    }
    system
        .until("select coalesce(sum(detections), 0)::bigint from camera_minute", ROWS)
        .await;

    let body = export(&system, &token, "ndjson").await.text().await.unwrap();
    let tracks = body.lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&row["node"], &row["camera"]), (&json!("north"), &json!("entrance")));
        row["track_id"].as_i64().unwrap()
    });
    assert!(tracks.eq(0..ROWS), "every detection once, in order of time");

    let csv = export(&system, &token, "csv").await.text().await.unwrap();
    assert_eq!(csv.lines().count(), usize::try_from(ROWS).unwrap() + 1);
    let parquet = export(&system, &token, "parquet").await.bytes().await.unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
}
