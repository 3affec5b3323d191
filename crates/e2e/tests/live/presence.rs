//! How many watch what, at all instances together.

use citytrack_e2e::Viewer;
use citytrack_testkit::eventually;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{Demo, Frame, setup, taken_everywhere};

/// What an instance or the gateway says.
async fn presence(address: &str, token: &str) -> Value {
    let url = format!("http://{address}/api/v1/live/presence");
    let answer = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

/// Waits until so many watch the venue, as this instance knows.
async fn watched(address: &str, token: &str, venue: &str, watching: u64) {
    eventually(&format!("{watching} watch {venue}"), async || {
        let said = presence(address, token).await;
        let entry = said["venues"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["venue"] == venue)?;
        (entry["watching"] == watching).then_some(())
    })
    .await;
}

#[tokio::test]
async fn all_instances_say_who_watches_what_at_all_of_them() {
    let demo = Demo::start(setup(2).await).await;
    let system = &demo.system;
    system.venue("other").await;
    let other = system.viewer_token("other").await;
    let [first, second] = [0, 1].map(|instance| system.live[instance].http.as_str());
    let mut viewers = Vec::new();
    for (address, token, venue) in [
        (first, &demo.token, "demo"),
        (first, &demo.token, "demo"),
        (second, &demo.token, "demo"),
        (second, &other, "other"),
    ] {
        viewers.push(Viewer::watch(address, token, venue).await);
    }

    for address in [first, second, &system.address, &system.address] {
        watched(address, &demo.token, "demo", 3).await;
        watched(address, &other, "other", 1).await;
        let said = presence(address, &demo.token).await;
        assert_eq!(said, json!({"venues": [{"venue": "demo", "watching": 3}]}));
        let all = presence(address, citytrack_e2e::ADMINISTRATOR).await;
        let venue = &all["venues"][0];
        let mut counts: Vec<_> = venue["instances"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["watching"].as_u64())
            .collect();
        counts.sort_unstable();
        assert_eq!(counts, [Some(1), Some(2)], "{all}");
        let names: Vec<_> = all["venues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|venue| &venue["venue"])
            .collect();
        assert_eq!(names, [&json!("demo"), &json!("other")], "{all}");
    }
    for (instance, watching) in [(0, 2.0), (1, 1.0)] {
        let metric = system.live[instance]
            .metric("citytrack_live_watching", r#"venue="demo""#)
            .await;
        assert_eq!(metric, watching);
    }
    for token in ["", "nonsense"] {
        let answer = system.request(reqwest::Method::GET, "/api/v1/live/presence", token);
        assert_eq!(answer.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }

    viewers.clear();
    eventually("nobody watches any more", async || {
        let said = presence(&system.address, citytrack_e2e::ADMINISTRATOR).await;
        let venues = said["venues"].as_array().unwrap();
        venues.iter().all(|venue| venue["watching"] == 0).then_some(())
    })
    .await;
}

/// A venue costs nothing when nobody watches it, at no instance; who comes back later is told the truth.
#[tokio::test]
async fn only_what_is_watched_is_taken() {
    let setup = setup(2).await.set("realtime-ws", "CITYTRACK_LIVE__UNBIND_AFTER", "1s");
    let demo = Demo::start(setup).await;
    let mut viewer = Viewer::watch(&demo.system.live[0].http, &demo.token, "demo").await;
    taken_everywhere(&demo.system).await;
    demo.post(&Frame::new(1)).await;
    viewer.sees_more(1).await;
    viewer.leave();
    for instance in &demo.system.live {
        eventually("the venue is let go", async || {
            (instance.metric("citytrack_live_venues", "").await == 0.0).then_some(())
        })
        .await;
    }
    demo.post(&Frame::new(2)).await;

    let subscribed = viewer.come_back(std::time::Duration::ZERO).await;
    assert!(!subscribed.recovered, "frame 2 is not known here");
    demo.post(&Frame::new(3)).await;
    viewer.sees_more(1).await;
    assert_eq!(viewer.seen().frames["north/entrance"], [1, 3]);
}
