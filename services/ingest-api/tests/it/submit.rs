//! Good requests.

use std::io::Write as _;

use citytrack_domain::BatchId;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::harness::{Harness, body, now, take};

#[tokio::test]
async fn what_is_answered_202_is_in_the_queue_as_it_was_posted() {
    let harness = Harness::start(&[]).await;
    let mut queue = harness.queue();
    let id = BatchId::generate(now());
    let mut body = body();
    body["batch_id"] = json!(id.to_string());
    let answer = harness.post(&body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(
        answer,
        json!({ "batch_id": id.to_string(), "frames": 1, "detections": 1 })
    );
    let batches = take(&mut queue, 1).await;
    let [batch] = &batches[..] else { panic!("{batches:?}") };
    assert_eq!(batch.id, id);
    assert_eq!(batch.source.id, harness.node);
    assert_eq!(
        (batch.source.venue.as_str(), batch.source.node.as_str()),
        ("demo", "north")
    );
    assert_eq!(batch.frames[0].number, Some(1042));
    assert_eq!(batch.frames[0].detections[0].track_id, Some(17));
    assert_eq!(batch.agent, None, "the client of these tests does not say what it is");
}

#[tokio::test]
async fn what_the_node_runs_goes_along() {
    let harness = Harness::start(&[]).await;
    let mut queue = harness.queue();
    let (long, cut) = ("7".repeat(101), "7".repeat(100));
    for (agent, kept) in [("citytrack-node/0.1.0", "citytrack-node/0.1.0"), (&long, &cut)] {
        let answer = harness.post(&body()).header("User-Agent", agent).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        let batches = take(&mut queue, 1).await;
        assert_eq!(batches[0].agent.as_ref().unwrap().as_str(), kept);
    }
}

#[tokio::test]
async fn the_server_makes_an_id_where_the_node_gives_none() {
    let harness = Harness::start(&[]).await;
    let answer: Value = harness.post(&body()).send().await.unwrap().json().await.unwrap();
    assert!(BatchId::parse(answer["batch_id"].as_str().unwrap()).is_ok(), "{answer}");
    let id = BatchId::generate(now()).to_string();
    let answer = harness
        .post(&body())
        .header("Idempotency-Key", &id)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["batch_id"], id);
}

#[tokio::test]
async fn bodies_may_be_compressed_with_gzip_and_zstd() {
    let harness = Harness::start(&[]).await;
    let json = body().to_string();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(json.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(json.as_bytes(), 3).unwrap();
    for (encoding, bytes) in [("gzip", gzip), ("zstd", zstd), ("identity", json.into_bytes())] {
        let request = harness
            .request()
            .bearer_auth(&harness.key)
            .header("Content-Encoding", encoding);
        let answer = request
            .header("Content-Type", "application/json; charset=utf-8")
            .body(bytes)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 202, "{encoding}");
    }
}

#[tokio::test]
async fn many_at_once_are_all_confirmed_and_all_there() {
    let harness = Harness::start(&[]).await;
    let mut queue = harness.queue();
    let requests = (0..200).map(|_| harness.post(&body()).send());
    for answer in futures_util::future::join_all(requests).await {
        assert_eq!(answer.unwrap().status(), 202);
    }
    let mut ids: Vec<_> = take(&mut queue, 200).await.into_iter().map(|batch| batch.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 200);
}
