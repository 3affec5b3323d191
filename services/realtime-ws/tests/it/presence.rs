//! How many watch which venue, at all instances.

use citytrack_testkit::eventually;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::{Live, token};

const ADMINISTRATOR: &str = "the administrator of a city, in tests";

async fn ask(live: &Live, token: &str) -> (u16, Value) {
    let url = format!("http://{}/api/v1/live/presence", live.address);
    let answer = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_watchers_at_all_instances_are_counted() {
    let settings = |name| ["--live-instance", name, "--administrator-token", ADMINISTRATOR];
    let here = Live::start(&settings("here")).await;
    let there = here.start_beside(&settings("there")).await;
    let (mut one, mut two) = (here.client(&["demo"]).await, there.client(&["demo", "hall"]).await);
    one.subscribe("1", "demo", None).await;
    two.subscribe("1", "demo", None).await;
    two.subscribe("2", "hall", None).await;
    let both = json!([{"instance": "here", "watching": 1}, {"instance": "there", "watching": 1}]);
    let demo = json!({"venue": "demo", "watching": 2, "instances": both});
    let hall = json!({"venue": "hall", "watching": 1, "instances": [{"instance": "there", "watching": 1}]});
    for live in [&here, &there] {
        eventually("everybody knows of everybody", async || {
            let (status, answer) = ask(live, ADMINISTRATOR).await;
            assert_eq!(status, 200);
            (answer == json!({"venues": [demo, hall]})).then_some(())
        })
        .await;
    }
    let viewer = token(&["demo"], SignedDuration::from_hours(1));
    assert_eq!(
        ask(&here, &viewer).await,
        (200, json!({"venues": [{"venue": "demo", "watching": 2}]})),
        "a viewer sees its own venues"
    );
    assert_eq!(ask(&here, "nonsense").await.0, 401);
    two.close().await;
    eventually("who left is not counted", async || {
        let (_, answer) = ask(&here, ADMINISTRATOR).await;
        (answer["venues"][0]["watching"] == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_an_administrator_viewers_alone_can_ask() {
    let live = Live::start(&[]).await;
    assert_eq!(ask(&live, ADMINISTRATOR).await.0, 401);
    assert_eq!(
        ask(&live, &token(&["demo"], SignedDuration::from_hours(1))).await.0,
        200
    );
}
