//! A node that numbers its batches, and what an operator is told about them.

use citytrack_domain::{BatchId, Clock};
use citytrack_e2e::System;
use citytrack_testkit::eventually;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// A batch with one empty frame, whose id was made `minutes` ago.
fn numbered(stream: Uuid, seq: i64, minutes: i64) -> Value {
    let now = Clock::System.now();
    json!({
        "batch_id": BatchId::generate(now - SignedDuration::from_mins(minutes)).to_string(),
        "stream": stream, "seq": seq,
        "frames": [{ "camera": "entrance", "captured_at": now.to_string(), "detections": [] }],
    })
}

#[tokio::test]
async fn the_ledger_says_exactly_which_batches_never_came() {
    let system = System::start(1).await;
    let key = system.venue("demo").await;
    let post = async |body: &Value| {
        let request = system.request(Method::POST, "/api/v1/detections", &key);
        request.json(body).send().await.unwrap().status().as_u16()
    };
    let stream = Uuid::now_v7();
    // 0 to 2 and 6 arrive, 6 twice; 9 was kept back for ten minutes; 4 is bad; 3, 5, 7 and 8 never come.
    let six = numbered(stream, 6, 0);
    let mut bad = numbered(stream, 4, 0);
    bad["frames"][0]["camera"] = json!("no/camera");
    for body in [2, 0, 1].map(|seq| numbered(stream, seq, 0)) {
        assert_eq!(post(&body).await, 202);
    }
    for body in [&six, &six, &numbered(stream, 9, 10)] {
        assert_eq!(post(body).await, 202);
    }
    assert_eq!(post(&bad).await, 422);
    // One that does not number its batches is not in the ledger.
    let mut plain = numbered(stream, 0, 0);
    plain.as_object_mut().unwrap().retain(|name, _| name == "frames");
    assert_eq!(post(&plain).await, 202);

    let nodes = system
        .control(Method::GET, "/api/v1/venues/demo/nodes", &Value::Null)
        .await;
    let path = format!("/api/v1/nodes/{}/ledger", nodes["nodes"][0]["id"].as_str().unwrap());
    let expected =
        json!({ "received": 7, "stored": 5, "duplicate": 1, "late": 1, "refused": 1, "reused": 0, "missing": 4 });
    let told = eventually("the ledger adds up", async || {
        let told = system.control(Method::GET, &path, &Value::Null).await;
        (told["totals"] == expected).then_some(told)
    })
    .await;
    let [only] = &told["streams"].as_array().unwrap()[..] else {
        panic!("{told}")
    };
    assert_eq!((&only["stream"], &only["highest"]), (&json!(stream), &json!(9)));
    let missing = json!([{ "from": 3, "to": 3 }, { "from": 5, "to": 5 }, { "from": 7, "to": 8 }]);
    assert_eq!(only["missing_ranges"], missing);
    assert_eq!(told["refusals"][0]["reason"], "invalid");

    // What was missing comes after all.
    for seq in [8, 3, 7, 5] {
        assert_eq!(post(&numbered(stream, seq, 0)).await, 202);
    }
    eventually("nothing is missing any more", async || {
        let told = system.control(Method::GET, &path, &Value::Null).await;
        (told["totals"]["missing"] == 0 && told["totals"]["stored"] == 9).then_some(())
    })
    .await;
}
