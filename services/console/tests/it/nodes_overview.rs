//! How the nodes are doing.

use citytrack_access::{CameraLimits, ViewerTokens};
use citytrack_domain::{Agent, Batch, NodeIdentity, Slug, StreamPosition};
use citytrack_storage::{
    batches::BatchWriter,
    ledger::{self, Reason, Refusal},
};
use citytrack_testkit::{batch, frame};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::console::{ADMINISTRATOR, Console, VIEWER_SECRET, answer};

/// The time of these tests.
fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn ago(millis: i64) -> Timestamp {
    now() - SignedDuration::from_millis(millis)
}

/// Makes a node, and its venue if need be.
async fn node(console: &Console, venue: &str, slug: &str) -> NodeIdentity {
    let body = json!({"slug": venue, "name": venue, "time_zone": "UTC"});
    console.admin(Method::POST, "/api/v1/venues", Some(body)).await;
    let path = format!("/api/v1/venues/{venue}/nodes");
    let node = console.create(&path, json!({"slug": slug, "name": "A node"})).await;
    NodeIdentity {
        id: node["id"].as_str().unwrap().parse().unwrap(),
        node: Slug::new(slug).unwrap(),
        venue: Slug::new(venue).unwrap(),
    }
}

/// A batch of a frame that came in so many milliseconds ago, 300 ms after it was taken.
fn sent(source: &NodeIdentity, camera: &str, millis_ago: i64) -> Batch {
    let taken = frame(camera, ago(millis_ago + 300), vec![]);
    batch(source, ago(millis_ago), vec![taken])
}

async fn store(console: &Console, batches: &[Batch]) {
    let mut writer = BatchWriter::new(console.test.database.clone());
    writer.insert(batches).await.unwrap();
}

