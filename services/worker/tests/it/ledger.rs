//! What the worker enters into the loss ledger.

use citytrack_domain::{Batch, Clock, StreamPosition};
use citytrack_storage::ledger::{self, Figures, NodeLedger};
use citytrack_testkit::{batch, eventually, frame};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::harness::Harness;

fn numbered(harness: &Harness, stream: Uuid, seq: i64) -> Batch {
    let now = Clock::System.now();
    Batch {
        position: Some(StreamPosition { stream, seq }),
        ..batch(&harness.source, now, vec![frame("door", now, vec![])])
    }
}

async fn until_totals(harness: &Harness, totals: Figures) -> NodeLedger {
    eventually(&format!("the ledger says {totals:?}"), async || {
        let told = ledger::of_node(&harness.database.database, harness.source.id, 10, 10)
            .await
            .unwrap();
        Some(told).filter(|told| told.totals == totals)
    })
    .await
}

#[tokio::test]
async fn a_dead_letter_is_refused_until_it_is_stored() {
    let harness = Harness::new().await;
    let client = harness.database.database.client().await.unwrap();
    client
        .batch_execute("alter table frame add constraint not_seven check (number <> 7)")
        .await
        .unwrap();
    let stream = Uuid::now_v7();
    let mut bad = numbered(&harness, stream, 1);
    bad.frames[0].number = Some(7);
    for batch in [&numbered(&harness, stream, 0), &bad, &numbered(&harness, stream, 3)] {
        harness.publish(batch).await;
    }
    let _worker = harness.worker();
    let totals = Figures {
        stored: 2,
        refused: 1,
        missing: 1,
        ..Figures::default()
    };
    let told = until_totals(&harness, totals).await;
    assert_eq!(
        (told.refusals[0].reason.as_str(), told.refusals[0].batches),
        ("dead_letter", 1)
    );
    assert!(told.refusals[0].last_detail.contains("not_seven"), "{told:?}");
    // The cause is gone, and the letter is replayed.
    client
        .batch_execute("alter table frame drop constraint not_seven")
        .await
        .unwrap();
    harness.publish(&bad).await;
    let totals = Figures {
        stored: 3,
        missing: 1,
        ..Figures::default()
    };
    until_totals(&harness, totals).await;
}

#[tokio::test]
async fn a_batch_that_is_put_aside_for_its_age_is_refused() {
    let harness = Harness::new().await;
    let stream = Uuid::now_v7();
    let old = Clock::System.now() - SignedDuration::from_hours(24 * 15);
    let forgotten = Batch {
        position: Some(StreamPosition { stream, seq: 0 }),
        ..batch(&harness.source, old, vec![frame("door", old, vec![])])
    };
    harness.publish(&forgotten).await;
    harness.publish(&numbered(&harness, stream, 1)).await;
    let _worker = harness.worker();
    let totals = Figures {
        stored: 1,
        refused: 1,
        ..Figures::default()
    };
    until_totals(&harness, totals).await;
}

#[tokio::test]
async fn what_the_broker_delivers_twice_is_counted_and_makes_no_gap() {
    let harness = Harness::new().await;
    let stream = Uuid::now_v7();
    let batches: Vec<Batch> = (0..20).map(|seq| numbered(&harness, stream, seq)).collect();
    for batch in batches.iter().chain(&batches) {
        harness.publish(batch).await;
    }
    let _workers = [harness.worker(), harness.worker()];
    let totals = Figures {
        stored: 20,
        duplicate: 20,
        ..Figures::default()
    };
    until_totals(&harness, totals).await;
}
