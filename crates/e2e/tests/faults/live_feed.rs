//! The live feed loses the broker and finds it again: no promise depends on it, but it must come back by itself.

use citytrack_e2e::{TrafficPlan, Viewer};

use crate::{Break, broker_behind_proxy, traffic};

/// Sockets stay open; when the feed is back they are told so (`subscribed`), since something may have been missed.
async fn live_feed_without_broker(fault: Break) {
    let (setup, proxy) = broker_behind_proxy("realtime-ws").await;
    let mut system = setup.start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;
    let token = system.viewer_token("demo").await;
    let mut viewer = Viewer::watch(&system.address, &token, "demo").await;
    viewer.sees_more(1).await;

    fault.apply(&proxy);
    let why = system.live[0].not_ready().await;
    assert_ne!(why["checks"]["broker"], "ok", "{why}");
    proxy.heal();

    viewer.hears("subscribed").await;
    viewer.sees_more(1).await;
    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "nodes noticed nothing: {:?}", sent.progress);
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
