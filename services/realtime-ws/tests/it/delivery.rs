//! What subscribers get.

use citytrack_domain::{Class, Detection};
use citytrack_messages::encode;
use citytrack_testkit::{eventually, person};
use serde_json::json;

use crate::harness::{Live, sample};

fn car() -> Detection {
    Detection {
        class: Class::new("car").unwrap(),
        ..person(0.25, None)
    }
}

#[tokio::test]
async fn a_frame_arrives_as_it_was_sent() {
    let live = Live::start(&[]).await;
    let mut client = live.client(&["demo"]).await;
    client.subscribe("1", "demo", None).await;
    let mut batch = sample("demo", &[("entrance", vec![person(0.5, Some(17)), car()])]);
    batch.frames[0].number = Some(1042);
    live.publish(&batch).await;
    let expected = json!({
        "type": "frame", "id": "1", "venue": "demo", "node": "north", "camera": "entrance", "frame": 1042,
        "captured_at": truncated(batch.frames[0].captured_at), "received_at": truncated(batch.received_at),
        "width": 640, "height": 480,
        "detections": [
            {"class": "person", "confidence": 0.9, "box": [0.5, 0.25, 0.125, 0.5], "track_id": 17},
            {"class": "car", "confidence": 0.9, "box": [0.25, 0.25, 0.125, 0.5]},
        ],
    });
    let mut frame = client.next().await;
    assert!(frame["cursor"].take().is_string());
    frame.as_object_mut().unwrap().remove("cursor");
    assert_eq!(frame, expected);
}

/// The broker carries microseconds.
fn truncated(time: jiff::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(time.as_microsecond()).unwrap()
}

