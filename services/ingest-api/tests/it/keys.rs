//! Node keys come and go while the service runs.

use std::time::{Duration, Instant};

use citytrack_domain::Slug;
use citytrack_storage::{keys, nodes, venues};
use citytrack_testkit::{changed, eventually};

use crate::harness::{Harness, body};

/// What the issue promises.
const REVOKED_WITHIN: Duration = Duration::from_secs(5);

async fn status(harness: &Harness, key: &str) -> u16 {
    harness
        .request()
        .bearer_auth(key)
        .json(&body())
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

#[tokio::test]
async fn a_new_key_works_at_once() {
    let harness = Harness::start(&["--ingest-keys-interval", "1h"]).await;
    let (_, key) = harness.new_key(harness.node).await;
    assert_eq!(status(&harness, &key).await, 202);
}

#[tokio::test]
async fn a_revoked_key_stops_working_within_five_seconds_by_default() {
    let harness = Harness::start(&[]).await;
    let (id, key) = harness.new_key(harness.node).await;
    assert_eq!(status(&harness, &key).await, 202);
    changed(&harness.database.database, async |change| {
        keys::revoke(change, harness.node, id).await
    })
    .await
    .unwrap();
    let revoked = Instant::now();
    eventually("the key is refused", async || {
        (status(&harness, &key).await == 401).then_some(())
    })
    .await;
    assert!(revoked.elapsed() < REVOKED_WITHIN, "{:?}", revoked.elapsed());
    assert_eq!(status(&harness, &harness.key).await, 202, "the other key still works");
}

#[tokio::test]
async fn keys_of_a_retired_node_or_venue_stop_working() {
    let harness = Harness::start(&[]).await;
    let db = &harness.database.database;
    let venue = Slug::new("demo").unwrap();
    let other = changed(db, async |change| {
        nodes::create(
            change,
            uuid::Uuid::now_v7(),
            &venue,
            &Slug::new("south").unwrap(),
            "South",
        )
        .await
    })
    .await
    .unwrap();
    let (_, key) = harness.new_key(other.id).await;
    assert_eq!(status(&harness, &key).await, 202);
    changed(db, async |change| nodes::retire(change, other.id).await)
        .await
        .unwrap();
    eventually("the node is refused", async || {
        (status(&harness, &key).await == 401).then_some(())
    })
    .await;
    changed(db, async |change| venues::retire(change, &venue).await)
        .await
        .unwrap();
    eventually("the venue is refused", async || {
        (status(&harness, &harness.key).await == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn while_the_database_is_away_known_keys_work_and_unknown_ones_are_not_called_wrong() {
    let harness = Harness::start(&[]).await;
    assert_eq!(status(&harness, &harness.key).await, 202);
    harness.database.shut().await;
    let unknown = citytrack_access::NodeKey::generate();
    eventually("the outage is noticed", async || {
        (status(&harness, unknown.expose()).await == 503).then_some(())
    })
    .await;
    assert_eq!(status(&harness, &harness.key).await, 202);
    harness.database.reopen().await;
    eventually("the database is back", async || {
        (status(&harness, unknown.expose()).await == 401).then_some(())
    })
    .await;
}
