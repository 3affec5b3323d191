//! How sockets end.

use std::time::Duration;

use citytrack_testkit::{eventually, person};
use jiff::SignedDuration;
use serde_json::json;

use crate::harness::{Live, token};

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let live = Live::start(&[]).await;
    let mut request = live.request();
    let bearer = format!("Bearer {}", token(&["demo"], SignedDuration::from_secs(2)));
    request.headers_mut().insert("authorization", bearer.parse().unwrap());
    let mut client = live.connect(request).await.unwrap();
    client.subscribe("1", "demo", None).await;
    assert_eq!(client.close_code().await, 4401);
}

#[tokio::test]
async fn mistakes_are_answered_and_garbage_ends_the_socket() {
    let live = Live::start(&["--live-bad-messages", "2", "--live-message-size", "1KiB"]).await;
    let mut client = live.client(&["demo"]).await;
    client.send_text("hello").await;
    assert_eq!(client.next().await["code"], "invalid-json");
    client.send(&json!({"type": "hello", "id": "x"})).await;
    let error = client.next().await;
    assert_eq!((&error["code"], &error["id"]), (&json!("unknown-type"), &json!("x")));
    client.send_text("hello").await;
    assert_eq!(client.close_code().await, 4400);

    let mut client = live.client(&["demo"]).await;
    client.send_text(&"x".repeat(1025)).await;
    assert_eq!(client.close_code().await, 4400);
}

#[tokio::test]
async fn at_shutdown_sockets_are_told_to_come_back_and_the_process_ends() {
    let live = Live::start(&["--live-close-window", "200ms"]).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = live.client(&["demo"]).await;
        client.subscribe("1", "demo", None).await;
        clients.push(client);
    }
    live.stop.cancel();
    for client in &mut clients {
        assert_eq!(client.close_code().await, 1012);
    }
    drop(clients);
    live.shut_down().await;
}

#[tokio::test]
async fn a_socket_that_takes_nothing_is_closed_and_forgotten() {
    let live = Live::start(&["--live-queue", "4", "--live-slow-after", "300ms"]).await;
    let mut stuck = live.narrow_client("demo").await;
    stuck.subscribe("1", "demo", None).await;
    let closed = async || (live.metric("citytrack_live_sessions_closed_total") > 0.5).then_some(());
    let crowd = vec![person(0.5, Some(1)); 400];
    while live.metric("citytrack_live_frames_dropped_total") < 1.0 {
        live.show("demo", &[("entrance", crowd.clone())]).await;
    }
    eventually("the stuck socket is given up", closed).await;
    let forgotten = async || (live.metric("citytrack_live_subscriptions") < 0.5).then_some(());
    eventually("its subscription is forgotten", forgotten).await;
    let slow = live
        .registry
        .gather()
        .into_iter()
        .find(|f| f.name() == "citytrack_live_sessions_closed_total")
        .unwrap();
    let slow = slow
        .get_metric()
        .iter()
        .find(|metric| metric.get_label()[0].value() == "slow")
        .unwrap()
        .clone();
    assert!(slow.get_counter().get_value() > 0.5);
    assert_eq!(stuck.close_code().await, 4408, "it learns why when it reads again");
}

#[tokio::test]
async fn silent_sockets_are_pinged_and_dead_ones_given_up() {
    let live = Live::start(&["--live-ping-interval", "50ms", "--live-dead-after", "300ms"]).await;
    let mut alive = live.client(&["demo"]).await;
    let dead = live.client(&["demo"]).await; // reads nothing, so it answers no ping
    let given_up = async || (live.metric("citytrack_live_sessions_closed_total") > 0.5).then_some(());
    tokio::select! {
        () = eventually("the dead socket is given up", given_up) => {}
        message = alive.next() => panic!("{message}"),
    }
    assert!(
        tokio::time::timeout(Duration::from_secs(5), alive.has_nothing())
            .await
            .unwrap()
    );
    drop(dead);
}

#[tokio::test]
async fn a_frame_that_was_begun_comes_whole_before_the_goodbye() {
    let live = Live::start(&["--live-queue", "4", "--live-slow-after", "300ms"]).await;
    let mut stuck = live.narrow_client("demo").await;
    stuck.subscribe("1", "demo", None).await;
    // Larger than the network holds on its way, so that the socket is stuck within a frame.
    let crowd = vec![person(0.5, Some(1)); 20_000];
    let closed = async || (live.metric("citytrack_live_sessions_closed_total") > 0.5).then_some(());
    for _ in 0..8 {
        live.show("demo", &[("entrance", crowd.clone())]).await;
    }
    eventually("the stuck socket is given up", closed).await;
    let mut frames = 0;
    let code = stuck
        .until_closed(|message| {
            frames += 1;
            assert_eq!(message["detections"].as_array().unwrap().len(), crowd.len());
        })
        .await;
    assert_eq!(code, 4408);
    assert!(frames > 0, "the one that was begun");
}
