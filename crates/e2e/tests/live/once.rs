//! A batch that a node sends again is shown once; what comes late is said to be late, and is not the latest.

use std::time::Duration;

use citytrack_e2e::{TrafficPlan, Viewer};
use serde_json::json;

use crate::{Demo, Frame, setup, taken_everywhere};

const CAMERA: &str = "north/entrance";

#[tokio::test]
async fn a_batch_that_is_sent_again_is_shown_once() {
    let demo = Demo::start(setup(2).await.ingest(2)).await;
    let mut viewers = Vec::new();
    for instance in &demo.system.live {
        viewers.push(Viewer::watch(&instance.http, &demo.token, "demo").await);
    }
    // The answer was lost, so the node tries again, at whichever ingest-api.
    let twice = Frame::new(1);
    for ingest in [0, 0, 1, 0] {
        demo.post_to(&demo.system.ingest[ingest].http, &twice).await;
    }
    demo.post(&Frame::new(2)).await;
    for ingest in &demo.system.ingest {
        demo.post_to(&ingest.http, &twice).await;
        demo.post_to(&ingest.http, &Frame::new(3)).await;
    }
    for viewer in &mut viewers {
        viewer.sees_more(4).await;
        viewer.catches_up().await;
        assert_eq!(
            viewer.seen().frames[CAMERA],
            [1, 2, 3, 3],
            "two batches may have the same number"
        );
    }
}

/// The node did not get its answer, because everything ended at that moment: what is in the hands of a killed instance comes
/// to it again and is not forgotten either.
#[tokio::test]
async fn a_batch_that_is_sent_again_after_a_restart_is_shown_once() {
    let mut demo = Demo::start(setup(1).await).await;
    let mut viewer = Viewer::watch(&demo.system.address, &demo.token, "demo").await;
    let twice = Frame::new(1);
    demo.post(&twice).await;
    viewer.sees_more(1).await;
    for process in [&mut demo.system.live[0], &mut demo.system.ingest[0]] {
        process.kill();
        process.restart();
    }
    demo.system.recovered().await;
    assert!(viewer.hears_the_end().await.is_none());
    assert!(viewer.come_back(Duration::ZERO).await.recovered);
    demo.post(&twice).await;
    demo.post(&Frame::new(2)).await;
    viewer.sees_more(1).await;
    viewer.catches_up().await;
    assert_eq!(viewer.seen().frames[CAMERA], [1, 2]);
}

/// Nobody knows what a killed ingest-api has published, so nodes send it again through the other one, while viewers change
/// between the instances.
#[tokio::test]
async fn killed_publishers_and_viewers_on_the_move() {
    let mut demo = Demo::start(setup(2).await.ingest(2)).await;
    let mut viewer = Viewer::watch(&demo.system.address, &demo.token, "demo").await;
    taken_everywhere(&demo.system).await;
    let traffic = demo.traffic(&TrafficPlan {
        nodes: 12,
        batches_per_second: 80,
        ..TrafficPlan::default()
    });
    for round in 0..6 {
        traffic.accepted_more(20).await;
        demo.system.ingest[round % 2].kill();
        viewer.leave();
        traffic.accepted_more(10).await;
        demo.system.ingest[round % 2].restart();
        assert!(viewer.come_back(Duration::ZERO).await.recovered, "round {round}");
        viewer.sees_more(20).await;
        demo.system.ingest[round % 2].ready().await;
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
async fn what_comes_late_is_marked_and_never_the_latest() {
    let demo = Demo::start(setup(1).await).await;
    let mut every = Viewer::watch(&demo.system.address, &demo.token, "demo").await;
    let mut current = Viewer::open(&demo.system.address, &demo.token).await;
    current.subscribe(json!({ "venue": "demo", "backlog": false })).await;
    demo.post(&Frame::new(500)).await;
    every.sees_more(1).await;
    assert_eq!(every.seen().backlog, 0);

    // A node empties its spool of ten minutes ago.
    let spool = TrafficPlan {
        captured_ago: Duration::from_mins(10),
        nodes: 1,
        ..TrafficPlan::default()
    };
    let traffic = demo.traffic(&spool);
    traffic.accepted_more(20).await;
    let mut sent = traffic.stop().await.numbers();
    let late: usize = sent.values().map(Vec::len).sum();
    demo.post(&late_frame(100)).await;
    demo.post(&Frame::new(501)).await;

    every.sees_more(late + 2).await;
    sent.insert(CAMERA.to_owned(), vec![500, 100, 501]);
    assert_eq!(every.seen().frames, sent);
    assert_eq!(every.seen().backlog, late + 1);
    current.sees_more(2).await;
    current.catches_up().await;
    assert_eq!(current.seen().frames[CAMERA], [500, 501]);
    assert_eq!(current.seen().count(), 2);

    demo.post(&late_frame(101)).await;
    every.sees_more(1).await;
    let late = Viewer::watch(&demo.system.address, &demo.token, "demo").await;
    assert_eq!(late.seen().snapshot[CAMERA], 501);
}

/// Taken ten minutes ago.
fn late_frame(number: i64) -> Frame {
    Frame {
        captured_ago: Duration::from_mins(10),
        ..Frame::new(number)
    }
}
