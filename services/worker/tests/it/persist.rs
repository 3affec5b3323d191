//! Broker → PostgreSQL.

use citytrack_broker::{Source, topology::DETECTIONS};
use citytrack_domain::{Batch, Clock};
use citytrack_testkit::{batch, eventually, frame, identity, person};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::harness::Harness;

fn sample(harness: &Harness) -> Batch {
    sample_of(harness, Clock::System.now())
}

fn sample_of(harness: &Harness, at: Timestamp) -> Batch {
    batch(
        &harness.source,
        at,
        vec![frame("door", at, vec![person(0.25, Some(1)), person(0.5, None)])],
    )
}

#[tokio::test]
async fn batches_are_stored_and_repetitions_recognised() {
    let harness = Harness::new().await;
    let _worker = harness.worker();
    let batch = sample(&harness);
    for _ in 0..3 {
        harness.publish(&batch).await;
    }
    harness.publish(&sample(&harness)).await;
    harness.until("select count(*) from batch", 2).await;
    harness
        .until("select sum(detections)::bigint from camera_minute", 4)
        .await;
    assert_eq!(harness.number("select count(*) from detection").await, 4);
}

#[tokio::test]
async fn two_workers_share_the_queue_and_store_each_batch_once() {
    let harness = Harness::new().await;
    let _workers = [harness.worker(), harness.worker()];
    let batches: Vec<Batch> = (0..40).map(|_| sample(&harness)).collect();
    for batch in batches.iter().chain(&batches) {
        harness.publish(batch).await;
    }
    harness.until("select count(*) from batch", 40).await;
    harness.until("select sum(frames)::bigint from camera_minute", 40).await;
    assert_eq!(harness.number("select count(*) from frame").await, 40);
}

#[tokio::test]
async fn poison_among_good_messages_goes_to_the_dead_letters_with_its_reason() {
    let harness = Harness::new().await;
    // All are there before the worker comes, so that it takes them together.
    harness.publish(&sample(&harness)).await;
    harness
        .publish_bytes("detections.demo", b"not protobuf at all".to_vec())
        .await;
    let unknown = identity("demo", Uuid::now_v7());
    harness
        .publish(&Batch {
            source: unknown.clone(),
            ..sample(&harness)
        })
        .await;
    harness.publish(&sample(&harness)).await;
    let worker = harness.worker();
    harness.until("select count(*) from batch", 2).await;

    let mut dead = harness.vhost.inbox(Source::Work(DETECTIONS.dead_letter_queue));
    let mut letters = Vec::new();
    while letters.len() < 2 {
        letters.extend(dead.next(10, usize::MAX).await);
    }
    let reasons: Vec<_> = letters
        .iter()
        .map(|letter| letter.headers["x-citytrack-reason"].as_str())
        .collect();
    assert!(
        reasons[0].starts_with("not a message of the schema citytrack.detections.v1"),
        "{reasons:?}"
    );
    assert!(reasons[1].contains("camera_node_id_fkey"), "{reasons:?}");
    assert!(
        letters
            .iter()
            .all(|letter| letter.headers["x-citytrack-type"] == citytrack_messages::SCHEMA)
    );
    assert_eq!(letters[0].payload, b"not protobuf at all");
    assert_eq!(
        citytrack_messages::decode(&letters[1].payload).unwrap()[0].source,
        unknown
    );
    assert!(letters.iter().all(|letter| letter.route == "detections.demo"));
    worker.stop().await;
}

#[tokio::test]
async fn a_batch_whose_id_is_older_than_ids_are_kept_is_put_aside() {
    let harness = Harness::new().await;
    let forgotten = sample_of(&harness, Clock::System.now() - SignedDuration::from_hours(24 * 15));
    harness.publish(&forgotten).await;
    harness.publish(&sample(&harness)).await;
    let _worker = harness.worker();
    harness.until("select count(*) from batch", 1).await;
    let mut dead = harness.vhost.inbox(Source::Work(DETECTIONS.dead_letter_queue));
    let letters = dead.next(1, usize::MAX).await;
    assert_eq!(
        citytrack_messages::decode(&letters[0].payload).unwrap()[0].id,
        forgotten.id
    );
    assert!(letters[0].headers["x-citytrack-reason"].starts_with("its id is older"));
}

#[tokio::test]
async fn a_worker_that_is_stopped_leaves_nothing_half_done() {
    let harness = Harness::new().await;
    let worker = harness.worker();
    for _ in 0..20 {
        harness.publish(&sample(&harness)).await;
    }
    // In the middle of it.
    harness.until("select (count(*) > 0)::int::bigint from batch", 1).await;
    worker.stop().await;
    let another = harness.worker();
    harness.until("select count(*) from batch", 20).await;
    assert_eq!(harness.number("select count(*) from frame").await, 20);
    another.stop().await;
}

#[tokio::test]
async fn while_the_database_refuses_batches_are_held_and_readiness_says_so() {
    let harness = Harness::new().await;
    let worker = harness.worker();
    eventually("the worker is ready", async || {
        worker.readiness.report().0.then_some(())
    })
    .await;
    let client = harness.database.database.client().await.unwrap();
    // Cancelled while it waits for the lock, as the statement timeout would: an outage, not bad data.
    client
        .batch_execute("begin; lock table batch in access exclusive mode")
        .await
        .unwrap();
    harness.publish(&sample(&harness)).await;
    let cancel = "select count(pg_cancel_backend(pid)) from pg_stat_activity
                  where application_name = 'citytrack worker' and wait_event_type = 'Lock' and datname = current_database()";
    eventually("the worker reports the outage", async || {
        harness.number(cancel).await;
        (!worker.readiness.report().0).then_some(())
    })
    .await;
    assert_eq!(
        client
            .query_one("select count(*) from batch", &[])
            .await
            .unwrap()
            .get::<_, i64>(0),
        0
    );
    client.batch_execute("rollback").await.unwrap();
    harness.until("select count(*) from batch", 1).await;
    eventually("the worker is ready again", async || {
        worker.readiness.report().0.then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_outage_of_the_database_loses_and_doubles_nothing() {
    let harness = Harness::new().await;
    let worker = harness.worker();
    harness.publish(&sample(&harness)).await;
    harness.until("select count(*) from batch", 1).await;
    harness.database.shut().await;
    for _ in 0..10 {
        harness.publish(&sample(&harness)).await;
    }
    eventually("the worker reports the outage", async || {
        (!worker.readiness.report().0).then_some(())
    })
    .await;
    harness.database.reopen().await;
    harness.until("select count(*) from batch", 11).await;
    assert_eq!(
        harness
            .number("select sum(detections)::bigint from camera_minute")
            .await,
        22
    );
    eventually("the worker is ready again", async || {
        worker.readiness.report().0.then_some(())
    })
    .await;
    worker.stop().await;
}
