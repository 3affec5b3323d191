//! One batch all the way: POST → row, POST → socket, POST → counts, and what a revoked key still may.

use citytrack_domain::Clock;
use citytrack_e2e::{System, TokenBy, Viewer, sum};
use citytrack_testkit::eventually;
use reqwest::Method;
use serde_json::{Value, json};

fn body() -> Value {
    json!({ "frames": [{
        "camera": "entrance", "frame": 1, "captured_at": Clock::System.now().to_string(), "width": 640, "height": 480,
        "detections": [
            { "class": "person", "confidence": 0.5, "box": [0.25, 0.25, 0.125, 0.5], "track_id": 17 },
            { "class": "dog", "confidence": 0.75, "box": [0.5, 0.5, 0.25, 0.25] },
        ],
    }] })
}

#[tokio::test]
async fn a_batch_reaches_the_database_the_browser_and_the_counts() {
    let system = System::start(1).await;
    let key = system.venue("demo").await;
    let token = system.viewer_token("demo").await;

    let mut browser = Viewer::open_by(TokenBy::Subprotocol, &system.address, &token).await;
    let filter = json!({ "class": { "in": ["person"] } });
    browser.subscribe(json!({ "venue": "demo", "filter": filter })).await;

    // A node.
    let posted = body();
    let answer = system
        .request(Method::POST, "/api/v1/detections", &key)
        .json(&posted)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    assert!(answer.headers().contains_key("x-request-id"));

    let (told, frame) = browser.hears_json("frame").await;
    assert_eq!(told.source(), "north/entrance");
    assert_eq!(frame["detections"], json!([posted["frames"][0]["detections"][0]]));

    system
        .until("select count(*) from detection where venue = 'demo'", 2)
        .await;
    let counts = system.counts("demo", &token, "bucket=1m").await;
    assert_eq!((sum(&counts, "frames"), sum(&counts, "detections")), (1, 2));
    let dogs = system
        .counts("demo", &token, "bucket=1m&class=dog&camera=north/entrance")
        .await;
    assert_eq!((sum(&dogs, "frames"), sum(&dogs, "detections")), (1, 1));

    // The camera has appeared.
    let cameras = system
        .control(Method::GET, "/api/v1/venues/demo/cameras", &Value::Null)
        .await;
    assert_eq!(cameras["cameras"][0]["name"], "entrance");

    // A revoked key stops working.
    let nodes = system
        .control(Method::GET, "/api/v1/venues/demo/nodes", &Value::Null)
        .await;
    let keys_path = format!("/api/v1/nodes/{}/keys", nodes["nodes"][0]["id"].as_str().unwrap());
    let keys = system.control(Method::GET, &keys_path, &Value::Null).await;
    let key_path = format!("{keys_path}/{}", keys["keys"][0]["id"].as_str().unwrap());
    system.control(Method::DELETE, &key_path, &Value::Null).await;
    eventually("the revoked key is refused", async || {
        let answer = system
            .request(Method::POST, "/api/v1/detections", &key)
            .json(&body())
            .send()
            .await
            .unwrap();
        (answer.status() == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nobody_sees_anything_without_a_token_for_it() {
    let system = System::start(1).await;
    system.venue("demo").await;
    system.venue("other").await;
    let token = system.viewer_token("other").await;
    for (path, token, status) in [
        ("/api/v1/venues/demo/counts", "", 401),
        ("/api/v1/venues/demo/counts", token.as_str(), 403),
        ("/api/v1/venues/demo/cameras", token.as_str(), 403),
        ("/api/v1/venues/demo/nodes", token.as_str(), 403),
        ("/api/v1/live", "", 426), // not even a WebSocket
        ("/api/v1/venues", "", 401),
    ] {
        let answer = system.request(Method::GET, path, token).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
    }
    let home = reqwest::get(system.url("/")).await.unwrap();
    assert_eq!(home.status(), 200);
    assert!(home.text().await.unwrap().contains("CityTrack"));
}
