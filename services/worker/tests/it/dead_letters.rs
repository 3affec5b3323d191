//! `worker dead-letters`, as an operator runs it: the built program.

use std::process::{Command, Output, Stdio};

use citytrack_broker::{
    Message, Source, Status,
    topology::{DETECTIONS, PERSIST},
};
use citytrack_domain::{Batch, Clock, Slug};
use citytrack_messages::{SCHEMA, encode};
use citytrack_storage::nodes;
use citytrack_testkit::{batch, eventually, frame, identity, limit_deliveries, person, unique_name};
use serde_json::Value;
use uuid::Uuid;

use crate::harness::Harness;

const NEWER: &str = "citytrack.detections.v2";

fn sample(harness: &Harness) -> Batch {
    let now = Clock::System.now();
    batch(
        &harness.source,
        now,
        vec![frame("door", now, vec![person(0.25, Some(1))])],
    )
}

fn command(harness: &Harness, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
    command
        .arg("dead-letters")
        .args(arguments)
        .env("CITYTRACK_BROKER__URL", harness.vhost.url())
        .stdin(Stdio::null());
    command
}

fn run(harness: &Harness, arguments: &[&str]) -> Output {
    command(harness, arguments).output().unwrap()
}

/// The standard output of a command that must succeed.
fn told(harness: &Harness, arguments: &[&str]) -> String {
    let output = run(harness, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn list(harness: &Harness) -> Vec<Value> {
    let lines = told(harness, &["list", "--format", "json", "--limit", "100000"]);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until there are so many dead letters, and lists them.
async fn listed(harness: &Harness, count: usize) -> Vec<Value> {
    eventually(&format!("there are {count} dead letters"), async || {
        Some(list(harness)).filter(|letters| letters.len() == count)
    })
    .await
}

/// Puts messages among the dead letters without a worker.
async fn put_aside(harness: &Harness, kind: &'static str, payloads: Vec<Vec<u8>>) {
    put_aside_from(harness, "detections.demo", kind, payloads).await;
}

/// The same with another route.
async fn put_aside_from(harness: &Harness, route: &str, kind: &'static str, payloads: Vec<Vec<u8>>) {
    let publisher = harness.vhost.publisher_to(DETECTIONS.dead_letter_exchange, kind);
    let status = publisher.status();
    eventually("the publisher is connected", async || {
        (*status.borrow() == Status::Up).then_some(())
    })
    .await;
    for payload in payloads {
        let message = Message {
            route: route.to_owned(),
            payload: payload.into(),
            headers: Vec::new(),
        };
        publisher.publish(message).await.unwrap();
    }
}

/// The encoding of a batch whose class breaks the rules.
fn broken(batch: &Batch) -> Vec<u8> {
    let mut bytes = encode(batch).to_vec();
    let place = bytes.windows(6).position(|window| window == b"person").unwrap();
    bytes[place] = b'P';
    bytes
}

#[tokio::test]
async fn a_bad_batch_is_put_aside_alone_listed_and_shown() {
    let harness = Harness::new().await;
    let (first, bad, last) = (sample(&harness), sample(&harness), sample(&harness));
    let joined = [&encode(&first)[..], &broken(&bad), &encode(&last)].concat();
    harness.publish_bytes("detections.demo", joined).await;
    let before = Clock::System.now();
    let worker = harness.worker();
    harness.until("select count(*) from batch", 2).await;
    worker.stop().await;

    // However often it is looked at.
    for _ in 0..3 {
        let letters = list(&harness);
        assert_eq!(letters.len(), 1);
        let letter = &letters[0];
        assert_eq!(letter["reason"], "batch 1: classes has a bad name");
        assert_eq!((&letter["type"], &letter["batches"]), (&SCHEMA.into(), &1.into()));
        assert_eq!(letter["route"], "detections.demo");
        assert_eq!(letter["bytes"], broken(&bad).len());
        let since: jiff::Timestamp = letter["since"].as_str().unwrap().parse().unwrap();
        assert!(since >= before && since <= Clock::System.now());
    }
    let id = list(&harness)[0]["id"].as_str().unwrap().to_owned();
    let table = told(&harness, &["list"]);
    assert_eq!(table.lines().count(), 2);
    assert!(
        table.contains(&id) && table.contains("classes has a bad name"),
        "{table}"
    );

    let raw = std::env::temp_dir().join(unique_name());
    let shown: Value = serde_json::from_str(&told(&harness, &["show", &id, "--raw", raw.to_str().unwrap()])).unwrap();
    assert_eq!(shown["headers"]["x-citytrack-type"], SCHEMA);
    assert!(
        shown["content"]["batches"][0]["error"]
            .as_str()
            .unwrap()
            .contains("bad name")
    );
    assert_eq!(std::fs::read(&raw).unwrap(), broken(&bad));
    assert_eq!(run(&harness, &["show", &id, "--raw", "-"]).stdout, broken(&bad));
    // It does not overwrite a file.
    assert_eq!(
        run(&harness, &["show", &id, "--raw", raw.to_str().unwrap()])
            .status
            .code(),
        Some(1)
    );
    std::fs::remove_file(raw).unwrap();
}

#[tokio::test]
async fn a_message_that_cannot_be_told_apart_is_put_aside_whole() {
    let harness = Harness::new().await;
    // The first cannot be read at all, the second only as a message without a batch.
    for garbage in ["not protobuf at all", "xxxx"] {
        harness.publish_bytes("detections.demo", garbage.into()).await;
    }
    let _worker = harness.worker();
    let letters = listed(&harness, 2).await;
    let reasons: Vec<_> = letters
        .iter()
        .map(|letter| letter["reason"].as_str().unwrap())
        .collect();
    assert!(reasons[0].starts_with("not a message of the schema"), "{reasons:?}");
    assert_eq!(reasons[1], "it holds no batch");
    let shown: Value = serde_json::from_str(&told(&harness, &["show", letters[0]["id"].as_str().unwrap()])).unwrap();
    assert!(
        shown["content"]["hex"][0]
            .as_str()
            .unwrap()
            .ends_with("|not protobuf at |")
    );
}

#[tokio::test]
async fn a_batch_of_a_node_that_was_unknown_is_replayed_and_stored_once() {
    let harness = Harness::new().await;
    let stranger = identity("demo", Uuid::now_v7());
    let lost = Batch {
        source: stranger.clone(),
        ..sample(&harness)
    };
    harness.publish(&lost).await;
    let _worker = harness.worker();
    let letters = listed(&harness, 1).await;
    let id = letters[0]["id"].as_str().unwrap();
    assert!(
        letters[0]["reason"].as_str().unwrap().contains("camera_node_id_fkey"),
        "{letters:?}"
    );
    let shown: Value = serde_json::from_str(&told(&harness, &["show", id])).unwrap();
    assert_eq!(shown["content"]["batches"][0]["batch_id"], lost.id.to_string());

    // Too early: it comes back, as what it was.
    assert_eq!(
        told(&harness, &["replay", id]),
        "1 dead letter handed to the workers again.\n"
    );
    assert_eq!(listed(&harness, 1).await[0]["id"], id);

    let [venue, node] = ["demo", "south"].map(|name| Slug::new(name).unwrap());
    nodes::create(&harness.database.database, stranger.id, &venue, &node, "South")
        .await
        .unwrap();
    told(&harness, &["replay", "--reason", "CAMERA_node_id_fkey"]);
    harness.until("select count(*) from batch", 1).await;
    assert!(list(&harness).is_empty());
    // Once more, as after a replay that was cut off.
    put_aside(&harness, SCHEMA, vec![encode(&lost).to_vec()]).await;
    told(&harness, &["replay", id]);
    harness.publish(&sample(&harness)).await;
    harness.until("select count(*) from batch", 2).await;
    assert_eq!(harness.number("select count(*) from frame").await, 2);
    assert_eq!(
        harness
            .number("select sum(detections)::bigint from camera_minute")
            .await,
        2
    );
    assert!(list(&harness).is_empty());
}

#[tokio::test]
async fn a_replay_that_is_killed_loses_nothing() {
    const BATCHES: i64 = 400;
    let harness = Harness::new().await;
    let batches: Vec<_> = (0..BATCHES).map(|_| sample(&harness)).collect();
    let payloads = batches.iter().map(|batch| encode(batch).to_vec()).collect();
    put_aside(&harness, SCHEMA, payloads).await;
    let _worker = harness.worker();
    let mut replay = command(&harness, &["replay", "--all"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    harness.until("select (count(*) > 20)::int::bigint from batch", 1).await;
    replay.kill().unwrap();
    replay.wait().unwrap();
    let stored = harness.number("select count(*) from batch").await;
    assert!(stored < BATCHES, "the replay was over before it was killed");
    // The broker may take a moment to see that the tool is gone.
    eventually("everything is stored or among the dead letters", async || {
        let left = i64::try_from(list(&harness).len()).unwrap();
        (left + harness.number("select count(*) from batch").await >= BATCHES).then_some(())
    })
    .await;
    told(&harness, &["replay", "--all"]);
    harness.until("select count(*) from batch", BATCHES).await;
    assert_eq!(harness.number("select count(*) from frame").await, BATCHES);
    assert!(list(&harness).is_empty());
}

#[tokio::test]
async fn a_message_of_a_newer_schema_waits_for_an_upgrade() {
    let harness = Harness::new().await;
    let vhost = &harness.vhost;
    let publisher = vhost.publisher(NEWER);
    let status = publisher.status();
    eventually("the publisher is connected", async || {
        (*status.borrow() == Status::Up).then_some(())
    })
    .await;
    let message = Message {
        route: "detections.demo".to_owned(),
        payload: b"from the future".to_vec().into(),
        headers: Vec::new(),
    };
    publisher.publish(message).await.unwrap();
    harness.publish(&sample(&harness)).await;
    let worker = harness.worker();
    harness.until("select count(*) from batch", 1).await;
    let letters = listed(&harness, 1).await;
    assert_eq!(
        (&letters[0]["type"], &letters[0]["batches"]),
        (&NEWER.into(), &Value::Null)
    );
    assert!(letters[0]["reason"].as_str().unwrap().contains(NEWER));
    worker.stop().await;
    // What the upgraded worker would get.
    told(&harness, &["replay", "--all"]);
    let mut work = vhost.inbox(Source::Work(PERSIST.name));
    let again = work.next(1, usize::MAX).await.pop().unwrap();
    assert_eq!(
        (again.kind.as_deref(), &again.payload[..]),
        (Some(NEWER), &b"from the future"[..])
    );
}

#[tokio::test]
async fn what_the_broker_put_aside_is_listed_and_replayed() {
    let harness = Harness::new().await;
    limit_deliveries(&harness.vhost.management(), &harness.vhost.url(), 1).await;
    let batch = sample(&harness);
    harness.publish(&batch).await;
    let letter = eventually("RabbitMQ has put the message aside", async || {
        // A worker that dies with the message in hand.
        let mut consumer = harness.vhost.inbox(Source::Work(PERSIST.name));
        let soon = std::time::Duration::from_millis(200);
        let _ = tokio::time::timeout(soon, consumer.next(1, usize::MAX)).await;
        consumer.close().await;
        list(&harness).pop()
    })
    .await;
    assert!(
        letter["reason"].as_str().unwrap().contains("delivery_limit"),
        "{letter}"
    );
    assert!(letter["since"].is_string());
    told(&harness, &["replay", letter["id"].as_str().unwrap()]);
    let _worker = harness.worker();
    harness.until("select count(*) from batch", 1).await;
    assert!(list(&harness).is_empty());
}

#[tokio::test]
async fn what_no_worker_takes_stays_and_the_others_are_replayed() {
    let harness = Harness::new().await;
    put_aside_from(&harness, "elsewhere", SCHEMA, vec![b"foreign".to_vec()]).await;
    put_aside(&harness, SCHEMA, vec![encode(&sample(&harness)).to_vec()]).await;
    let replay = run(&harness, &["replay", "--all"]);
    assert_eq!(replay.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&replay.stdout),
        "1 dead letter handed to the workers again.\n"
    );
    let left = list(&harness);
    assert_eq!((left.len(), &left[0]["route"]), (1, &"elsewhere".into()));
    assert!(
        String::from_utf8_lossy(&replay.stderr).contains(left[0]["id"].as_str().unwrap()),
        "{replay:?}"
    );
    let _worker = harness.worker();
    harness.until("select count(*) from batch", 1).await;
}

#[tokio::test]
async fn dropping_needs_a_yes_and_takes_only_what_was_named() {
    let harness = Harness::new().await;
    let payloads = ["one", "two", "three"].map(|text| text.as_bytes().to_vec());
    put_aside(&harness, NEWER, payloads.to_vec()).await;
    let ids: Vec<_> = list(&harness)
        .iter()
        .map(|letter| letter["id"].as_str().unwrap().to_owned())
        .collect();
    let refused = run(&harness, &["drop", "--all"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("--yes"),
        "{refused:?}"
    );
    assert_eq!(list(&harness).len(), 3);

    let dropped = told(&harness, &["drop", &ids[1], "--yes"]);
    assert!(
        dropped.contains(&ids[1]) && dropped.ends_with("1 dead letter dropped.\n"),
        "{dropped}"
    );
    let left: Vec<_> = list(&harness).iter().map(|letter| letter["id"].clone()).collect();
    assert_eq!(left, [ids[0].as_str(), &ids[2]]);
    // One is gone already; the other is dropped all the same.
    let half = run(&harness, &["drop", &ids[1], &ids[2], "--yes"]);
    assert_eq!(half.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&half.stderr).contains(&ids[1]), "{half:?}");
    assert_eq!(list(&harness).len(), 1);
    told(&harness, &["drop", "--all", "--yes"]);
    assert!(list(&harness).is_empty());
    assert_eq!(told(&harness, &["drop", "--all", "--yes"]), "0 dead letters dropped.\n");
}

#[tokio::test]
async fn the_list_says_when_there_is_more() {
    let harness = Harness::new().await;
    let payloads = (0..3).map(|number| vec![number; 10]).collect();
    put_aside(&harness, NEWER, payloads).await;
    let some = run(&harness, &["list", "--limit", "2"]);
    assert_eq!(String::from_utf8_lossy(&some.stdout).lines().count(), 3);
    assert_eq!(
        String::from_utf8_lossy(&some.stderr),
        "3 dead letters; 2 are listed, --limit lists more.\n"
    );
    assert_eq!(list(&harness).len(), 3);
}

#[tokio::test]
async fn wrong_use_and_a_broker_that_is_away_have_their_own_exit_codes() {
    let harness = Harness::new().await;
    for wrong in [
        &["replay"][..],
        &["replay", "--all", "0123456789ab"],
        &["drop"],
        &["show"],
        &[],
    ] {
        assert_eq!(run(&harness, wrong).status.code(), Some(2), "{wrong:?}");
    }
    for command in ["show", "replay"] {
        let unknown = run(&harness, &[command, "0123456789ab"]);
        assert_eq!(unknown.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&unknown.stderr).contains("there is no dead letter 0123456789ab"),
            "{unknown:?}"
        );
    }
    let away = command(&harness, &["list"])
        .env("CITYTRACK_BROKER__URL", "amqp://nobody:nothing@127.0.0.1:1/none")
        .output()
        .unwrap();
    assert_eq!(away.status.code(), Some(1));
    let text = String::from_utf8_lossy(&away.stderr);
    assert!(
        text.starts_with("error: RabbitMQ: ") && !text.contains("nothing"),
        "{text}"
    );
}
