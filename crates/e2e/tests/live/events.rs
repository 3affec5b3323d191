//! The same feed as Server-Sent Events: for people behind proxies, and for `curl -N`.

use std::process::Stdio;

use citytrack_e2e::{Event, EventStream};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::{Demo, Frame, setup, taken_everywhere};

fn number(event: &Event) -> i64 {
    event.data["frame"].as_i64().unwrap()
}

#[tokio::test]
async fn events_are_frames_and_their_ids_resume() {
    let demo = Demo::start(setup(2).await).await;
    let address = &demo.system.address;
    let mut stream = EventStream::open(address, &demo.token, "venue=demo", None).await;
    let subscribed = stream.hears("subscribed").await;
    assert_eq!(subscribed.data["recovered"], false);
    assert_eq!(subscribed.id.as_deref(), subscribed.data["cursor"].as_str());
    taken_everywhere(&demo.system).await;
    demo.post(&Frame::new(1)).await;
    let frame = stream.hears("frame").await;
    assert_eq!((number(&frame), &frame.data["id"]), (1, &json!("1")));
    assert_eq!(frame.id.as_deref(), frame.data["cursor"].as_str());
    drop(stream);

    for missed in 2..=4 {
        demo.post(&Frame::new(missed)).await;
    }
    // `since` is older than what the browser says by itself.
    let query = format!("venue=demo&since={}", subscribed.id.unwrap());
    for (last, expected) in [(None, 1..=4), (frame.id.as_deref(), 2..=4)] {
        let mut stream = EventStream::open(address, &demo.token, &query, last).await;
        assert_eq!(stream.hears("subscribed").await.data["recovered"], true);
        for missed in expected {
            assert_eq!(number(&stream.hears("frame").await), missed);
        }
    }
}

#[tokio::test]
async fn an_event_stream_ends_with_its_instance_and_goes_on_after_it() {
    let mut demo = Demo::start(setup(1).await).await;
    let address = demo.system.address.clone();
    let mut stream = EventStream::open(&address, &demo.token, "venue=demo", None).await;
    demo.post(&Frame::new(1)).await;
    let last = stream.hears("frame").await.id;
    assert!(demo.system.live[0].terminate().await.success());
    while let Some(event) = stream.next().await {
        assert_ne!(event.name, "frame");
    }
    demo.post(&Frame::new(2)).await;
    demo.system.live[0].restart();
    demo.system.recovered().await;
    demo.post(&Frame::new(3)).await;
    let mut stream = EventStream::open(&address, &demo.token, "venue=demo", last.as_deref()).await;
    assert_eq!(stream.hears("subscribed").await.data["recovered"], true);
    for missed in [2, 3] {
        assert_eq!(number(&stream.hears("frame").await), missed);
    }
}

#[tokio::test]
async fn a_query_filters_events() {
    let demo = Demo::start(setup(1).await).await;
    let query = "venue=demo&camera=north/entrance,yard&class=dog&empty=false&backlog=false";
    let mut stream = EventStream::open(&demo.system.address, &demo.token, query, None).await;
    stream.hears("subscribed").await;
    let dogs = |camera, number| Frame {
        camera,
        classes: vec!["person", "dog"],
        ..Frame::new(number)
    };
    let late = Frame {
        captured_ago: std::time::Duration::from_mins(10),
        ..dogs("entrance", 3)
    };
    for frame in [Frame::new(1), dogs("exit", 2), late, dogs("yard", 4)] {
        demo.post(&frame).await;
    }
    let frame = stream.hears("frame").await;
    assert_eq!(number(&frame), 4);
    assert_eq!(frame.data["detections"].as_array().unwrap().len(), 1);
    assert_eq!(frame.data["detections"][0]["class"], "dog");
}

#[tokio::test]
async fn curl_shows_the_live_feed() {
    let demo = Demo::start(setup(1).await).await;
    let mut curl = Command::new("curl")
        .args(["-sN", "-H", "Accept: text/event-stream", "-H"])
        .arg(format!("Authorization: Bearer {}", demo.token))
        .arg(demo.system.url("/api/v1/live?venue=demo"))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("curl is installed");
    let mut lines = BufReader::new(curl.stdout.take().unwrap()).lines();
    let mut until = async |wanted: &str| loop {
        let line = tokio::time::timeout(std::time::Duration::from_secs(10), lines.next_line());
        let line = line.await.expect(wanted).unwrap().expect(wanted);
        if line.starts_with(wanted) {
            return line;
        }
    };
    until("event: subscribed").await;
    demo.post(&Frame::new(1)).await;
    until("event: frame").await;
    let data = until("data: ").await;
    assert!(data.contains(r#""camera":"entrance""#), "{data}");
}
