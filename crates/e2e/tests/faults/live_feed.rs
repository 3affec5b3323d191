//! The live feed loses the broker and finds it again, by itself. What came meanwhile lies in its queue: viewers miss nothing.

use std::time::Duration;

use citytrack_e2e::{Traffic, TrafficPlan, Viewer};

use crate::{Break, broker_behind_proxy, traffic};

/// Sockets stay open, and nobody is told anything, because there is nothing to tell: every frame comes, only later.
async fn live_feed_without_broker(fault: Break) {
    let (setup, proxy) = broker_behind_proxy("realtime-ws").await;
    let mut system = setup.start().await;
    let key = system.venue("demo").await;
    let token = system.viewer_token("demo").await;
    let mut viewer = Viewer::watch(&system.address, &token, "demo").await;
    let traffic = Traffic::start(&system.url(""), &[key], &TrafficPlan::default());
    viewer.sees_more(50).await;

    fault.apply(&proxy);
    let why = system.live[0].not_ready().await;
    assert_ne!(why["checks"]["broker"], "ok", "{why}");
    traffic.accepted_more(50).await;
    proxy.heal();

    viewer.sees_more(100).await;
    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "nodes noticed nothing: {:?}", sent.progress);
    let all = sent.numbers().values().map(Vec::len).sum();
    viewer.sees("every frame", |seen| seen.count() >= all).await;
    viewer.catches_up().await;
    assert_eq!(viewer.seen().frames, sent.numbers());
    assert_eq!(viewer.seen().recovered, [false], "told once, at the beginning");
    assert_eq!(viewer.seen().gaps.len(), 0);
    system.close_books(&sent, 0).await;
}

#[tokio::test]
async fn the_live_feed_is_cut_off_from_the_broker() {
    live_feed_without_broker(Break::Cut).await;
}

#[tokio::test]
async fn the_live_feed_hears_nothing_from_the_broker_any_more() {
    live_feed_without_broker(Break::Silence).await;
}

/// It was away for so long that the broker has given up its queue: viewers are told that they start anew.
#[tokio::test]
async fn the_queue_of_the_live_feed_is_gone() {
    let (setup, proxy) = broker_behind_proxy("realtime-ws").await;
    let mut system = setup.start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;
    let token = system.viewer_token("demo").await;
    let mut viewer = Viewer::watch(&system.address, &token, "demo").await;
    viewer.sees_more(50).await;

    proxy.cut();
    system.live[0].not_ready().await;
    system.lose_live_queues().await;
    traffic.accepted_more(50).await;
    proxy.heal();

    viewer.hears("subscribed").await;
    assert_eq!(viewer.seen().recovered, [false, false]);
    // What came in between is lost; from here on nothing is.
    viewer.forget();
    viewer.sees_more(100).await;
    viewer.seen().assert_contiguous();
    let sent = traffic.stop().await;
    system.close_books(&sent, 0).await;
}

/// More came meanwhile than the queue of the instance holds: nobody knows how much is missing, and that is what is told.
#[tokio::test]
async fn the_queue_of_the_live_feed_overflows() {
    let (setup, proxy) = broker_behind_proxy("realtime-ws").await;
    let setup = setup.set("realtime-ws", "CITYTRACK_LIVE__BROKER_QUEUE", "30");
    let mut system = setup.start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;
    let token = system.viewer_token("demo").await;
    let [mut viewer, mut away] = [
        Viewer::watch(&system.address, &token, "demo").await,
        Viewer::watch(&system.address, &token, "demo").await,
    ];
    for viewer in [&mut viewer, &mut away] {
        viewer.sees_more(50).await;
    }
    away.leave();

    proxy.cut();
    system.live[0].not_ready().await;
    traffic.accepted_more(100).await;
    proxy.heal();

    let gap = viewer.hears("gap").await;
    assert_eq!(
        (gap.reason.as_str(), gap.dropped, gap.cameras.len()),
        ("overload", None, 0)
    );
    assert_eq!(viewer.seen().doubles(), 0);
    viewer.forget();
    viewer.sees_more(100).await;
    assert!(
        !away.come_back(Duration::ZERO).await.recovered,
        "nobody can say what was missed"
    );
    let sent = traffic.stop().await;
    system.close_books(&sent, 0).await;
}
