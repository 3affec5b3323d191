//! A viewer that was away goes on where it was, at any instance, or is told that it cannot.

use std::time::Duration;

use citytrack_e2e::{System, Traffic, TrafficPlan, Viewer};
use citytrack_testkit::eventually;
use serde_json::{Value, json};

use crate::{Demo, Frame, setup, taken_everywhere};

/// Away from the first instance while frames come, back at the second, which has no viewers of its own.
async fn resumes_elsewhere(demo: Demo, start: impl AsyncFn(&Demo) -> Vec<Traffic>) {
    let [first, second] = [0, 1].map(|instance| demo.system.live[instance].http.clone());
    let mut viewer = Viewer::watch(&first, &demo.token, "demo").await;
    taken_everywhere(&demo.system).await;
    let traffic = start(&demo).await;
    viewer.sees_more(50).await;
    viewer.leave();
    for traffic in &traffic {
        traffic.accepted_more(30).await;
    }

    viewer.address = second;
    assert!(viewer.come_back(Duration::ZERO).await.recovered);
    viewer.sees_more(20).await;
    let mut expected = std::collections::BTreeMap::new();
    for traffic in traffic {
        expected.extend(traffic.stop().await.numbers());
    }
    let all = expected.values().map(Vec::len).sum();
    viewer
        .sees(&format!("all {all} frames"), |seen| seen.count() >= all)
        .await;
    viewer.catches_up().await;
    assert_eq!(viewer.seen().frames, expected);
    assert_eq!(viewer.seen().recovered, [false, true]);
}

#[tokio::test]
async fn exactly_what_was_missed_comes_at_another_instance() {
    let demo = Demo::start(setup(2).await).await;
    resumes_elsewhere(demo, async |demo| vec![demo.traffic(&TrafficPlan::default())]).await;
}

/// What comes through two ingest-api may reach the two instances in a different order.
#[tokio::test]
async fn the_same_with_two_ingest_apis_at_once() {
    let demo = Demo::start(setup(2).await.ingest(2)).await;
    let start = async |demo: &Demo| {
        let keys = std::slice::from_ref(&demo.key);
        let of = |ingest: &citytrack_e2e::Process| {
            Traffic::start(&format!("http://{}", ingest.http), keys, &TrafficPlan::default())
        };
        demo.system.ingest.iter().map(of).collect()
    };
    resumes_elsewhere(demo, start).await;
}

/// Through the gateway, again and again: however the turns fall.
#[tokio::test]
async fn whoever_comes_and_goes_sees_every_frame_once() {
    let demo = Demo::start(setup(3).await.ingest(2)).await;
    let mut viewer = Viewer::watch(&demo.system.address, &demo.token, "demo").await;
    taken_everywhere(&demo.system).await;
    let traffic = demo.traffic(&TrafficPlan::default());
    for frames in [30, 1, 17, 2, 40, 3] {
        viewer.sees_more(frames).await;
        viewer.leave();
        traffic.accepted_more(5).await;
        assert!(viewer.come_back(Duration::ZERO).await.recovered);
    }
    let expected = traffic.stop().await.numbers();
    let all = expected.values().map(Vec::len).sum();
    viewer
        .sees(&format!("all {all} frames"), |seen| seen.count() >= all)
        .await;
    viewer.catches_up().await;
    assert_eq!(viewer.seen().frames, expected);
}

#[tokio::test]
async fn who_was_away_for_too_long_starts_anew() {
    let setup = setup(1).await.set("realtime-ws", "CITYTRACK_LIVE__HISTORY", "8");
    let demo = Demo::start(setup).await;
    let mut viewer = Viewer::watch(&demo.system.address, &demo.token, "demo").await;
    demo.post(&Frame::new(1)).await;
    viewer.sees_more(1).await;
    viewer.leave();
    for number in 2..=40 {
        demo.post(&Frame::new(number)).await;
    }

    eventually("the ring holds the last frame", async || {
        let mut other = Viewer::watch(&demo.system.address, &demo.token, "demo").await;
        other.catches_up().await;
        (other.seen().snapshot.get("north/entrance") == Some(&40)).then_some(())
    })
    .await;
    let subscribed = viewer.come_back(Duration::ZERO).await;
    assert!(!subscribed.recovered);
    assert_eq!(viewer.seen().snapshot["north/entrance"], 40);
    demo.post(&Frame::new(41)).await;
    viewer.sees_more(1).await;
    assert_eq!(viewer.seen().frames["north/entrance"], [1, 41]);
}

/// Cursors of before everything was set up anew: of publishers and places that nobody knows any more.
#[tokio::test]
async fn a_cursor_that_nobody_knows_starts_anew() {
    let mut demo = Demo::start(setup(1).await).await;
    let mut viewer = Viewer::watch(&demo.system.address, &demo.token, "demo").await;
    demo.post(&Frame::new(1)).await;
    viewer.sees_more(1).await;
    viewer.leave();

    forget_everything(&mut demo.system).await;
    let mut other = Viewer::watch(&demo.system.address, &demo.token, "demo").await;
    demo.post(&Frame::new(2)).await;
    other.sees_more(1).await;
    let subscribed = viewer.come_back(Duration::ZERO).await;
    assert!(!subscribed.recovered);
    assert_eq!(viewer.seen().snapshot["north/entrance"], 2);
}

/// New publishers, and a live feed without its queue.
async fn forget_everything(system: &mut System) {
    system.ingest[0].kill();
    system.live[0].kill();
    system.lose_live_queues().await;
    system.ingest[0].restart();
    system.live[0].restart();
    system.recovered().await;
}

#[tokio::test]
async fn a_cursor_that_is_none_is_an_error() {
    let demo = Demo::start(setup(1).await).await;
    let mut viewer = Viewer::open(&demo.system.address, &demo.token).await;
    for cursor in ["", "nonsense", "AAAA", "%%%", &"A".repeat(4000)] {
        let wish = json!({ "type": "subscribe", "id": "9", "venue": "demo", "since": cursor });
        viewer.send(&wish).await.unwrap();
        let (told, text) = viewer.next().await.unwrap();
        assert_eq!(
            (told.kind.as_str(), told.code.as_str()),
            ("error", "invalid-cursor"),
            "{cursor}: {text}"
        );
        let text: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(text["id"], "9");
    }
    viewer.subscribe(json!({ "venue": "demo" })).await;
}
