//! What clients see when servers fail.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::Value;

use crate::{
    backend::Backend,
    fixture::{Gateway, pool},
};

#[tokio::test]
async fn without_a_server_there_is_a_problem_document() {
    let gateway = Gateway::start(&["--gateway-pools-stats", "", "--gateway-pools-console", "127.0.0.1:1"]).await;
    for path in ["/api/v1/venues/demo/counts", "/"] {
        let response = gateway.get(path).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "1");
        assert!(response.headers().contains_key("x-request-id"));
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["type"], "/problems/no-healthy-server");
        assert_eq!(problem["status"], 503);
    }
    gateway
        .counted(r#"citytrack_gateway_failures_total{pool="stats",reason="no-healthy-server"} 1"#)
        .await;
}

/// Many clients, each trying again what failed, while one of two servers is killed under them.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_nothing_of_a_client_that_tries_again() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let gateway = Gateway::start(&["--gateway-pools-ingest-api", &pool(&[&a, &b])]).await;
    let (answered, tried_again) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let client = async |number: usize| {
        for request in 0..100 {
            let body = format!("{number}-{request}");
            loop {
                let post = gateway
                    .client
                    .post(gateway.url("/api/v1/detections"))
                    .body(body.clone());
                let response = post.send().await.expect("the gateway always answers");
                if response.status() == StatusCode::OK {
                    let told: Value = response.json().await.unwrap();
                    assert_eq!(told["body"], body);
                    break;
                }
                // Only a request that the killed server already had cannot be given to another one.
                assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
                tried_again.fetch_add(1, Ordering::Relaxed);
            }
            answered.fetch_add(1, Ordering::Relaxed);
        }
    };
    let clients = join_all((0..16).map(client));
    let killer = async {
        while answered.load(Ordering::Relaxed) < 400 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(a);
    };
    tokio::join!(clients, killer);
    assert_eq!(answered.into_inner(), 1600);
    assert!(
        tried_again.into_inner() <= 16,
        "at most what was in hand at that moment"
    );
    assert!(b.requests() >= 600);
}

/// `/die` breaks the connection on server `a` after the request has arrived.
#[tokio::test]
async fn a_request_that_broke_off_is_repeated_only_when_that_is_harmless() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let gateway = Gateway::start(&["--gateway-pools-console", &pool(&[&a, &b])]).await;
    for _ in 0..4 {
        assert_eq!(gateway.server("/die").await, "b");
    }
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(
            gateway
                .client
                .post(gateway.url("/die"))
                .body("{}")
                .send()
                .await
                .unwrap()
                .status()
                .as_u16(),
        );
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 502, 502], "a POST is not repeated");
    for _ in 0..4 {
        let post = gateway
            .client
            .post(gateway.url("/die"))
            .header("Idempotency-Key", "42")
            .body("{}");
        let response = post.send().await.unwrap();
        assert_eq!(
            response.status(),
            StatusCode::OK,
            "unless its sender says that it may be"
        );
        let told: Value = response.json().await.unwrap();
        assert_eq!(told["body"], "{}");
    }
    assert!(a.requests() > 0);
}

#[tokio::test]
async fn a_silent_server_is_a_time_out() {
    let a = Backend::start("a").await;
    let gateway = Gateway::start(&[
        "--gateway-pools-console",
        &pool(&[&a]),
        "--gateway-upstream-read-timeout",
        "100ms",
    ])
    .await;
    let response = gateway.get("/slow").await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["type"], "/problems/gateway-timeout");
    assert_eq!(
        gateway.server("/").await,
        "a",
        "one slow answer does not take a server out"
    );
}

#[tokio::test]
async fn a_request_head_may_be_too_large() {
    let a = Backend::start("a").await;
    let gateway = Gateway::start(&[
        "--gateway-pools-console",
        &pool(&[&a]),
        "--gateway-max-header-size",
        "1KiB",
    ])
    .await;
    let response = gateway
        .client
        .get(gateway.url("/"))
        .header("x-large", "x".repeat(2000))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(gateway.server("/").await, "a");
}
