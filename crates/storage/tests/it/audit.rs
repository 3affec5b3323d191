//! The audit log: one entry for each change, by whoever made it; none for what was undone; no secret in any.

use std::{net::IpAddr, time::Duration};

use citytrack_domain::{Slug, VenueTimeZone};
use citytrack_storage::{
    Database,
    audit::{self, Actor, ActorKind, Entry, Query},
    cameras,
    keys::{self, NewKey},
    nodes, venues,
};
use citytrack_testkit::{TestDatabase, change, changed, demo_node};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

fn slug(text: &str) -> Slug {
    Slug::new(text).unwrap()
}

fn alice() -> Actor {
    Actor {
        kind: ActorKind::User,
        name: "alice".to_owned(),
        id: Some(Uuid::now_v7()),
        address: Some(IpAddr::from([192, 0, 2, 7])),
    }
}

async fn entries(db: &Database, query: Query) -> Vec<Entry> {
    let limit = if query.limit == 0 { 1_000 } else { query.limit };
    audit::list(db, &Query { limit, ..query }).await.unwrap().entries
}

/// What came after the entry `last`, oldest first, as action, subject, before and after.
async fn since(db: &Database, last: i64) -> Vec<(String, String, Option<Value>, Option<Value>)> {
    let mut entries = entries(db, Query::default()).await;
    entries.reverse();
    let new = entries.into_iter().filter(|entry| entry.id > last);
    new.map(|entry| (entry.action, entry.subject, entry.before, entry.after))
        .collect()
}

async fn last(db: &Database) -> i64 {
    entries(db, Query::default()).await.first().map_or(0, |entry| entry.id)
}

fn entry(action: &str, subject: &str, before: Value, after: Value) -> (String, String, Option<Value>, Option<Value>) {
    let some = |value: Value| (!value.is_null()).then_some(value);
    (action.to_owned(), subject.to_owned(), some(before), some(after))
}

#[tokio::test]
async fn a_change_of_a_venue_has_one_entry_by_its_actor() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let (alice, demo) = (alice(), slug("demo"));
    let zone = VenueTimeZone::new("Europe/Berlin").unwrap();
    let change = db.change(&alice).await.unwrap();
    let made = venues::create(&change, &demo, "Demo", &zone).await.unwrap();
    change.commit().await.unwrap();

    let [entry] = &entries(db, Query::default()).await[..] else {
        panic!("not exactly one entry");
    };
    assert_eq!(
        (
            &entry.actor,
            entry.action.as_str(),
            entry.subject.as_str(),
            &entry.venue,
            &entry.before
        ),
        (&alice, "venue.created", "demo", &Some(demo.clone()), &None)
    );
    assert_eq!(entry.at, made.created_at);
    let after = entry.after.as_ref().unwrap();
    assert_eq!(
        (&after["name"], &after["time_zone"]),
        (&json!("Demo"), &json!("Europe/Berlin"))
    );

    let last = last(db).await;
    changed(db, async |change| {
        venues::update(change, &demo, Some("Fair"), None).await
    })
    .await
    .unwrap();
    // Nothing is changed by it.
    changed(db, async |change| {
        venues::update(change, &demo, Some("Fair"), None).await
    })
    .await
    .unwrap();
    changed(db, async |change| venues::retire(change, &demo).await)
        .await
        .unwrap();
    changed(db, async |change| venues::retire(change, &demo).await)
        .await
        .unwrap();
    let retired = venues::get(db, &demo).await.unwrap().retired_at.unwrap();
    let seen = since(db, last).await;
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(
        seen[0],
        self::entry(
            "venue.updated",
            "demo",
            json!({"name": "Demo"}),
            json!({"name": "Fair"})
        )
    );
    assert_eq!(
        (seen[1].0.as_str(), &seen[1].2),
        ("venue.retired", &Some(json!({"retired_at": null})))
    );
    let told: Timestamp = seen[1].3.as_ref().unwrap()["retired_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(told, retired);
}

