//! Far more comes than can be taken: nodes are told to come later, and nothing else happens to them.

use std::time::Duration;

use citytrack_domain::{BatchId, Clock};
use citytrack_e2e::{Setup, System, Traffic, TrafficPlan};
use citytrack_testkit::{eventually, limit_persist_queue};
use serde_json::{Value, json};

use crate::hold::Hold;

/// More senders than batches may wait for the broker, and more impatient ones than honest nodes are.
fn storm() -> TrafficPlan {
    TrafficPlan {
        nodes: 16,
        batches_per_second: 2_000,
        longest_wait: Duration::from_millis(100),
        ..TrafficPlan::default()
    }
}

/// One batch of somebody else: status, and why not.
async fn probe(system: &System, key: &str) -> (u16, String) {
    let now = Clock::System.now();
    let batch = json!({ "frames": [{ "camera": "probe", "captured_at": now.to_string(), "detections": [] }] });
    let request = system
        .request(reqwest::Method::POST, "/api/v1/detections", key)
        .json(&batch);
    let id = BatchId::generate(now).to_string();
    let answer = request.header("Idempotency-Key", id).send().await.unwrap();
    let status = answer.status().as_u16();
    let problem: Value = answer.json().await.unwrap();
    (status, problem["reason"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_overload_is_answered_429_and_503_and_ends_well() {
    let setup = Setup::new()
        .await
        .quick()
        .set("ingest-api", "CITYTRACK_RATE__LIVE_BATCHES", "100")
        .set("ingest-api", "CITYTRACK_RATE__BURST", "1s")
        .set("ingest-api", "CITYTRACK_PUBLISH__MAX_WAITING", "8")
        .set("worker", "CITYTRACK_PERSIST__PREFETCH", "4");
    limit_persist_queue(&setup.servers().management, &setup.servers().broker, 30_000).await;
    let mut system = setup.start().await;
    let (mad, other) = (system.venue("demo").await, system.venue("harbour").await);

    // One node sends all it can: it is slowed down.
    let one = Traffic::start(&system.url(""), std::slice::from_ref(&mad), &storm());
    refused(&one, 429).await;
    // Nothing is stored any more: what waits is bounded, and everybody is told so.
    let hold = Hold::workers(&system, 1).await;
    let both = Traffic::start(&system.url(""), &[mad, other.clone()], &storm());
    eventually("the queue is full", async || {
        (probe(&system, &other).await == (503, "refused".to_owned())).then_some(())
    })
    .await;
    both.failed_more(50).await;
    hold.release().await;

    both.accepted_more(200).await;
    let sent = one.stop().await.and(both.stop().await);
    let answers = &sent.progress;
    assert_eq!(
        answers.refused.keys().copied().collect::<Vec<_>>(),
        [429, 503],
        "{answers:?}"
    );
    assert_eq!(answers.unanswered, 0, "{answers:?}");
    // What the probes sent is not in the books: it came from another camera.
    system.close_books(&sent, 0).await;
}

/// Waits until the nodes were answered so.
async fn refused(traffic: &Traffic, status: u16) {
    eventually(&format!("nodes are answered {status}"), async || {
        traffic.progress().refused.contains_key(&status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_large_body_that_is_refused_unread_gets_its_answer_through_the_gateway() {
    // With a byte a second, the first batch uses up minutes.
    let setup = Setup::new().await.set("ingest-api", "CITYTRACK_RATE__LIVE_BYTES", "1B");
    let system = setup.start().await;
    let key = system.venue("demo").await;
    assert_eq!(probe(&system, &key).await.0, 202);
    let large = " ".repeat(3 << 20);
    for attempt in 0..10 {
        let request = system.request(reqwest::Method::POST, "/api/v1/detections", &key);
        let request = request.header("Content-Type", "application/json").body(large.clone());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 429, "attempt {attempt}");
        assert!(answer.headers().contains_key("retry-after") && answer.headers().contains_key("ratelimit"));
    }
}
