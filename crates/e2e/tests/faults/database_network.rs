//! The network to the database breaks.

use citytrack_e2e::TrafficPlan;
use reqwest::Method;
use serde_json::json;

use crate::{Break, database_behind_proxy, hold::Hold, traffic};

/// Between worker and database, in the middle of a transaction: the broker keeps the backlog, nodes notice nothing. After
/// the silence PostgreSQL still holds the old transaction with its locks, and the new one must get through.
async fn worker_without_database(fault: Break) {
    let (setup, proxy) = database_behind_proxy("worker").await;
    let mut system = setup.start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    let hold = Hold::workers(&system, 1).await;
    fault.apply(&proxy);
    hold.release().await;
    let why = system.workers[0].not_ready().await;
    assert_ne!(why["checks"]["database"], "ok", "{why}");
    traffic.accepted_more(100).await;
    proxy.heal();

    system.recovered().await;
    traffic.accepted_more(100).await;
    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "nodes noticed nothing: {:?}", sent.progress);
    system.close_books(&sent, 0).await;
}

#[tokio::test]
async fn the_worker_is_cut_off_from_the_database_in_a_transaction() {
    worker_without_database(Break::Cut).await;
}

#[tokio::test]
async fn the_worker_hears_nothing_from_the_database_any_more_in_a_transaction() {
    worker_without_database(Break::Silence).await;
}

/// ingest-api needs the database only for node keys: those it knows stay valid, one it does not know gets 503 and works
/// when the silence is over.
#[tokio::test]
async fn ingest_api_hears_nothing_from_the_database_any_more() {
    let (setup, proxy) = database_behind_proxy("ingest-api").await;
    let mut system = setup.start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    proxy.freeze();
    let unknown = system.venue("later").await;
    let body = json!({ "frames": [{ "camera": "door", "captured_at": citytrack_domain::Clock::System.now().to_string(),
                                    "detections": [] }] });
    let post = async || {
        let request = system.request(Method::POST, "/api/v1/detections", &unknown).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(post().await, 503);
    traffic.accepted_more(100).await;
    proxy.heal();

    citytrack_testkit::eventually("the new key works", async || (post().await == 202).then_some(())).await;
    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "nodes noticed nothing: {:?}", sent.progress);
    system.close_books(&sent, 0).await;
}