#[tokio::test]
async fn a_bad_batch_among_joined_ones_hides_no_other() {
    let live = Live::start(&[]).await;
    let mut client = live.client(&["demo"]).await;
    client.subscribe("1", "demo", None).await;
    let good = sample("demo", &[("entrance", vec![person(0.5, None)])]);
    // Field 1, a batch of two bytes, whose field 1 (the id) is empty.
    let bad = [0x0a, 0x02, 0x0a, 0x00];
    live.publish_payload("demo", [&bad[..], &encode(&good), &bad[..]].concat())
        .await;
    assert_eq!(client.next().await["camera"], "entrance");
    // The good one and the two bad ones; the broker's connection is as good as before.
    eventually("all three are counted", async || {
        (live.metric("citytrack_live_batches_total") == 3.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn filters_choose_cameras_and_classes() {
    let live = Live::start(&[]).await;
    let mut client = live.client(&["demo"]).await;
    client
        .subscribe(
            "exit",
            "demo",
            Some(json!({"camera": {"in": ["north/exit", "south/entrance"]}})),
        )
        .await;
    client
        .subscribe("cars", "demo", Some(json!({"class": {"in": ["car"]}})))
        .await;
    live.show(
        "demo",
        &[
            ("entrance", vec![person(0.5, None), car()]),
            ("exit", vec![person(0.5, None)]),
        ],
    )
    .await;
    let mut frames = [client.next().await, client.next().await, client.next().await];
    frames.sort_by_key(|frame| (frame["id"].to_string(), frame["camera"].to_string()));
    let [cars_entrance, cars_exit, exit] = frames;
    assert_eq!(exit["id"], "exit");
    assert_eq!(exit["camera"], "exit");
    assert_eq!(exit["detections"].as_array().unwrap().len(), 1);
    assert_eq!(cars_entrance["camera"], "entrance");
    assert_eq!(cars_entrance["detections"][0]["class"], "car");
    assert_eq!(cars_entrance["detections"].as_array().unwrap().len(), 1);
    assert_eq!(
        cars_exit["detections"],
        json!([]),
        "a frame without a match still says so"
    );
    assert!(client.has_nothing().await);
}

#[tokio::test]
async fn every_socket_gets_every_frame_of_its_venues() {
    let live = Live::start(&[]).await;
    let (mut one, mut other) = (live.client(&["demo", "hall"]).await, live.client(&["demo"]).await);
    one.subscribe("a", "demo", None).await;
    one.subscribe("b", "hall", None).await;
    other.subscribe("a", "demo", None).await;
    live.show("demo", &[("entrance", vec![])]).await;
    live.show("hall", &[("stage", vec![])]).await;
    let first = one.next().await;
    assert_eq!(first, other.next().await);
    assert_eq!(one.next().await["camera"], "stage");
    assert!(other.has_nothing().await);
    assert!(
        live.metric("citytrack_live_frames_encoded_total") < 2.5,
        "once for both"
    );
}

#[tokio::test]
async fn the_token_decides_which_venues() {
    let live = Live::start(&[]).await;
    let mut client = live.client(&["demo"]).await;
    client
        .send(&json!({"type": "subscribe", "id": "1", "venue": "hall"}))
        .await;
    let error = client.next().await;
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("error"), &json!("forbidden-venue"))
    );
    assert_eq!(error["id"], "1");
    client.subscribe("1", "demo", None).await;
}

#[tokio::test]
async fn after_unsubscribed_nothing_comes_and_the_venue_is_given_up() {
    let live = Live::start(&["--live-unbind-after", "50ms"]).await;
    let mut client = live.client(&["demo"]).await;
    client.subscribe("1", "demo", None).await;
    live.show("demo", &[("entrance", vec![])]).await;
    assert_eq!(client.next().await["type"], "frame");
    client.send(&json!({"type": "unsubscribe", "id": "1"})).await;
    assert_eq!(client.next().await, json!({"type": "unsubscribed", "id": "1"}));
    let unbound = async || (live.metric("citytrack_live_venues") < 0.5).then_some(());
    citytrack_testkit::eventually("the venue is given up", unbound).await;
    live.show("demo", &[("entrance", vec![])]).await;
    client.subscribe("2", "demo", None).await;
    live.show("demo", &[("exit", vec![])]).await;
    assert_eq!(client.next().await["camera"], "exit");
}

#[tokio::test]
async fn a_batch_that_is_sent_again_is_shown_once() {
    let live = Live::start(&[]).await;
    let mut client = live.client(&["demo"]).await;
    client.subscribe("1", "demo", None).await;
    let batch = live.show("demo", &[("entrance", vec![])]).await;
    live.publish(&batch).await;
    live.show("demo", &[("exit", vec![])]).await;
    assert_eq!(client.next().await["camera"], "entrance");
    assert_eq!(client.next().await["camera"], "exit");
}

#[tokio::test]
async fn a_client_that_reads_too_slowly_is_told_what_it_missed() {
    let live = Live::start(&["--live-queue", "4"]).await;
    let mut slow = live.narrow_client("demo").await;
    let mut fast = live.client(&["demo"]).await;
    slow.subscribe("1", "demo", None).await;
    fast.subscribe("1", "demo", None).await;
    let crowd = vec![person(0.5, Some(1)); 400];
    let mut sent = 0;
    // It takes some megabytes until the buffers between here and there are full.
    while live.metric("citytrack_live_frames_dropped_total") < 3.0 {
        live.show("demo", &[("entrance", crowd.clone())]).await;
        assert_eq!(fast.next().await["type"], "frame");
        sent += 1;
        assert!(sent < 2_000, "nothing was dropped");
    }
    let (mut frames, mut dropped) = (0, 0);
    while frames + dropped < sent {
        let message = slow.next().await;
        match message["type"].as_str() {
            Some("frame") => frames += 1,
            Some("gap") => dropped += message["dropped"].as_u64().unwrap(),
            _ => panic!("{message}"),
        }
    }
    assert_eq!(frames + dropped, sent);
    assert!(dropped >= 3);
    live.show("demo", &[("exit", vec![])]).await;
    assert_eq!(slow.next().await["camera"], "exit", "it goes on");
    assert_eq!(fast.next().await["camera"], "exit");
}

#[tokio::test]
async fn a_message_of_another_type_is_counted_and_not_shown() {
    let live = Live::start(&[]).await;
    let mut client = live.client(&["demo"]).await;
    client.subscribe("1", "demo", None).await;
    let batch = sample("demo", &[("entrance", vec![person(0.5, None)])]);
    live.publish_as("citytrack.detections.v2", &batch).await;
    eventually("it is counted", async || {
        (live.metric("citytrack_live_batches_total") >= 1.0).then_some(())
    })
    .await;
    assert!(client.has_nothing().await);
    live.publish(&batch).await;
    assert_eq!(client.next().await["camera"], "entrance");
}
