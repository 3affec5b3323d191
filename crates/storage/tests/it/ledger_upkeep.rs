//! What the loss ledger forgets, and what never.

use citytrack_domain::{NodeIdentity, Slug};
use citytrack_storage::{Database, batches::BatchWriter, ledger, nodes};
use citytrack_testkit::{TestDatabase, changed, demo_node, identity};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::ledger::{noon, numbered, of_node, refusal};

async fn another_node(db: &Database) -> NodeIdentity {
    let [venue, node] = ["demo", "south"].map(|slug| Slug::new(slug).unwrap());
    let node = changed(db, async |change| {
        nodes::create(change, Uuid::now_v7(), &venue, &node, "South").await
    })
    .await
    .unwrap();
    identity("demo", node.id)
}

/// Streams of a node, one for each hour before noon, counted from `first`.
async fn old_streams(db: &Database, source: &NodeIdentity, first: i32, count: i32) {
    let statement = "
        insert into stream (node_id, id, stored, first_at, last_at)
        select $1, gen_random_uuid(), '{[0,1)}', at, at
        from generate_series($2::int, $2 + $3::int - 1) as age cross join lateral (select $4::timestamptz - age * '1 hour'::interval as at) as times";
    let client = db.client().await.unwrap();
    client
        .execute(statement, &[&source.id, &first, &count, &noon()])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_stream_is_not_forgotten_however_old() {
    let test = TestDatabase::create().await;
    let (db, source, stream) = (&test.database, demo_node(&test.database).await, Uuid::now_v7());
    let mut writer = BatchWriter::new(db.clone());
    let year_ago = -60 * 24 * 365;
    writer.insert(&[numbered(&source, stream, 0, year_ago)]).await.unwrap();
    ledger::refuse(db, &[refusal(&source, stream, None)]).await.unwrap();
    old_streams(db, &source, 0, 999).await;
    assert_eq!(ledger::forget(db).await.unwrap(), 0);
    // The node is back, and goes on.
    writer.insert(&[numbered(&source, stream, 1, 0)]).await.unwrap();
    let told = of_node(db, &source).await;
    assert_eq!((told.streams_total, told.refusals.len()), (1_000, 1));
    assert_eq!(told.totals.missing, 0);
}

#[tokio::test]
async fn of_too_many_streams_of_a_node_the_oldest_are_forgotten() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let (source, other) = (demo_node(db).await, another_node(db).await);
    old_streams(db, &source, 0, 3_456).await;
    old_streams(db, &other, 5_000, 1_000).await;
    // The oldest is in hand; the rest goes, in portions.
    let mut client = db.client().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let lock = "select from stream order by node_id <> $1, last_at limit 1 for update";
    transaction.execute(lock, &[&source.id]).await.unwrap();
    assert_eq!(ledger::forget(db).await.unwrap(), 2_455);
    transaction.rollback().await.unwrap();
    assert_eq!(ledger::forget(db).await.unwrap(), 1);
    let told = of_node(db, &source).await;
    let oldest = "select min(last_at) from stream where node_id = $1";
    let oldest: Timestamp = client.query_one(oldest, &[&source.id]).await.unwrap().get(0);
    assert_eq!(
        (told.streams_total, oldest),
        (1_000, noon() - SignedDuration::from_hours(999))
    );
    assert_eq!(of_node(db, &other).await.streams_total, 1_000);
}