#[tokio::test]
async fn nodes_keys_and_titles_have_their_entries_and_no_secret() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let node = demo_node(db).await;
    let hash = [0xA7; 32];
    let key = NewKey {
        id: Uuid::now_v7(),
        node: node.id,
        prefix: "ctn_00000001",
        hash: &hash,
        label: Some("first"),
    };
    let last = last(db).await;
    changed(db, async |change| nodes::rename(change, node.id, "Gate").await)
        .await
        .unwrap();
    changed(db, async |change| keys::create(change, &key).await)
        .await
        .unwrap();
    changed(db, async |change| keys::revoke(change, node.id, key.id).await)
        .await
        .unwrap();
    let client = db.client().await.unwrap();
    let camera = "insert into camera (node_id, name) values ($1, 'door') returning id";
    let camera: i32 = client.query_one(camera, &[&node.id]).await.unwrap().get(0);
    let demo = &node.venue;
    for title in [Some("Front"), Some("Front"), None] {
        changed(db, async |change| cameras::set_title(change, demo, camera, title).await)
            .await
            .unwrap();
    }
    changed(db, async |change| nodes::retire(change, node.id).await)
        .await
        .unwrap();

    let seen = since(db, last).await;
    let told: Vec<_> = seen
        .iter()
        .map(|(action, subject, ..)| (action.as_str(), subject.as_str()))
        .collect();
    let expected = [
        ("node.updated", "demo/north"),
        ("node-key.created", "demo/north ctn_00000001"),
        ("node-key.revoked", "demo/north ctn_00000001"),
        ("camera.updated", "demo/north/door"),
        ("camera.updated", "demo/north/door"),
        ("node.retired", "demo/north"),
    ];
    assert_eq!(told, expected);
    let created = seen[1].3.as_ref().unwrap();
    assert_eq!(
        (&created["key_hash"], &created["label"]),
        (&json!("(hidden)"), &json!("first"))
    );
    assert_eq!(seen[3].2, Some(json!({"title": null})));
    assert_eq!(seen[3].3, Some(json!({"title": "Front"})));
    let everything: String = client
        .query_one("select string_agg(audit_entry::text, ' ') from audit_entry", &[])
        .await
        .unwrap()
        .get(0);
    assert!(
        everything.contains("ctn_00000001") && !everything.to_lowercase().contains("a7a7a7"),
        "{everything}"
    );
}

#[tokio::test]
async fn what_is_undone_has_no_entry_and_its_connection_is_good_again() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let node = demo_node(db).await;
    let last = last(db).await;
    for name in ["one", "two", "three", "four", "five"] {
        let change = change(db).await;
        nodes::rename(&change, node.id, name).await.unwrap();
        audit::note(&change, "data.exported", "demo", None, None).await.unwrap();
        drop(change);
    }
    // Of the pool of four, every connection was used.
    assert_eq!(nodes::get(db, node.id).await.unwrap().name, "North");
    assert_eq!(since(db, last).await, []);
    let taken = changed(db, async |change| {
        let zone = VenueTimeZone::new("UTC").unwrap();
        venues::create(change, &slug("demo"), "Again", &zone).await
    });
    taken.await.unwrap_err();
    assert_eq!(since(db, last).await, []);
}

#[tokio::test]
async fn a_change_by_hand_has_an_entry_too_and_entries_stay_as_they_are() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    demo_node(db).await;
    let client = db.client().await.unwrap();
    client.batch_execute("update venue set name = 'By hand'").await.unwrap();
    let newest = &entries(db, Query::default()).await[0];
    assert_eq!(
        (newest.actor.kind, newest.actor.id, newest.actor.address),
        (ActorKind::Database, None, None)
    );
    let role: String = client.query_one("select current_user::text", &[]).await.unwrap().get(0);
    assert_eq!(newest.actor.name, role);

    let refused = client
        .batch_execute("update audit_entry set actor_name = 'nobody'")
        .await
        .unwrap_err();
    assert!(format!("{refused:?}").contains("never changed"), "{refused:?}");
}

#[tokio::test]
async fn events_are_noted_with_what_is_told_about_them() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let detail = json!({"rows": 17});
    let change = db.change(&alice()).await.unwrap();
    audit::note(&change, "data.exported", "demo", Some(&slug("demo")), Some(&detail))
        .await
        .unwrap();
    change.commit().await.unwrap();
    let newest = &entries(db, Query::default()).await[0];
    assert_eq!(
        (newest.actor.name.as_str(), newest.action.as_str()),
        ("alice", "data.exported")
    );
    assert_eq!((&newest.before, &newest.after), (&None, &Some(detail)));
}

