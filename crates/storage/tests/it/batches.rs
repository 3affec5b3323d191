//! Storing batches: exactly once, all or nothing, with buckets that add up.

use citytrack_domain::{Batch, NodeIdentity};
use citytrack_storage::{
    Database, DatabaseOptions,
    batches::{BatchWriter, Stored},
    partitions::{self, Retention},
};
use citytrack_testkit::{TestDatabase, batch, demo_node, frame, identity, person};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use uuid::Uuid;

const DAY: Duration = Duration::from_secs(86_400);

fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Two frames in two minutes: two people, one with a track; then nobody.
fn sample(source: &NodeIdentity) -> Batch {
    let at = noon();
    let frames = vec![
        frame("door", at, vec![person(0.125, Some(7)), person(0.5, None)]),
        frame("door", at + SignedDuration::from_secs(61), vec![]),
    ];
    batch(source, at, frames)
}

async fn number(db: &Database, question: &str) -> i64 {
    db.client()
        .await
        .unwrap()
        .query_one(question, &[])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn a_batch_is_stored_to_the_last_box() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let batch = sample(&demo_node(db).await);
    let stored = BatchWriter::new(db.clone()).insert(&[batch]).await.unwrap();
    assert_eq!(
        stored,
        Stored {
            batches: 1,
            duplicates: 0,
            frames: 2,
            detections: 2
        }
    );
    let rows = db
        .client()
        .await
        .unwrap()
        .query("select * from detection order by box_left", &[])
        .await
        .unwrap();
    assert_eq!(rows.len(), 2);
    let (first, second) = (&rows[0], &rows[1]);
    assert_eq!(first.get::<_, String>("venue"), "demo");
    assert_eq!(first.get::<_, String>("node"), "north");
    assert_eq!(first.get::<_, String>("camera"), "door");
    assert_eq!(first.get::<_, Timestamp>("captured_at"), noon());
    assert_eq!(first.get::<_, String>("class"), "person");
    let boxes = ["box_left", "box_top", "box_width", "box_height"].map(|column| first.get::<_, f32>(column));
    assert_eq!(boxes, [0.125, 0.25, 0.125, 0.5]);
    assert_eq!(first.get::<_, Option<i64>>("track_id"), Some(7));
    assert_eq!(second.get::<_, Option<i64>>("track_id"), None);
    assert_eq!(second.get::<_, f32>("box_left"), 0.5);
}

#[tokio::test]
async fn a_repeated_batch_is_recognised_and_counted_once() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let first = sample(&demo_node(db).await);
    let second = Batch {
        id: citytrack_domain::BatchId::generate(noon()),
        ..first.clone()
    };
    let mut writer = BatchWriter::new(db.clone());
    writer.insert(&[first.clone(), first.clone()]).await.unwrap();
    let stored = writer.insert(&[second, first.clone()]).await.unwrap();
    assert_eq!(
        stored,
        Stored {
            batches: 1,
            duplicates: 1,
            frames: 2,
            detections: 2
        }
    );
    // Another process, which remembers nothing.
    let stored = BatchWriter::new(db.clone()).insert(&[first]).await.unwrap();
    assert_eq!((stored.batches, stored.duplicates), (0, 1));
    assert_eq!(number(db, "select count(*) from frame").await, 4);
    assert_eq!(number(db, "select sum(frames) from camera_minute").await, 4);
    assert_eq!(number(db, "select sum(detections) from camera_minute").await, 4);
    assert_eq!(number(db, "select sum(detections) from class_minute").await, 4);
}

#[tokio::test]
async fn two_writers_with_the_same_batches_store_each_once() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let source = demo_node(db).await;
    let batches: Vec<Batch> = (0..50).map(|_| sample(&source)).collect();
    let reversed: Vec<Batch> = batches.iter().rev().cloned().collect();
    let (mut one, mut two) = (BatchWriter::new(db.clone()), BatchWriter::new(db.clone()));
    let (one, two) = tokio::join!(one.insert(&batches), two.insert(&reversed));
    assert_eq!(one.unwrap().batches + two.unwrap().batches, 50);
    assert_eq!(number(db, "select count(*) from frame").await, 100);
    assert_eq!(number(db, "select count(*) from batch").await, 50);
    assert_eq!(number(db, "select sum(frames) from camera_minute").await, 100);
}

#[tokio::test]
async fn buckets_hold_frames_detections_and_the_peak_by_minute() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let source = demo_node(db).await;
    let mut writer = BatchWriter::new(db.clone());
    writer.insert(&[sample(&source)]).await.unwrap();
    // Late data corrects the past.
    let late = frame(
        "door",
        noon() + SignedDuration::from_secs(59),
        vec![person(0.0, None), person(0.25, None), person(0.5, None)],
    );
    writer
        .insert(&[batch(&source, noon() + SignedDuration::from_hours(3), vec![late])])
        .await
        .unwrap();
    let client = db.client().await.unwrap();
    let rows = client
        .query(
            "select minute, frames, detections, peak from camera_minute order by minute",
            &[],
        )
        .await
        .unwrap();
    let rows: Vec<(Timestamp, i32, i32, i32)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect();
    assert_eq!(
        rows,
        [(noon(), 2, 5, 3), (noon() + SignedDuration::from_mins(1), 1, 0, 0)]
    );
    // No row of a class for a minute in which it was not seen.
    let rows = client
        .query("select frames, detections, peak from class_minute", &[])
        .await
        .unwrap();
    let rows: Vec<(i32, i32, i32)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    assert_eq!(rows, [(2, 5, 3)]);
}

