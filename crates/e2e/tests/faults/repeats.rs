//! The same batch more than once, at once and over hours; and batches that come late.

use std::time::Duration;

use citytrack_domain::{BatchId, Clock};
use citytrack_e2e::{Posted, PostedFrame, Sent, Setup, System, TrafficPlan};
use citytrack_testkit::eventually;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;

use crate::{hold::Hold, traffic};

/// A batch of one frame with two detections, made at `at` by the node that has this key.
pub(crate) fn batch(key: &str, camera: &str, number: i64, at: Timestamp) -> Posted {
    Posted {
        key: key.to_owned(),
        position: None,
        id: BatchId::generate(at).uuid(),
        camera: camera.to_owned(),
        frames: vec![PostedFrame {
            number,
            // What PostgreSQL can keep.
            captured_at: at.round(jiff::Unit::Microsecond).unwrap(),
            classes: vec!["person", "dog"],
        }],
        attempts: 1,
    }
}

pub(crate) async fn post(system: &System, batch: &Posted) {
    let request = system.request(Method::POST, "/api/v1/detections", &batch.key);
    let request = request
        .header("Idempotency-Key", batch.id.to_string())
        .json(&batch.body());
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
}

pub(crate) fn sent(posted: Vec<Posted>) -> Sent {
    Sent {
        posted,
        ..Sent::default()
    }
}

#[tokio::test]
async fn two_workers_get_the_same_batch_at_once() {
    let mut system = Setup::new().await.quick().workers(2).start().await;
    let key = system.venue("demo").await;
    let batch = batch(&key, "door", 0, Clock::System.now());
    let hold = Hold::start(&system).await;
    // Two messages: the first is confirmed before the second is sent. The broker deals them out in turn.
    for worker in 1..=2 {
        post(&system, &batch).await;
        hold.waiting(worker).await;
    }
    hold.release().await;
    let sent = sent(vec![batch]);
    eventually("one of them recognises it", async || {
        let mut duplicates = 0.0;
        for worker in &system.workers {
            duplicates += worker.metric("citytrack_persist_batches_total", "duplicate").await;
        }
        (duplicates == 1.0).then_some(())
    })
    .await;
    system.close_books(&sent, 0).await;
}

/// As a node does that never hears an answer: again and again, while its first is not stored yet, after it is, after a new
/// worker has come that knows nothing, up to hours after the id was made.
#[tokio::test]
async fn a_node_repeats_the_same_ids_for_hours() {
    let mut system = Setup::new().await.quick().start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;
    let key = system.venue("stubborn").await;
    let now = Clock::System.now();
    let batches: Vec<Posted> = (0..6)
        .map(|hours| batch(&key, "stubborn", hours, now - SignedDuration::from_hours(24 * hours)))
        .collect();
    for round in 0..10 {
        for batch in &batches {
            tokio::join!(post(&system, batch), post(&system, batch));
        }
        if round == 4 {
            system.workers[0].terminate().await;
            system.workers[0].restart();
            system.workers[0].ready().await;
        }
    }
    let sent = sent(batches).and(traffic.stop().await);
    system.close_books(&sent, 0).await;
}

/// Yesterday's frames among today's: the buckets of yesterday that were complete are corrected.
#[tokio::test]
async fn late_batches_correct_past_buckets() {
    let mut system = Setup::new().await.quick().start().await;
    let today = traffic(&system, &TrafficPlan::default()).await;
    let key = system.venue("late").await;
    let yesterday = Clock::System.now() - SignedDuration::from_hours(26);
    let minute = Timestamp::from_second(yesterday.as_second().div_euclid(60) * 60).unwrap();
    let mut late = Vec::new();
    for number in 0..3 {
        // Ids of yesterday, and ids of now: a node that comes back, and one that had no clock for a while.
        let mut batch = batch(&key, "late", number, minute + SignedDuration::from_secs(10 * number));
        if number % 2 == 1 {
            batch.id = BatchId::generate(Clock::System.now()).uuid();
        }
        post(&system, &batch).await;
        late.push(batch);
        // Stored one after the other, so that each corrects what was there.
        sent(late.clone()).assert_stored_once(&system.servers().database).await;
    }
    let plan = TrafficPlan {
        captured_ago: Duration::from_secs(26 * 3600),
        ..TrafficPlan::default()
    };
    let more = citytrack_e2e::Traffic::start(&system.url(""), &[key], &plan);
    more.accepted_more(100).await;
    let sent = sent(late).and(more.stop().await).and(today.stop().await);
    system.close_books(&sent, 0).await;
}
