//! Nodes whose clocks are wrong.

use citytrack_domain::Clock;
use citytrack_e2e::{Posted, Setup, System, TrafficPlan};
use citytrack_testkit::eventually;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::Value;

use crate::{
    repeats::{batch, post, sent},
    traffic,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const FIVE_YEARS: SignedDuration = SignedDuration::from_hours(5 * 365 * 24);

/// What a batch is told that is refused for good: each violation as pointer and message.
async fn refused(system: &System, batch: &Posted) -> Vec<(String, String)> {
    let mut body = batch.body();
    body["batch_id"] = batch.id.to_string().into();
    let request = system
        .request(Method::POST, "/api/v1/detections", &batch.key)
        .json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let problem: Value = answer.json().await.unwrap();
    let violations = problem["violations"].as_array().unwrap().iter();
    let text = |violation: &Value, member: &str| violation[member].as_str().unwrap().to_owned();
    let mut told: Vec<_> = violations
        .map(|violation| (text(violation, "pointer"), text(violation, "message")))
        .collect();
    told.sort();
    told
}

/// Too far off, a node is told by how much, and harms nobody.
#[tokio::test]
async fn a_clock_wrong_by_years_or_an_hour_ahead_is_told_and_stores_nothing() {
    let mut system = Setup::new().await.quick().start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;
    let key = system.venue("confused").await;
    let now = Clock::System.now();
    for (clock, message) in [
        (
            now - FIVE_YEARS,
            "lies 1825 days in the past; at most 7 days is accepted",
        ),
        (
            now + FIVE_YEARS,
            "days ahead of the server's clock; at most 5 minutes is accepted",
        ),
        (
            now + HOUR,
            "minutes ahead of the server's clock; at most 5 minutes is accepted",
        ),
    ] {
        let told = refused(&system, &batch(&key, "door", 0, clock)).await;
        let pointers: Vec<_> = told.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/batch_id", "/frames/0/captured_at"]);
        assert!(told.iter().all(|(_, told)| told.contains(message)), "{told:?}");
        // The same clock behind an id that is right, because the server's time was used for it.
        let mut frames_only = batch(&key, "door", 0, now);
        frames_only.frames[0].captured_at = clock;
        let told = refused(&system, &frames_only).await;
        assert_eq!(told[0].0, "/frames/0/captured_at");
    }
    // Where an operator finds it.
    let node = "select id::text from node where venue = 'confused'";
    let client = system.database.client().await.unwrap();
    let node: String = client.query_one(node, &[]).await.unwrap().get(0);
    let ledger = format!("/api/v1/nodes/{node}/ledger");
    eventually("the ledger of the node has every refusal", async || {
        let ledger = system.control(Method::GET, &ledger, &Value::Null).await;
        let invalid = &ledger["refusals"][0];
        let told = invalid["last_detail"].as_str()?.contains("ahead of the server's clock");
        (told && invalid["reason"] == "invalid" && invalid["batches"] == 6).then_some(())
    })
    .await;
    drop(client);

    traffic.accepted_more(50).await;
    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "the others noticed nothing: {:?}", sent.progress);
    system.close_books(&sent, 0).await;
    let theirs = "select count(*) from frame join camera on camera.id = camera_id where camera.name = 'door'";
    assert_eq!(system.number(theirs).await, 0);
}

/// What is accepted is kept as the node says, beside the time of arrival, and can be seen: an hour behind, and an hour ahead
/// where the operator allows that.
#[tokio::test]
async fn a_clock_wrong_by_an_hour_is_kept_and_can_be_seen() {
    let setup = Setup::new().await.quick();
    let setup = setup.set("ingest-api", "CITYTRACK_INGEST__ACCEPT_AHEAD", "2h");
    let mut system = setup.start().await;
    let key = system.venue("demo").await;
    let now = Clock::System.now();
    let clocks = [("behind", now - HOUR), ("right", now), ("ahead", now + HOUR)];
    let batches = clocks.map(|(camera, clock)| batch(&key, camera, 0, clock));
    for batch in &batches {
        post(&system, batch).await;
    }
    let age = |series: &'static str| system.ingest[0].metric("citytrack_ingest_capture_age_seconds_bucket", series);
    assert_eq!(age("le=\"-60\"").await, 1.0, "ahead");
    assert_eq!(age("le=\"60\"").await, 2.0, "right");
    assert_eq!(age("le=\"+Inf\"").await, 3.0, "behind");

    system.close_books(&sent(batches.to_vec()), 0).await;
    let delays = "select distinct camera, round(extract(epoch from delay) / 3600)::bigint from detection order by 2";
    let client = system.database.client().await.unwrap();
    let rows = client.query(delays, &[]).await.unwrap();
    let delays: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let expected = [("ahead", -1), ("right", 0), ("behind", 1)];
    assert_eq!(delays, expected.map(|(camera, hours)| (camera.to_owned(), hours)));
}
