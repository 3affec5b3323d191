//! What waits to be stored is bounded by policy, and nodes are told to come later.

use citytrack_domain::BatchId;
use citytrack_testkit::{eventually, limit_persist_queue};
use reqwest::{Response, header::HeaderMap};
use serde_json::Value;

use crate::harness::{Harness, body, now, take};

async fn post(harness: &Harness, id: BatchId) -> Response {
    let request = harness.post(&body()).header("Idempotency-Key", id.to_string());
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_full_queue_is_answered_503_and_loses_nothing() {
    let harness = Harness::start(&[]).await;
    limit_persist_queue(&harness.vhost.management(), &harness.vhost.url(), 2_000).await;
    let mut accepted = Vec::new();
    let full = eventually("the queue is full", async || {
        let id = BatchId::generate(now());
        match post(&harness, id).await {
            answer if answer.status() == 202 => {
                accepted.push(id);
                None
            }
            answer => Some((id, answer)),
        }
    });
    let (refused, answer) = full.await;
    let (status, headers): (_, HeaderMap) = (answer.status(), answer.headers().clone());
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(
        (status.as_u16(), &problem["reason"]),
        (503, &"refused".into()),
        "{problem}"
    );
    assert_eq!(problem["type"], "/problems/unavailable");
    assert!(headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    // A worker stores what was accepted; then the batch that was refused is taken, and is the only one of its id.
    let mut queue = harness.queue();
    let ids = |batches: Vec<citytrack_domain::Batch>| batches.iter().map(|batch| batch.id).collect::<Vec<_>>();
    assert_eq!(ids(take(&mut queue, accepted.len()).await), accepted);
    eventually("there is room again", async || {
        (post(&harness, refused).await.status() == 202).then_some(())
    })
    .await;
    assert_eq!(ids(take(&mut queue, 1).await), [refused]);
}
