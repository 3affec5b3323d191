//! What is refused for good is in the loss ledger, and what is not is not.

use citytrack_storage::ledger::{self, NodeLedger};
use citytrack_testkit::eventually;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Harness, body};

async fn of_node(harness: &Harness) -> NodeLedger {
    ledger::of_node(&harness.database.database, harness.node, 10, 10)
        .await
        .unwrap()
}

/// The ledger, as soon as so many batches are refused in it.
async fn when_refused(harness: &Harness, count: i64) -> NodeLedger {
    eventually("the refusals are in the ledger", async || {
        Some(of_node(harness).await).filter(|ledger| ledger.totals.refused == count)
    })
    .await
}

fn bad(stream: Uuid, seq: i64) -> Value {
    let mut bad = body();
    (bad["stream"], bad["seq"], bad["frames"]) = (json!(stream), json!(seq), json!([]));
    bad
}

#[tokio::test]
async fn a_refused_batch_is_no_missing_one() {
    let harness = Harness::start(&[]).await;
    let stream = Uuid::now_v7();
    // Accepted, and so not here: it is on its way to the worker.
    let mut good = body();
    (good["stream"], good["seq"]) = (json!(stream), json!(7));
    assert_eq!(harness.post(&good).send().await.unwrap().status(), 202);
    for seq in [0, 2, 2] {
        assert_eq!(harness.post(&bad(stream, seq)).send().await.unwrap().status(), 422);
    }
    let ledger = when_refused(&harness, 2).await;
    let [found] = &ledger.streams[..] else {
        panic!("{ledger:?}")
    };
    assert_eq!((found.stream, found.highest, found.figures.missing), (stream, 2, 1));
    let [refused] = &ledger.refusals[..] else {
        panic!("{ledger:?}")
    };
    assert_eq!((refused.reason.as_str(), refused.batches), ("invalid", 3));
    assert_eq!(refused.last_detail, "/frames must hold at least one frame");
}

#[tokio::test]
async fn refusals_without_a_number_count_by_reason_and_what_may_be_tried_again_does_not() {
    let harness = Harness::start(&["--ingest-max-body", "1KiB"]).await;
    let typed = |kind: &str| {
        let request = harness.request().bearer_auth(&harness.key);
        request.header("Content-Type", kind)
    };
    let json = "application/json";
    for (status, request) in [
        (400, typed(json).body("{")),
        (400, typed(json).header("Content-Encoding", "gzip").body("no gzip")),
        (413, typed(json).body(" ".repeat(2_000))),
        (415, typed("text/csv").body("a,b")),
        (422, typed(json).body("[]")),
        // Another time, another key: perhaps.
        (401, harness.request().bearer_auth("ctn_unknown").json(&body())),
    ] {
        assert_eq!(request.send().await.unwrap().status(), status);
    }
    let ledger = when_refused(&harness, 5).await;
    let refusals: Vec<_> = ledger
        .refusals
        .iter()
        .map(|one| (one.reason.as_str(), one.batches))
        .collect();
    assert_eq!(
        refusals,
        [("invalid", 1), ("too_large", 1), ("unreadable", 2), ("unsupported", 1)]
    );
    assert_eq!((ledger.streams_total, ledger.totals.received()), (0, 5));
}

#[tokio::test]
async fn while_the_database_is_away_batches_are_accepted_and_refusals_are_held() {
    let harness = Harness::start(&[]).await;
    assert_eq!(harness.post(&body()).send().await.unwrap().status(), 202);
    harness.database.shut().await;
    let stream = Uuid::now_v7();
    for seq in 0..5 {
        assert_eq!(harness.post(&bad(stream, seq)).send().await.unwrap().status(), 422);
        assert_eq!(harness.post(&body()).send().await.unwrap().status(), 202);
    }
    harness.database.reopen().await;
    let ledger = when_refused(&harness, 5).await;
    assert_eq!(ledger.refusals[0].batches, 5);
}

#[tokio::test]
async fn what_is_refused_last_is_written_before_the_process_ends() {
    let harness = Harness::start(&[]).await;
    assert_eq!(
        harness.post(&bad(Uuid::now_v7(), 0)).send().await.unwrap().status(),
        422
    );
    let node = harness.node;
    let database = harness.end().await;
    let ledger = ledger::of_node(&database.database, node, 1, 1).await.unwrap();
    assert_eq!(ledger.totals.refused, 1);
}
