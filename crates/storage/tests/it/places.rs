//! Venues, nodes, keys and cameras.

use citytrack_domain::{Slug, VenueTimeZone};
use citytrack_storage::{
    Database, DatabaseOptions, Error, cameras,
    keys::{self, NewKey},
    nodes, venues,
};
use citytrack_testkit::TestDatabase;
use uuid::Uuid;

fn slug(text: &str) -> Slug {
    Slug::new(text).unwrap()
}

async fn venue(db: &Database, name: &str) -> Slug {
    let zone = VenueTimeZone::new("Europe/Berlin").unwrap();
    venues::create(db, &slug(name), "Old Town", &zone).await.unwrap().slug
}

async fn node(db: &Database, venue: &Slug, name: &str) -> Uuid {
    nodes::create(db, Uuid::now_v7(), venue, &slug(name), "North gate")
        .await
        .unwrap()
        .id
}

async fn key(db: &Database, node: Uuid, number: u8) -> Result<Uuid, Error> {
    let prefix = format!("ctn_{number:08x}");
    let key = NewKey {
        id: Uuid::now_v7(),
        node,
        prefix: &prefix,
        hash: &[number; 32],
        label: Some("first"),
    };
    Ok(keys::create(db, &key).await?.id)
}

fn message(error: Error) -> String {
    match error {
        Error::NotFound(text) => format!("not found: {text}"),
        Error::Conflict(text) => format!("conflict: {text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_venue_is_created_changed_and_retired() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let demo = venue(db, "demo").await;
    let auckland = VenueTimeZone::new("Pacific/Auckland").unwrap();

    let changed = venues::update(db, &demo, Some("New Town"), None).await.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.time_zone.as_str()),
        ("New Town", "Europe/Berlin")
    );
    let changed = venues::update(db, &demo, None, Some(&auckland)).await.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.time_zone.as_str()),
        ("New Town", "Pacific/Auckland")
    );
    let again = venues::create(db, &demo, "Another", &auckland).await.unwrap_err();
    assert_eq!(message(again), "conflict: there is a venue demo already");

    venues::retire(db, &demo).await.unwrap();
    venues::retire(db, &demo).await.unwrap();
    assert!(venues::get(db, &demo).await.unwrap().retired_at.is_some());
    assert!(venues::list(db, false).await.unwrap().is_empty());
    assert_eq!(venues::list(db, true).await.unwrap().len(), 1);
    let again = venues::create(db, &demo, "Another", &auckland).await.unwrap_err();
    assert_eq!(
        message(again),
        "conflict: demo is the slug of a retired venue, and stays taken"
    );
    let late = venues::update(db, &demo, Some("Late"), None).await.unwrap_err();
    assert_eq!(message(late), "conflict: the venue demo is retired");
    let late = nodes::create(db, Uuid::now_v7(), &demo, &slug("north"), "North")
        .await
        .unwrap_err();
    assert_eq!(message(late), "conflict: the venue demo is retired");

    let nowhere = slug("nowhere");
    for error in [
        venues::get(db, &nowhere).await.unwrap_err(),
        venues::update(db, &nowhere, None, None).await.unwrap_err(),
        venues::retire(db, &nowhere).await.unwrap_err(),
        nodes::list(db, &nowhere, false).await.unwrap_err(),
        nodes::create(db, Uuid::now_v7(), &nowhere, &slug("north"), "North")
            .await
            .unwrap_err(),
        cameras::list(db, &nowhere).await.unwrap_err(),
        cameras::set_title(db, &nowhere, 1, None).await.unwrap_err(),
    ] {
        assert_eq!(message(error), "not found: there is no venue nowhere");
    }
}

#[tokio::test]
async fn a_node_is_created_renamed_and_retired() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let [demo, other] = [venue(db, "demo").await, venue(db, "other").await];
    let north = node(db, &demo, "north").await;
    node(db, &other, "north").await;

    let again = nodes::create(db, Uuid::now_v7(), &demo, &slug("north"), "North")
        .await
        .unwrap_err();
    assert_eq!(message(again), "conflict: the venue demo has a node north already");
    assert_eq!(nodes::rename(db, north, "Gate 7").await.unwrap().name, "Gate 7");
    assert_eq!(
        nodes::list(db, &demo, false).await.unwrap(),
        [nodes::get(db, north).await.unwrap()]
    );

    nodes::retire(db, north).await.unwrap();
    nodes::retire(db, north).await.unwrap();
    assert!(nodes::list(db, &demo, false).await.unwrap().is_empty());
    assert_eq!(nodes::list(db, &demo, true).await.unwrap().len(), 1);
    let again = nodes::create(db, Uuid::now_v7(), &demo, &slug("north"), "North")
        .await
        .unwrap_err();
    assert_eq!(
        message(again),
        "conflict: north is the slug of a retired node of the venue demo, and stays taken"
    );
    assert_eq!(
        message(nodes::rename(db, north, "x").await.unwrap_err()),
        "conflict: the node north is retired"
    );
    assert_eq!(
        message(key(db, north, 1).await.unwrap_err()),
        "conflict: the node north is retired"
    );

    let nobody = Uuid::nil();
    for error in [
        nodes::get(db, nobody).await.unwrap_err(),
        nodes::rename(db, nobody, "x").await.unwrap_err(),
        nodes::retire(db, nobody).await.unwrap_err(),
        keys::list(db, nobody).await.unwrap_err(),
        key(db, nobody, 1).await.unwrap_err(),
        keys::revoke(db, nobody, nobody).await.unwrap_err(),
    ] {
        assert_eq!(message(error), format!("not found: there is no node {nobody}"));
    }
}

