//! Who comes in the middle gets the latest frame of each camera, and from there on every frame.

use std::time::Duration;

use citytrack_e2e::{TrafficPlan, Viewer};
use serde_json::json;

use crate::{Demo, Frame, setup};

#[tokio::test]
async fn between_the_snapshot_and_the_stream_nothing_is_missing_or_double() {
    let demo = Demo::start(setup(2).await).await;
    let traffic = demo.traffic(&TrafficPlan::default());
    let mut first = Viewer::watch(&demo.system.live[0].http, &demo.token, "demo").await;
    first.sees("every camera", |seen| seen.frames.len() == 4).await;

    let mut viewers = Vec::new();
    for _ in 0..20 {
        viewers.push(Viewer::watch(&demo.system.live[0].http, &demo.token, "demo").await);
    }
    for viewer in &mut viewers {
        viewer.sees_more(100).await;
        let seen = viewer.seen();
        assert_eq!((seen.snapshot.len(), seen.frames.len()), (4, 4), "{:?}", seen.snapshot);
        seen.assert_contiguous();
    }
    let sent = traffic.stop().await;
    let last: std::collections::BTreeMap<_, _> = sent
        .numbers()
        .into_iter()
        .map(|(camera, numbers)| (camera, *numbers.last().unwrap()))
        .collect();
    first
        .sees("the last frames", |seen| {
            let shown = |(camera, number): (&String, &i64)| seen.frames[camera].last() == Some(number);
            last.iter().all(shown)
        })
        .await;
    let late = Viewer::watch(&demo.system.live[0].http, &demo.token, "demo").await;
    assert_eq!(late.seen().snapshot, last);
}

#[tokio::test]
async fn a_snapshot_says_how_old_it_is_and_obeys_the_filter() {
    let demo = Demo::start(setup(1).await).await;
    let mut first = Viewer::watch(&demo.system.address, &demo.token, "demo").await;
    let entrance = Frame {
        captured_ago: Duration::from_secs(20),
        classes: vec!["person", "dog"],
        ..Frame::new(1)
    };
    let exit = Frame {
        camera: "exit",
        ..Frame::new(7)
    };
    demo.post(&entrance).await;
    demo.post(&exit).await;
    first.sees_more(2).await;

    let mut viewer = Viewer::open(&demo.system.address, &demo.token).await;
    let filter = json!({ "and": [{ "camera": { "in": ["entrance"] } }, { "class": { "in": ["dog"] } }] });
    let wish = json!({ "type": "subscribe", "id": "1", "venue": "demo", "filter": filter });
    viewer.send(&wish).await.unwrap();
    let (told, text) = viewer.hears_json("subscribed").await;
    let [frame] = &told.snapshot[..] else { panic!("{text}") };
    assert_eq!((frame.source().as_str(), frame.frame), ("north/entrance", Some(1)));
    assert!((20.0..60.0).contains(&frame.age.unwrap()), "{text}");
    let detections = text["snapshot"][0]["detections"].as_array().unwrap();
    assert_eq!(detections.len(), 1, "{text}");
    assert_eq!(detections[0]["class"], "dog");
}