async fn overview(console: &Console, query: &str) -> Vec<Value> {
    let (status, mut body) = console.get(&format!("/api/v1/nodes{query}")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_value(body["nodes"].take()).unwrap()
}

#[tokio::test]
async fn a_node_that_sends_and_one_that_never_did() {
    let console = Console::start().await;
    let north = node(&console, "demo", "north").await;
    let south = node(&console, "demo", "south").await;
    let key = format!("/api/v1/nodes/{}/keys", north.id);
    console.create(&key, json!({})).await;
    let revoked = console.create(&key, json!({})).await;
    let path = format!("{key}/{}", revoked["id"].as_str().unwrap());
    console.admin(Method::DELETE, &path, None).await;

    // Twice a second over six minutes, and of another camera once a minute.
    let mut batches: Vec<Batch> = (0..720).map(|nth| sent(&north, "door", 200 + nth * 500)).collect();
    batches.extend((0..6).map(|nth| sent(&north, "hall", 30_000 + nth * 60_000)));
    let stream = Uuid::now_v7();
    for (batch, seq) in batches.iter_mut().zip([0, 1, 4]) {
        batch.position = Some(StreamPosition { stream, seq });
        batch.agent = Agent::read("citytrack-node/0.1.0");
    }
    store(&console, &batches).await;
    store(&console, &batches[..1]).await;
    let refusal = Refusal::new(north.id, None, Reason::Unreadable, "not JSON", now());
    ledger::refuse(&console.test.database, &[refusal]).await.unwrap();

    let expected = json!([
        {
            "id": north.id, "venue": "demo", "slug": "north", "name": "A node", "retired_at": null, "status": "online",
            "last_received_at": "2026-11-22T09:59:59.8Z", "last_captured_at": "2026-11-22T09:59:59.5Z",
            "frames_per_second": 2.017, "delay_seconds": 0.3, "agent": "citytrack-node/0.1.0", "cameras": 2, "keys": 1,
            "missing": 2, "refused": 1, "duplicates": 1,
        },
        {
            "id": south.id, "venue": "demo", "slug": "south", "name": "A node", "retired_at": null, "status": "never",
            "last_received_at": null, "last_captured_at": null, "frames_per_second": null, "delay_seconds": null,
            "agent": null, "cameras": 0, "keys": 0, "missing": 0, "refused": 0, "duplicates": 0,
        },
    ]);
    assert_eq!(json!(overview(&console, "?venue=demo").await), expected);

    // The door is silent for too long, but the hall sends only once a minute.
    console.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(overview(&console, "").await[0]["status"], json!("online"));
    console.clock.advance(SignedDuration::from_mins(10));
    let silent = &overview(&console, "").await[0];
    assert_eq!(
        (
            &silent["status"],
            &silent["frames_per_second"],
            &silent["last_received_at"]
        ),
        (&json!("silent"), &json!(0.0), &json!("2026-11-22T09:59:59.8Z"))
    );
}

#[tokio::test]
async fn a_node_whose_clock_is_wrong_sends_all_the_same() {
    let console = Console::start().await;
    let north = node(&console, "demo", "north").await;
    let behind = |nth: i64| {
        let taken = ago(nth * 1000 + 86_400_000);
        batch(&north, ago(nth * 1000), vec![frame("door", taken, vec![])])
    };
    let batches: Vec<Batch> = (0..400).map(behind).collect();
    store(&console, &batches).await;
    let told = &overview(&console, "").await[0];
    assert_eq!(
        (
            &told["status"],
            &told["delay_seconds"],
            &told["frames_per_second"],
            &told["last_captured_at"]
        ),
        (
            &json!("online"),
            &json!(86400.0),
            &json!(1.0),
            &json!("2026-11-21T10:00:00Z")
        )
    );
}

#[tokio::test]
async fn a_node_that_only_has_imported_counts_is_not_silent() {
    let console = Console::start().await;
    node(&console, "demo", "north").await;
    let import = console
        .request(Method::POST, "/api/v1/venues/demo/imports?node=old")
        .bearer_auth(ADMINISTRATOR)
        .header("content-type", "text/csv")
        .body("time,Gate\n2026-03-02T10:00,5\n");
    assert_eq!(answer(import).await.0, StatusCode::OK);
    let told = &overview(&console, "").await[1];
    assert_eq!((&told["slug"], &told["cameras"]), (&json!("old"), &json!(1)));
    assert_eq!(told["status"], json!("never"));
}

#[tokio::test]
async fn what_a_node_runs_is_what_it_said_last() {
    let console = Console::start().await;
    let north = node(&console, "demo", "north").await;
    let said = |millis_ago: i64, agent: &str| Batch {
        agent: Agent::read(agent),
        ..sent(&north, "door", millis_ago)
    };
    let mut writer = BatchWriter::new(console.test.database.clone());
    for (batches, expected) in [
        (vec![said(9000, "one/1")], json!("one/1")),
        (vec![said(8000, "")], json!("one/1")),
        (vec![said(6000, "one/2"), said(7000, "one/1")], json!("one/2")),
        // Backlog that says something older comes late, by a worker that does not know better.
        (vec![said(5000, "one/2")], json!("one/2")),
    ] {
        writer.insert(&batches).await.unwrap();
        assert_eq!(overview(&console, "").await[0]["agent"], expected);
    }
    store(&console, &[said(8500, "one/0")]).await;
    assert_eq!(overview(&console, "").await[0]["agent"], json!("one/2"));
    writer.insert(&[said(4000, "one/1")]).await.unwrap();
    assert_eq!(overview(&console, "").await[0]["agent"], json!("one/1"), "it went back");
}

#[tokio::test]
async fn nodes_are_told_to_those_who_may_see_them() {
    let console = Console::start().await;
    node(&console, "demo", "north").await;
    let west = node(&console, "other", "west").await;
    let slugs = |nodes: &[Value]| nodes.iter().map(|node| node["slug"].clone()).collect::<Vec<_>>();
    assert_eq!(slugs(&overview(&console, "").await), ["north", "west"]);
    assert_eq!(slugs(&overview(&console, "?venue=other").await), ["west"]);
    console
        .admin(Method::DELETE, &format!("/api/v1/nodes/{}", west.id), None)
        .await;
    assert_eq!(slugs(&overview(&console, "").await), ["north"]);
    assert_eq!(slugs(&overview(&console, "?retired=true").await), ["north", "west"]);
    console.admin(Method::DELETE, "/api/v1/venues/demo", None).await;
    assert!(overview(&console, "").await.is_empty(), "of a venue that is retired");
    assert_eq!(slugs(&overview(&console, "?retired=true").await), ["north", "west"]);
    for (query, expected) in [
        ("?venue=nowhere", StatusCode::NOT_FOUND),
        ("?venue=No", StatusCode::NOT_FOUND),
        ("?venues=demo", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(
            console.get(&format!("/api/v1/nodes{query}")).await.0,
            expected,
            "{query}"
        );
    }
    let anybody = answer(console.request(Method::GET, "/api/v1/nodes")).await;
    assert_eq!(anybody.0, StatusCode::UNAUTHORIZED);
    let viewer = ViewerTokens::new(&VIEWER_SECRET.into())
        .issue(
            &[Slug::new("demo").unwrap()],
            &CameraLimits::new(),
            now() + SignedDuration::from_hours(1),
            now(),
        )
        .unwrap();
    let viewer = console.request(Method::GET, "/api/v1/nodes").bearer_auth(viewer);
    assert_eq!(answer(viewer).await.0, StatusCode::FORBIDDEN);
}