#[tokio::test]
async fn entries_are_found_and_come_in_pages() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    for (actor, action, venue) in [
        ("alice", "venue.updated", Some("demo")),
        ("bob", "venue.updated", Some("other")),
        ("alice", "venue.retired", Some("demo")),
        ("alice", "venues.exported", None),
    ] {
        let change = db.change(&Actor::command(actor)).await.unwrap();
        audit::note(&change, action, "x", venue.map(slug).as_ref(), None)
            .await
            .unwrap();
        change.commit().await.unwrap();
    }
    let actions = async |query: Query| -> Vec<String> {
        let found = entries(db, query).await;
        found
            .into_iter()
            .map(|entry| format!("{} {}", entry.actor.name, entry.action))
            .collect()
    };
    let all = [
        "alice venues.exported",
        "alice venue.retired",
        "bob venue.updated",
        "alice venue.updated",
    ];
    let query = Query::default;
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(actions(query()).await, all);
    assert_eq!(
        actions(Query {
            actor: some("bob"),
            ..query()
        })
        .await,
        [all[2]]
    );
    assert_eq!(
        actions(Query {
            action: some("venue"),
            ..query()
        })
        .await,
        [all[1], all[2], all[3]]
    );
    assert_eq!(
        actions(Query {
            action: some("venue.updated"),
            ..query()
        })
        .await,
        [all[2], all[3]]
    );
    let of_demo = Some(vec![slug("demo")]);
    assert_eq!(
        actions(Query {
            venues: of_demo,
            ..query()
        })
        .await,
        [all[1], all[3]]
    );
    assert_eq!(
        actions(Query {
            venues: Some(Vec::new()),
            ..query()
        })
        .await,
        [""; 0]
    );
    let times: Vec<Timestamp> = entries(db, query()).await.iter().map(|entry| entry.at).collect();
    let between = Query {
        from: Some(times[2]),
        to: Some(times[0]),
        ..query()
    };
    assert_eq!(actions(between).await, [all[1], all[2]]);

    let first = audit::list(db, &Query { limit: 3, ..query() }).await.unwrap();
    assert_eq!(first.entries.len(), 3);
    assert!(first.next.is_some());
    let second = Query {
        limit: 3,
        before: first.next,
        ..query()
    };
    let second = audit::list(db, &second).await.unwrap();
    assert_eq!((second.entries.len(), second.next), (1, None));
    let exactly = audit::list(db, &Query { limit: 4, ..query() }).await.unwrap();
    assert_eq!((exactly.entries.len(), exactly.next), (4, None));
}

#[tokio::test]
async fn entries_are_forgotten_when_their_time_is_over() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    demo_node(db).await;
    let noted = entries(db, Query::default()).await;
    let kept = Duration::from_hours(24);
    let later = |hours: i64| noted[0].at + jiff::SignedDuration::from_hours(hours);
    assert_eq!(audit::forget(db, kept, later(23)).await.unwrap(), 0);
    assert_eq!(entries(db, Query::default()).await, noted);
    assert_eq!(audit::forget(db, kept, later(25)).await.unwrap(), noted.len() as u64);
    assert_eq!(audit::forget(db, Duration::MAX, later(25)).await.unwrap(), 0);
}

#[tokio::test]
async fn mere_bookkeeping_has_no_entry_and_a_new_password_is_told_without_it() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let client = db.client().await.unwrap();
    let user = "insert into user_account (id, name, display_name, password_hash)
                values (gen_random_uuid(), 'anna', 'Anna', 'first hash')";
    client.batch_execute(user).await.unwrap();
    let last = last(db).await;
    for change in [
        "update user_account set last_seen_at = now()",
        "update user_account set display_name = display_name",
        "update user_account set last_seen_at = now() + interval '1 hour', display_name = 'Anna B.'",
        "update user_account set password_hash = 'second hash'",
        "update user_account set disabled_at = '2026-11-22T12:00:00Z'",
        "update user_account set disabled_at = null",
        "delete from user_account",
    ] {
        client.batch_execute(change).await.unwrap();
    }
    let mut seen = since(db, last).await;
    let deleted = seen.pop().unwrap();
    assert_eq!(
        (deleted.0.as_str(), deleted.1.as_str(), &deleted.3),
        ("user.deleted", "anna", &None)
    );
    assert_eq!(deleted.2.unwrap()["password_hash"], "(hidden)");
    let hidden = json!({"password_hash": "(hidden)"});
    let since = json!({"disabled_at": "2026-11-22T12:00:00+00:00"});
    let never = json!({"disabled_at": null});
    let expected = [
        entry(
            "user.updated",
            "anna",
            json!({"display_name": "Anna"}),
            json!({"display_name": "Anna B."}),
        ),
        entry("user.updated", "anna", hidden.clone(), hidden),
        entry("user.disabled", "anna", never.clone(), since.clone()),
        entry("user.enabled", "anna", since, never),
    ];
    assert_eq!(seen, expected);
}
