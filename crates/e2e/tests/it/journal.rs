//! The way of a picture is found in the journal, under the trace of the request that sent it.

use std::collections::BTreeSet;

use citytrack_e2e::{ADMINISTRATOR, Setup, photograph};
use citytrack_testkit::eventually;
use reqwest::{Method, StatusCode};
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn a_picture_is_followed_through_the_journal_by_one_trace() {
    let system = Setup::new().await.pictures().role("journal").start().await;
    let key = system.venue("demo").await;
    let picture = photograph();
    let id = uuid::Uuid::now_v7();
    let upload = system
        .request(Method::POST, "/api/v1/images?wait=10s&boxes=[]", &key)
        .header("Idempotency-Key", id.to_string())
        .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
        .body(picture.clone());
    let answer = upload.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.text().await);

    let path = format!("/api/v1/journal?image={id}");
    let journal = eventually("three messages about the picture are noted", async || {
        let answer = system.request(Method::GET, &path, ADMINISTRATOR).send().await.unwrap();
        let journal: Value = answer.json().await.unwrap();
        (journal["entries"].as_array()?.len() == 3).then_some(journal)
    })
    .await;
    let entries = journal["entries"].as_array().unwrap();
    let told = |name: &str| {
        entries
            .iter()
            .map(|entry| entry[name].as_str().unwrap())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(told("trace_id"), BTreeSet::from([TRACE]));
    assert_eq!(told("exchange"), BTreeSet::from(["citytrack.images"]));
    let types = ["upload", "transformed", "answer"].map(|name| format!("citytrack.images.{name}.v1"));
    assert_eq!(told("type"), types.iter().map(String::as_str).collect());
    // The routing key of the answer names who waits; operators of the venue see it all the same.
    assert_eq!(told("venue"), BTreeSet::from(["demo"]));
    let first = entries.last().unwrap();
    assert_eq!(
        (first["routing_key"].as_str(), first["venue"].as_str()),
        (Some("images.uploaded.demo"), Some("demo"))
    );
    assert!(first["size"].as_u64().unwrap() > picture.len() as u64, "{first}");
}
