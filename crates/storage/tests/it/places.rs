//! Venues, nodes, keys and cameras.

use citytrack_domain::{Slug, VenueTimeZone};
use citytrack_storage::{
    Database, DatabaseOptions, Error, cameras,
    keys::{self, NewKey},
    nodes, venues,
};
use citytrack_testkit::{TestDatabase, changed};
use uuid::Uuid;

fn slug(text: &str) -> Slug {
    Slug::new(text).unwrap()
}

async fn venue(db: &Database, name: &str) -> Slug {
    let zone = VenueTimeZone::new("Europe/Berlin").unwrap();
    changed(db, async |change| {
        venues::create(change, &slug(name), "Old Town", &zone).await
    })
    .await
    .unwrap()
    .slug
}

async fn node(db: &Database, venue: &Slug, name: &str) -> Uuid {
    changed(db, async |change| {
        nodes::create(change, Uuid::now_v7(), venue, &slug(name), "North gate").await
    })
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
    Ok(changed(db, async |change| keys::create(change, &key).await).await?.id)
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

    let new = changed(db, async |change| {
        venues::update(change, &demo, Some("New Town"), None).await
    })
    .await
    .unwrap();
    assert_eq!(
        (new.name.as_str(), new.time_zone.as_str()),
        ("New Town", "Europe/Berlin")
    );
    let new = changed(db, async |change| {
        venues::update(change, &demo, None, Some(&auckland)).await
    })
    .await
    .unwrap();
    assert_eq!(
        (new.name.as_str(), new.time_zone.as_str()),
        ("New Town", "Pacific/Auckland")
    );
    let again = changed(db, async |change| {
        venues::create(change, &demo, "Another", &auckland).await
    })
    .await
    .unwrap_err();
    assert_eq!(message(again), "conflict: there is a venue demo already");

    changed(db, async |change| venues::retire(change, &demo).await)
        .await
        .unwrap();
    changed(db, async |change| venues::retire(change, &demo).await)
        .await
        .unwrap();
    assert!(venues::get(db, &demo).await.unwrap().retired_at.is_some());
    assert!(venues::list(db, false).await.unwrap().is_empty());
    assert_eq!(venues::list(db, true).await.unwrap().len(), 1);
    let again = changed(db, async |change| {
        venues::create(change, &demo, "Another", &auckland).await
    })
    .await
    .unwrap_err();
    assert_eq!(
        message(again),
        "conflict: demo is the slug of a retired venue, and stays taken"
    );
    let late = changed(db, async |change| {
        venues::update(change, &demo, Some("Late"), None).await
    })
    .await
    .unwrap_err();
    assert_eq!(message(late), "conflict: the venue demo is retired");
    let late = changed(db, async |change| {
        nodes::create(change, Uuid::now_v7(), &demo, &slug("north"), "North").await
    })
    .await
    .unwrap_err();
    assert_eq!(message(late), "conflict: the venue demo is retired");

    let nowhere = slug("nowhere");
    for error in [
        venues::get(db, &nowhere).await.unwrap_err(),
        changed(db, async |change| venues::update(change, &nowhere, None, None).await)
            .await
            .unwrap_err(),
        changed(db, async |change| venues::retire(change, &nowhere).await)
            .await
            .unwrap_err(),
        nodes::list(db, &nowhere, false).await.unwrap_err(),
        changed(db, async |change| {
            nodes::create(change, Uuid::now_v7(), &nowhere, &slug("north"), "North").await
        })
        .await
        .unwrap_err(),
        cameras::list(db, &nowhere).await.unwrap_err(),
        changed(db, async |change| cameras::set_title(change, &nowhere, 1, None).await)
            .await
            .unwrap_err(),
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

    let again = changed(db, async |change| {
        nodes::create(change, Uuid::now_v7(), &demo, &slug("north"), "North").await
    })
    .await
    .unwrap_err();
    assert_eq!(message(again), "conflict: the venue demo has a node north already");
    assert_eq!(
        changed(db, async |change| nodes::rename(change, north, "Gate 7").await)
            .await
            .unwrap()
            .name,
        "Gate 7"
    );
    assert_eq!(
        nodes::list(db, &demo, false).await.unwrap(),
        [nodes::get(db, north).await.unwrap()]
    );

    changed(db, async |change| nodes::retire(change, north).await)
        .await
        .unwrap();
    changed(db, async |change| nodes::retire(change, north).await)
        .await
        .unwrap();
    assert!(nodes::list(db, &demo, false).await.unwrap().is_empty());
    assert_eq!(nodes::list(db, &demo, true).await.unwrap().len(), 1);
    let again = changed(db, async |change| {
        nodes::create(change, Uuid::now_v7(), &demo, &slug("north"), "North").await
    })
    .await
    .unwrap_err();
    assert_eq!(
        message(again),
        "conflict: north is the slug of a retired node of the venue demo, and stays taken"
    );
    assert_eq!(
        message(
            changed(db, async |change| nodes::rename(change, north, "x").await)
                .await
                .unwrap_err()
        ),
        "conflict: the node north is retired"
    );
    assert_eq!(
        message(key(db, north, 1).await.unwrap_err()),
        "conflict: the node north is retired"
    );

    let nobody = Uuid::nil();
    for error in [
        nodes::get(db, nobody).await.unwrap_err(),
        changed(db, async |change| nodes::rename(change, nobody, "x").await)
            .await
            .unwrap_err(),
        changed(db, async |change| nodes::retire(change, nobody).await)
            .await
            .unwrap_err(),
        keys::list(db, nobody).await.unwrap_err(),
        key(db, nobody, 1).await.unwrap_err(),
        changed(db, async |change| keys::revoke(change, nobody, nobody).await)
            .await
            .unwrap_err(),
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

    changed(db, async |change| keys::revoke(change, north, first).await)
        .await
        .unwrap();
    assert_eq!(hashes().await, [all[1], all[2], all[3]].map(owned));
    changed(db, async |change| nodes::retire(change, south).await)
        .await
        .unwrap();
    assert_eq!(hashes().await, [all[1], all[3]].map(owned));
    changed(db, async |change| venues::retire(change, &other).await)
        .await
        .unwrap();
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

    let foreign = changed(db, async |change| keys::revoke(change, south, first).await)
        .await
        .unwrap_err();
    assert_eq!(
        message(foreign),
        format!("not found: the node {south} has no key {first}")
    );
    changed(db, async |change| keys::revoke(change, north, first).await)
        .await
        .unwrap();
    let revoked = keys::list(db, north).await.unwrap();
    changed(db, async |change| keys::revoke(change, north, first).await)
        .await
        .unwrap();
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
    let titled = changed(db, async |change| {
        cameras::set_title(change, &demo, camera.id, Some("Front door")).await
    })
    .await
    .unwrap();
    assert_eq!(titled.title.as_deref(), Some("Front door"));
    assert_eq!(
        changed(db, async |change| cameras::set_title(change, &demo, camera.id, None)
            .await)
        .await
        .unwrap(),
        camera
    );
    let foreign = changed(db, async |change| {
        cameras::set_title(change, &other, camera.id, Some("Mine")).await
    })
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
    let refused = changed(&reader, async |change| venues::retire(change, &slug("demo")).await)
        .await
        .unwrap_err();
    assert!(format!("{refused:?}").contains("read-only"), "{refused:?}");
    let absent = Database::connect(&options("postgres://nobody@127.0.0.1:1/nothing", false)).unwrap();
    assert!(absent.ping().await.unwrap_err().is_transient());
    assert!(absent.migrate().await.unwrap_err().is_transient());
}