#[tokio::test]
async fn the_snapshot_holds_exactly_the_keys_that_may_send() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let mut last = keys::revision(db).await.unwrap();
    let mut hashes = async || {
        let mut snapshot = keys::snapshot(db).await.unwrap();
        assert!(snapshot.revision > last, "every change moves the revision");
        last = snapshot.revision;
        snapshot.keys.sort_by_key(|(hash, _)| *hash);
        snapshot
            .keys
            .into_iter()
            .map(|(hash, identity)| (hash[0], identity.to_string_pair()))
            .collect::<Vec<_>>()
    };
    let [demo, other] = [venue(db, "demo").await, venue(db, "other").await];
    let [north, south, east] = [
        node(db, &demo, "north").await,
        node(db, &demo, "south").await,
        node(db, &other, "east").await,
    ];
    let first = key(db, north, 1).await.unwrap();
    for (node, number) in [(north, 2), (south, 3), (east, 4)] {
        key(db, node, number).await.unwrap();
    }
    let all = [
        (1, "demo/north"),
        (2, "demo/north"),
        (3, "demo/south"),
        (4, "other/east"),
    ];
    assert_eq!(hashes().await, all.map(owned));

    keys::revoke(db, north, first).await.unwrap();
    assert_eq!(hashes().await, [all[1], all[2], all[3]].map(owned));
    nodes::retire(db, south).await.unwrap();
    assert_eq!(hashes().await, [all[1], all[3]].map(owned));
    venues::retire(db, &other).await.unwrap();
    assert_eq!(hashes().await, [all[1]].map(owned));
    assert_eq!(
        message(key(db, east, 5).await.unwrap_err()),
        "conflict: the venue other is retired"
    );
}

trait Pair {
    fn to_string_pair(&self) -> String;
}

impl Pair for citytrack_domain::NodeIdentity {
    fn to_string_pair(&self) -> String {
        format!("{}/{}", self.venue, self.node)
    }
}

fn owned((number, pair): (u8, &str)) -> (u8, String) {
    (number, pair.to_owned())
}

#[tokio::test]
async fn keys_are_listed_and_revoked_once() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let demo = venue(db, "demo").await;
    let [north, south] = [node(db, &demo, "north").await, node(db, &demo, "south").await];
    let first = key(db, north, 1).await.unwrap();
    let taken = key(db, south, 1).await.unwrap_err();
    assert_eq!(
        message(taken),
        "conflict: another key begins with ctn_00000001 by chance; try again"
    );

    let foreign = keys::revoke(db, south, first).await.unwrap_err();
    assert_eq!(
        message(foreign),
        format!("not found: the node {south} has no key {first}")
    );
    keys::revoke(db, north, first).await.unwrap();
    let revoked = keys::list(db, north).await.unwrap();
    keys::revoke(db, north, first).await.unwrap();
    assert_eq!(
        keys::list(db, north).await.unwrap(),
        revoked,
        "revoking again changes nothing"
    );
    assert!(revoked[0].revoked_at.is_some());
    assert_eq!(
        (revoked[0].prefix.as_str(), revoked[0].label.as_deref()),
        ("ctn_00000001", Some("first"))
    );
}

#[tokio::test]
async fn cameras_get_titles_within_their_venue() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let [demo, other] = [venue(db, "demo").await, venue(db, "other").await];
    let north = node(db, &demo, "north").await;
    db.client()
        .await
        .unwrap()
        .execute("insert into camera (node_id, name) values ($1, 'door')", &[&north])
        .await
        .unwrap();

    let camera = cameras::list(db, &demo).await.unwrap().remove(0);
    assert_eq!(
        (camera.node, camera.node_slug.as_str(), camera.title.as_deref()),
        (north, "north", None)
    );
    let titled = cameras::set_title(db, &demo, camera.id, Some("Front door"))
        .await
        .unwrap();
    assert_eq!(titled.title.as_deref(), Some("Front door"));
    assert_eq!(cameras::set_title(db, &demo, camera.id, None).await.unwrap(), camera);
    let foreign = cameras::set_title(db, &other, camera.id, Some("Mine"))
        .await
        .unwrap_err();
    assert_eq!(
        message(foreign),
        format!("not found: the venue other has no camera {}", camera.id)
    );
    assert!(cameras::list(db, &other).await.unwrap().is_empty());
}

#[tokio::test]
async fn several_processes_may_migrate_at_once() {
    let test = TestDatabase::create_empty().await;
    let db = &test.database;
    assert!(!db.schema_is_current().await.unwrap());
    let (first, second, third) = tokio::join!(db.migrate(), db.migrate(), db.migrate());
    first.and(second).and(third).unwrap();
    assert!(db.schema_is_current().await.unwrap());
}

#[tokio::test]
async fn a_read_only_database_refuses_changes_and_an_absent_one_is_transient() {
    let test = TestDatabase::create().await;
    let options = |url: &str, read_only| DatabaseOptions {
        url: url.to_owned(),
        pool_size: 1,
        wait: std::time::Duration::from_secs(5),
        statement_timeout: std::time::Duration::from_secs(5),
        read_only,
        application_name: "test",
    };
    let reader = Database::connect(&options(test.url(), true)).unwrap();
    let refused = venues::retire(&reader, &slug("demo")).await.unwrap_err();
    assert!(format!("{refused:?}").contains("read-only"), "{refused:?}");
    let absent = Database::connect(&options("postgres://nobody@127.0.0.1:1/nothing", false)).unwrap();
    assert!(absent.ping().await.unwrap_err().is_transient());
    assert!(absent.migrate().await.unwrap_err().is_transient());
}
