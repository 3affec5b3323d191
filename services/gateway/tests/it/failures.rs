//! What clients see when servers fail.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    backend::Backend,
    fixture::{DEADLINE, Gateway, pool, until},
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

/// `/die` and `x-die` break the connection on server `a` after the request has arrived.
#[tokio::test]
async fn a_request_that_broke_off_is_repeated_only_when_that_is_harmless() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let servers = pool(&[&a, &b]);
    let gateway = Gateway::start(&[
        "--gateway-pools-console",
        &servers,
        "--gateway-pools-ingest-api",
        &servers,
    ])
    .await;
    for _ in 0..4 {
        assert_eq!(gateway.server("/die").await, "b");
    }
    let post = |path: &str| gateway.client.post(gateway.url(path)).header("x-die", "1").body("{}");
    for request in [
        post("/"),
        post("/").header("Idempotency-Key", "42"),
        post("/api/v1/detections"),
    ] {
        let mut statuses = Vec::new();
        for _ in 0..4 {
            let response = request.try_clone().unwrap().send().await.unwrap();
            if response.status() == StatusCode::BAD_GATEWAY {
                assert_eq!(response.headers()["retry-after"], "1");
            }
            statuses.push(response.status().as_u16());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 502, 502], "a POST is not repeated");
    }
    for _ in 0..4 {
        let response = post("/api/v1/detections")
            .header("Idempotency-Key", "42")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK, "unless ingest-api knows it again");
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
    assert_eq!(response.headers()["retry-after"], "1");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["type"], "/problems/gateway-timeout");
    assert_eq!(
        gateway.server("/").await,
        "a",
        "one slow answer does not take a server out"
    );
}

#[tokio::test]
async fn an_overloaded_pool_goes_on_serving() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let gateway = Gateway::start(&[
        "--gateway-pools-console",
        &pool(&[&a, &b]),
        "--gateway-health-timeout",
        "50ms",
    ])
    .await;
    let healthy = |backend: &Backend, value: u8| {
        let server = backend.address;
        format!(r#"citytrack_gateway_upstream_healthy{{pool="console",server="{server}"}} {value}"#)
    };
    b.set_ready(false);
    gateway.counted(&healthy(&b, 0)).await;
    a.slow_down();
    gateway.counted(&healthy(&a, 0)).await;
    for _ in 0..4 {
        assert_eq!(
            gateway.server("/").await,
            "a",
            "the slow one, and not the one that says that it cannot"
        );
    }
    b.slow_down();
    until("both are only slow", async || gateway.server("/").await == "b").await;
    drop(a);
    for _ in 0..4 {
        assert_eq!(gateway.server("/").await, "b");
    }
}

#[tokio::test]
async fn a_server_with_a_full_backlog_is_asked_again() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut full = Vec::new();
    while let Ok(connection) = timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
        full.push(connection.unwrap());
    }
    let gateway = Gateway::start(&[
        "--gateway-pools-console",
        &address.to_string(),
        "--gateway-upstream-connect-timeout",
        "100ms",
        "--gateway-health-timeout",
        "100ms",
    ])
    .await;
    let response = gateway.get("/").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    // Freeing the port is what the server being less busy looks like.
    drop((full, listener));
    let _a = Backend::start_at("a", address).await;
    until("it serves again", async || {
        gateway.get("/").await.status() == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn a_request_head_may_not_take_for_ever() {
    let a = Backend::start("a").await;
    let gateway = Gateway::start(&[
        "--gateway-pools-console",
        &pool(&[&a]),
        "--gateway-client-head-timeout",
        "300ms",
    ])
    .await;
    let mut socket = TcpStream::connect(gateway.address).await.unwrap();
    // Two quick requests first: the limit is for each head, and neither for bodies and answers nor for the idle connection.
    for path in ["/slow", "/"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 4096];
        let length = socket.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let started = Instant::now();
    while socket.write_all(b"G").await.is_ok() {
        assert!(started.elapsed() < DEADLINE, "the connection is still open");
        let closed = timeout(Duration::from_millis(20), socket.read(&mut [0; 64])).await;
        if closed.is_ok() {
            break;
        }
    }
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(gateway.server("/").await, "a");
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
