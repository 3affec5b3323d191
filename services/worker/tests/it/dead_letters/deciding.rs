//! Replaying and dropping.

use citytrack_testkit::changed;

use super::*;

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
    changed(&harness.database.database, async |change| {
        nodes::create(change, stranger.id, &venue, &node, "South").await
    })
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
