//! Slow viewers, on purpose or not: they are told what they do not get, and nobody else notices.

use std::time::{Duration, Instant};

use citytrack_e2e::{Audience, TrafficPlan, Viewer};
use citytrack_testkit::eventually_within;
use serde_json::json;

use crate::{Demo, gentle, setup};

const PATIENCE: Duration = Duration::from_secs(20);
const SLOW: u16 = 4408;

/// All watch the same cameras; the stuck one wants others too, whose frames are so large that the network does not take them
/// for it for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stuck_among_a_thousand_delays_nobody() {
    let setup = setup(1).await.set("realtime-ws", "CITYTRACK_LIVE__SLOW_AFTER", "3s");
    let demo = Demo::start(setup).await;
    let instance = &demo.system.live[0];
    let large = demo.traffic(&TrafficPlan {
        nodes: 1,
        batches_per_second: 20,
        frames: 1,
        detections_per_frame: 400,
        ..TrafficPlan::default()
    });
    let wish = json!({ "venue": "demo", "filter": { "not": { "camera": { "in": large.cameras() } } } });
    let mut audience = Audience::gather(999, &instance.http, &demo.token, &wish).await;
    let small = demo.traffic(&gentle(4));
    audience.sees_more(999).await;
    let before = instance.peak_memory();

    let mut stuck = Viewer::open_narrow(&instance.http, &demo.token).await;
    for id in 0..8 {
        let subscribe = json!({ "type": "subscribe", "id": format!("again-{id}"), "venue": "demo" });
        stuck.send(&subscribe).await.unwrap();
    }
    stuck.subscribe(json!({ "venue": "demo" })).await;
    // From here on it reads nothing.
    eventually_within(PATIENCE, "the stuck viewer is closed", async || {
        (instance.metric("citytrack_live_sessions_closed_total", "slow").await == 1.0).then_some(())
    })
    .await;
    audience.sees_more(999).await;
    large.stop().await;
    let sent = small.stop().await;
    let seen = audience.saw_everything(&sent).await;
    assert!(seen.iter().all(|seen| seen.closed.is_empty()));
    let more = instance.peak_memory() - before;
    assert!(more < 32 << 20, "{more} bytes more");
    // What is still on its way to it may hold the reason, if there was room for it.
    let code = stuck.hears_the_end().await;
    assert!(matches!(code, None | Some(SLOW)), "{code:?}");
}

/// A browser that was busy for a while is told how much it has not seen, and goes on with the newest.
#[tokio::test]
async fn who_reads_again_is_told_what_gave_way() {
    let setup = setup(1)
        .await
        .set("realtime-ws", "CITYTRACK_LIVE__SLOW_AFTER", "20s")
        .set("realtime-ws", "CITYTRACK_LIVE__QUEUE", "20");
    let demo = Demo::start(setup).await;
    let instance = &demo.system.live[0];
    let mut busy = Viewer::open_narrow(&instance.http, &demo.token).await;
    busy.subscribe(json!({ "venue": "demo" })).await;
    let traffic = demo.traffic(&TrafficPlan {
        nodes: 2,
        batches_per_second: 60,
        frames: 1,
        detections_per_frame: 400,
        ..TrafficPlan::default()
    });
    instance
        .metric_above_zero("citytrack_live_frames_dropped_total", "")
        .await;
    let sent = traffic.stop().await.numbers();

    let all: usize = sent.values().map(Vec::len).sum();
    busy.sees("every frame is shown or told", |seen| seen.accounted() >= all)
        .await;
    busy.catches_up().await;
    let seen = busy.seen();
    assert_eq!(seen.accounted(), all, "{:?}", seen.gaps);
    assert!(
        seen.gaps
            .iter()
            .all(|gap| gap.reason == "slow" && !gap.cameras.is_empty()),
        "{:?}",
        seen.gaps
    );
    assert_eq!((seen.doubles(), seen.closed.len()), (0, 0));
    for (camera, numbers) in &sent {
        let shown = &seen.frames[camera];
        assert_eq!(shown.last(), numbers.last(), "the newest of {camera}");
        assert!(shown.is_sorted(), "{shown:?}");
    }
}

#[tokio::test]
async fn who_wants_two_frames_a_second_gets_the_newest_of_each_camera() {
    let demo = Demo::start(setup(1).await).await;
    let address = &demo.system.address;
    let mut every = Viewer::watch(address, &demo.token, "demo").await;
    let mut few = Viewer::open(address, &demo.token).await;
    let started = Instant::now();
    few.subscribe(json!({ "venue": "demo", "max_rate": 2 })).await;
    let traffic = demo.traffic(&gentle(40));
    every.sees_more(160).await;
    let sent = traffic.stop().await.numbers();

    let all: usize = sent.values().map(Vec::len).sum();
    few.sees("every frame is shown or told", |seen| seen.accounted() >= all)
        .await;
    few.catches_up().await;
    let most = 2 * (usize::try_from(started.elapsed().as_secs()).unwrap() + 2);
    let seen = few.seen();
    assert_eq!(seen.accounted(), all);
    assert!(
        seen.gaps.iter().all(|gap| gap.reason == "rate" && gap.id == "1"),
        "{:?}",
        seen.gaps
    );
    for (camera, numbers) in &sent {
        let shown = &seen.frames[camera];
        assert!((2..=most).contains(&shown.len()), "{shown:?}");
        assert_eq!(shown.last(), numbers.last(), "the newest of {camera}");
    }
    every.sees("everything", |seen| seen.count() == all).await;
    assert_eq!(every.seen().frames, sent, "others are not touched by it");
}
