//! Two ingest-api behind the gateway, and one of them dies under load.

use citytrack_domain::{BatchId, Clock};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use citytrack_e2e::System;

const CLIENTS: usize = 8;
const BATCHES_EACH: usize = 100;

/// Posts batches one after the other, each until it is answered 202; says how often it had to try again.
async fn node(system: &System, key: &str, number: usize) -> usize {
    let mut retries = 0;
    for frame in 0..BATCHES_EACH {
        let now = Clock::System.now();
        let body = json!({ "batch_id": BatchId::generate(now).to_string(), "frames": [{
            "camera": format!("camera-{number}"), "frame": frame, "captured_at": now.to_string(),
            "detections": [{ "class": "person", "confidence": 0.9, "box": [0.1, 0.1, 0.2, 0.2] }],
        }] });
        loop {
            let answer = system
                .request(Method::POST, "/api/v1/detections", key)
                .json(&body)
                .send()
                .await;
            match answer.map(|answer| answer.status().as_u16()) {
                Ok(202) => break,
                // Whether this one was taken is unknown: the same batch again.
                Ok(502..=504) | Err(_) => retries += 1,
                Ok(other) => panic!("{other}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    retries
}

#[tokio::test]
async fn of_two_ingest_apis_one_is_killed_and_nothing_is_lost_or_doubled() {
    let mut system = System::start(2).await;
    let key = system.venue("demo").await;
    let mut doomed = system.ingest.remove(0);
    let kill = async {
        // In the middle of the work, not before and not after it.
        system
            .until("select (count(*) >= 100)::int::bigint from batch", 1)
            .await;
        doomed.kill();
        system.number("select count(*) from batch").await
    };
    let nodes = join_all((0..CLIENTS).map(|number| node(&system, &key, number)));
    let (stored_when_killed, retries) = tokio::join!(kill, nodes);
    let all = i64::try_from(CLIENTS * BATCHES_EACH).unwrap();
    assert!(stored_when_killed < all, "the work was done before the kill");
    system.until("select count(*) from batch", all).await;
    assert_eq!(system.number("select count(*) from frame").await, all);
    assert_eq!(
        system
            .number("select count(distinct (camera_id, number)) from frame")
            .await,
        all
    );
    assert_eq!(
        system.number("select sum(detections)::bigint from camera_minute").await,
        all
    );
    println!("retries of each client: {retries:?}");
}