#[tokio::test]
async fn a_batch_that_cannot_be_stored_stores_nothing_and_is_no_outage() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let good = sample(&demo_node(db).await);
    let unknown_node = sample(&identity("demo", Uuid::now_v7()));
    let error = BatchWriter::new(db.clone())
        .insert(&[good, unknown_node])
        .await
        .unwrap_err();
    assert!(!error.is_transient(), "{error}");
    assert_eq!(number(db, "select count(*) from batch").await, 0);
    assert_eq!(number(db, "select count(*) from frame").await, 0);
}

#[tokio::test]
async fn a_database_that_is_away_is_an_outage() {
    let test = TestDatabase::create().await;
    let source = demo_node(&test.database).await;
    let mut writer = BatchWriter::new(test.database.clone());
    writer.insert(&[sample(&source)]).await.unwrap();
    drop(test);
    let error = writer.insert(&[sample(&source)]).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn partitions_are_made_ahead_and_dropped_when_their_time_is_over() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let source = demo_node(db).await;
    let mut writer = BatchWriter::new(db.clone());
    let old = noon() - SignedDuration::from_hours(24 * 20);
    for at in [old, noon()] {
        writer
            .insert(&[batch(&source, at, vec![frame("door", at, vec![person(0.0, None)])])])
            .await
            .unwrap();
    }
    let retention = Retention {
        frames: 10 * DAY,
        batches: 10 * DAY,
        audit: Duration::MAX,
        days_ahead: 2,
    };
    let done = partitions::maintain(db, &retention, noon()).await.unwrap().unwrap();
    assert_eq!(
        done.dropped.len(),
        2,
        "one day of frames and one of ids: {:?}",
        done.dropped
    );
    assert_eq!(number(db, "select count(*) from frame").await, 1);
    assert_eq!(number(db, "select count(*) from batch").await, 1);
    assert_eq!(
        number(db, "select sum(frames) from camera_minute").await,
        2,
        "buckets are kept"
    );
    let again = partitions::maintain(db, &retention, noon()).await.unwrap().unwrap();
    assert_eq!((again.created, again.dropped.len()), (0, 0));
    // What the writer remembers of a dropped partition does no harm.
    let late = batch(&source, old, vec![frame("door", old, vec![])]);
    assert_eq!(writer.insert(&[late]).await.unwrap().batches, 1);
}

#[tokio::test]
async fn one_process_at_a_time_looks_after_partitions() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let retention = Retention {
        frames: DAY,
        batches: DAY,
        audit: Duration::MAX,
        days_ahead: 1,
    };
    let other = db.dedicated().await.unwrap();
    other
        .execute("select pg_advisory_lock($1)", &[&0x6369_7479_0003_i64])
        .await
        .unwrap();
    assert_eq!(partitions::maintain(db, &retention, noon()).await.unwrap(), None);
    drop(other);
    citytrack_testkit::eventually("the lock is free", async || {
        partitions::maintain(db, &retention, noon()).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn migrations_run_once_however_many_ask() {
    let test = TestDatabase::create_empty().await;
    let db = &test.database;
    assert!(!db.schema_is_current().await.unwrap());
    let all = futures(db).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert!(db.schema_is_current().await.unwrap());
}

#[tokio::test]
async fn an_ordinary_role_can_own_the_schema() {
    let test = TestDatabase::create_empty().await;
    let role = format!("role_{}", Uuid::now_v7().simple());
    let admin = test.database.client().await.unwrap();
    let grants = format!(
        "create role {role} login password 'ordinary'; grant all on schema public to {role};
         alter schema public owner to {role}"
    );
    admin.batch_execute(&grants).await.unwrap();
    let (_superuser, place) = test.url().split_once('@').unwrap();
    let ordinary = Database::connect(&DatabaseOptions {
        url: format!("postgres://{role}:ordinary@{place}"),
        pool_size: 1,
        wait: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(30),
        read_only: false,
        application_name: "citytrack-test",
    });
    let ordinary = ordinary.unwrap();
    ordinary.migrate().await.unwrap();
    let source = demo_node(&ordinary).await;
    assert_eq!(
        BatchWriter::new(ordinary.clone())
            .insert(&[sample(&source)])
            .await
            .unwrap()
            .batches,
        1
    );
    drop(ordinary);
    let clean_up = format!("reassign owned by {role} to current_user; drop owned by {role}; drop role {role}");
    admin.batch_execute(&clean_up).await.unwrap();
}

async fn futures(db: &Database) -> Vec<Result<(), citytrack_storage::Error>> {
    let (a, b, c) = tokio::join!(db.migrate(), db.migrate(), db.migrate());
    vec![a, b, c]
}
