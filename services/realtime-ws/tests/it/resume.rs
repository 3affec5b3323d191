//! Viewers who come, go and come back.

use citytrack_testkit::{eventually, person};
use serde_json::{Value, json};

use crate::harness::{Client, Live, sample};

/// The cameras of the next frames.
async fn cameras<const N: usize>(client: &mut Client) -> [Value; N] {
    let mut cameras = [const { Value::Null }; N];
    for camera in &mut cameras {
        let mut frame = client.next().await;
        assert_eq!(frame["type"], "frame", "{frame}");
        *camera = frame["camera"].take();
    }
    cameras
}

/// A viewer of `demo` who has seen one frame, of `entrance`; and where it stands.
async fn viewer(live: &Live) -> (Client, Value) {
    let mut client = live.client(&["demo"]).await;
    client.subscribe("1", "demo", None).await;
    live.show("demo", &[("entrance", vec![])]).await;
    let mut frame = client.next().await;
    (client, frame["cursor"].take())
}

#[tokio::test]
async fn who_comes_first_sees_what_the_cameras_showed_last() {
    let live = Live::start(&[]).await;
    let (_first, _) = viewer(&live).await;
    live.show("demo", &[("entrance", vec![person(0.5, None)]), ("exit", vec![])])
        .await;
    let mut client = live.client(&["demo"]).await;
    let snapshot = eventually("both cameras are known", async || {
        let mut subscribed = client.subscribe("1", "demo", None).await;
        client.send(&json!({"type": "unsubscribe", "id": "1"})).await;
        while client.next().await["type"] != "unsubscribed" {}
        assert_eq!(subscribed["recovered"], false);
        let Value::Array(snapshot) = subscribed["snapshot"].take() else {
            panic!("{subscribed}")
        };
        (snapshot.len() == 2).then_some(snapshot)
    })
    .await;
    let [entrance, exit] = &snapshot[..] else {
        panic!("{snapshot:?}")
    };
    assert_eq!(
        (&entrance["camera"], &exit["camera"]),
        (&json!("entrance"), &json!("exit"))
    );
    assert_eq!(
        entrance["detections"].as_array().unwrap().len(),
        1,
        "the newer of the two"
    );
    assert!(entrance["age"].as_f64().unwrap() >= 0.0);
    assert!(entrance["type"].is_null() && entrance["cursor"].is_null());
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed() {
    let live = Live::start(&[]).await;
    let (client, cursor) = viewer(&live).await;
    client.close().await;
    live.show("demo", &[("exit", vec![]), ("stage", vec![])]).await;
    let mut client = live.client(&["demo"]).await;
    let subscribed = client.resume(&cursor).await;
    assert_eq!(
        (&subscribed["recovered"], &subscribed["snapshot"]),
        (&json!(true), &json!([]))
    );
    live.show("demo", &[("door", vec![])]).await;
    assert_eq!(cameras(&mut client).await, ["exit", "stage", "door"]);
    assert!(client.has_nothing().await);
}

#[tokio::test]
async fn within_a_message_a_viewer_stands_between_two_frames() {
    let live = Live::start(&[]).await;
    let mut client = live.client(&["demo"]).await;
    client.subscribe("1", "demo", None).await;
    live.show("demo", &[("entrance", vec![]), ("exit", vec![])]).await;
    let between = client.next().await["cursor"].take();
    let mut client = live.client(&["demo"]).await;
    assert_eq!(client.resume(&between).await["recovered"], true);
    assert_eq!(cameras(&mut client).await, ["exit"]);
    assert!(client.has_nothing().await);
}

#[tokio::test]
async fn a_service_that_starts_again_goes_on_where_it_was() {
    let instance = ["--live-instance", "one"];
    let live = Live::start(&instance).await;
    let (_gone, cursor) = viewer(&live).await;
    let other = live.start_beside(&["--live-instance", "other"]).await;
    let live = live.restart(&instance).await;
    other.show("demo", &[("exit", vec![])]).await;
    let mut client = live.client(&["demo"]).await;
    assert_eq!(client.resume(&cursor).await["recovered"], true);
    assert_eq!(cameras(&mut client).await, ["exit"]);
    other.show("demo", &[("stage", vec![])]).await;
    assert_eq!(cameras(&mut client).await, ["stage"]);
}

#[tokio::test]
async fn a_viewer_may_go_on_at_another_instance() {
    let here = Live::start(&["--live-instance", "here"]).await;
    let (client, _) = viewer(&here).await;
    let there = here.start_beside(&["--live-instance", "there"]).await;
    eventually("it has heard what is watched", async || {
        (there.metric("citytrack_live_venues") > 0.5).then_some(())
    })
    .await;
    let mut client = client;
    // Of this publisher the other instance has seen nothing from before it came.
    here.show("demo", &[("entrance", vec![])]).await;
    let cursor = client.next().await["cursor"].take();
    client.close().await;
    here.show("demo", &[("exit", vec![])]).await;
    let mut client = there.client(&["demo"]).await;
    assert_eq!(client.resume(&cursor).await["recovered"], true);
    assert_eq!(cameras(&mut client).await, ["exit"]);
}

#[tokio::test]
async fn where_nobody_knows_what_was_missed_the_viewer_starts_anew() {
    let live = Live::start(&["--live-history", "1"]).await;
    let (mut client, cursor) = viewer(&live).await;
    for _ in 0..3 {
        live.show("demo", &[("exit", vec![])]).await;
        client.next().await;
    }
    let mut client = live.client(&["demo"]).await;
    let subscribed = client.resume(&cursor).await;
    assert_eq!(subscribed["recovered"], false);
    assert_eq!(subscribed["snapshot"].as_array().unwrap().len(), 2);
    live.show("demo", &[("stage", vec![])]).await;
    assert_eq!(cameras(&mut client).await, ["stage"]);
}

#[tokio::test]
async fn a_cursor_of_another_venue_is_refused() {
    let live = Live::start(&[]).await;
    let (_client, cursor) = viewer(&live).await;
    let mut client = live.client(&["hall"]).await;
    client
        .send(&json!({"type": "subscribe", "id": "1", "venue": "hall", "since": cursor}))
        .await;
    assert_eq!(client.next().await["code"], "invalid-cursor");
}

#[tokio::test]
async fn messages_without_numbers_are_numbered_by_the_instance() {
    let live = Live::start(&[]).await;
    let mut client = live.client(&["demo"]).await;
    client.subscribe("1", "demo", None).await;
    live.publish_unnumbered(&sample("demo", &[("entrance", vec![])])).await;
    let cursor = client.next().await["cursor"].take();
    client.close().await;
    live.publish_unnumbered(&sample("demo", &[("exit", vec![])])).await;
    let mut client = live.client(&["demo"]).await;
    assert_eq!(client.resume(&cursor).await["recovered"], true);
    assert_eq!(cameras(&mut client).await, ["exit"]);
}

#[tokio::test]
async fn what_the_broker_had_to_drop_is_told() {
    let (live, network) = Live::behind_a_network(&["--live-broker-queue", "2"]).await;
    let (mut client, _) = viewer(&live).await;
    network.cut();
    for camera in ["a", "b", "c", "d"] {
        live.show("demo", &[(camera, vec![])]).await;
    }
    network.heal();
    let gap = json!({"type": "gap", "id": "1", "dropped": null, "cameras": [], "reason": "overload"});
    assert_eq!(client.next().await, gap);
    assert_eq!(cameras(&mut client).await, ["c", "d"]);
    assert!(client.has_nothing().await, "it goes on, and nobody starts anew");
    assert!(live.metric("citytrack_live_holes_total") > 0.5);
}
