//! Roll-ups with rows that nobody should have written, and with more rows than usual.

use citytrack_domain::{Slug, VenueTimeZone};
use citytrack_storage::{
    Database, Selection,
    counts::{self, CountsQuery, Grouping},
    rollup, venues,
};
use citytrack_testkit::{self as builders, TestDatabase, changed};
use jiff::Timestamp;

/// A venue `demo` with the camera `door`, a class, and roll-ups that are up to date.
async fn demo(db: &Database) {
    let node = builders::demo_node(db).await;
    let client = db.client().await.unwrap();
    client
        .execute("insert into camera (node_id, name) values ($1, 'door')", &[&node.id])
        .await
        .unwrap();
    client
        .execute("insert into class (name) values ('person')", &[])
        .await
        .unwrap();
    rollup::fold(db).await.unwrap().unwrap();
}

/// `count` rows of the same minute, each with a set of tracks.
async fn append(db: &Database, count: i32, tracks: &[u8]) {
    let minute = "insert into camera_minute select id, '2026-11-22T10:00Z', 1, 1, 1 from camera on conflict do nothing";
    let deltas = "insert into rollup_delta (camera_id, class_id, minute, frames, detections, peak, tracks)
                  select camera.id, class.id, '2026-11-22T10:00Z', 1, 1, 1, $2 from camera, class, generate_series(1, $1)";
    let client = db.client().await.unwrap();
    client.execute(minute, &[]).await.unwrap();
    client.execute(deltas, &[&count, &tracks]).await.unwrap();
}

/// Different tracks of the minute.
async fn tracks(db: &Database) -> u64 {
    let edges: [Timestamp; 2] = ["2026-11-22T10:00:00Z", "2026-11-22T10:01:00Z"].map(|time| time.parse().unwrap());
    let selection = Selection {
        venue: Slug::new("demo").unwrap(),
        cameras: Vec::new(),
    };
    let query = CountsQuery {
        selections: &[selection],
        edges: &edges,
        classes: &[],
        grouping: Grouping::default(),
        min_confidence: None,
    };
    counts::tracks(db, query).await.unwrap()[0].total
}

/// A set of one track.
const ONE: &[u8] = b"\x01\0\0\0\0\0\0\0\x07";

#[tokio::test]
async fn tracks_are_told_however_much_is_not_folded_yet() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    demo(db).await;
    append(db, 20_001, ONE).await;
    assert_eq!(tracks(db).await, 1);
}

#[tokio::test]
async fn a_set_that_cannot_be_read_does_not_stop_the_fold() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    demo(db).await;
    append(db, 1, b"no set").await;
    append(db, 1, ONE).await;
    assert_eq!(rollup::fold(db).await.unwrap().unwrap().rows, 2);
    assert_eq!(tracks(db).await, 1);
    let counted = "select detections from class_hour";
    let row = db.client().await.unwrap().query_one(counted, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 2);
}

#[tokio::test]
async fn a_venue_without_a_usable_zone_does_not_stop_the_others() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    demo(db).await;
    let zone = VenueTimeZone::new("UTC").unwrap();
    for slug in ["a-bad-one", "then-a-good-one"] {
        changed(db, async |change| {
            venues::create(change, &Slug::new(slug).unwrap(), slug, &zone).await
        })
        .await
        .unwrap();
    }
    let broken = "update venue set time_zone = 'Mars/Olympus' where slug = 'a-bad-one'";
    db.client().await.unwrap().execute(broken, &[]).await.unwrap();
    append(db, 1, ONE).await;
    let folded = rollup::fold(db).await.unwrap().unwrap();
    assert_eq!((folded.rebuilt, folded.rows), (1, 1));
}
