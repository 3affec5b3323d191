//! Which server gets a request.

use std::collections::BTreeMap;

use crate::{
    backend::Backend,
    fixture::{Gateway, pool, until},
};

#[tokio::test]
async fn every_path_goes_to_its_pool() {
    let [ingest, live, stats, console] = [
        Backend::start("ingest").await,
        Backend::start("live").await,
        Backend::start("stats").await,
        Backend::start("console").await,
    ];
    let gateway = Gateway::start(&[
        "--gateway-pools-ingest-api",
        &pool(&[&ingest]),
        "--gateway-pools-realtime-ws",
        &pool(&[&live]),
        "--gateway-pools-stats",
        &pool(&[&stats]),
        "--gateway-pools-console",
        &pool(&[&console]),
    ])
    .await;
    assert_eq!(gateway.server("/api/v1/detections").await, "ingest");
    assert_eq!(gateway.server("/api/v1/live?venue=demo").await, "live");
    assert_eq!(gateway.server("/api/v1/live/presence").await, "live");
    assert_eq!(gateway.server("/api/v1/venues/demo/counts?bucket=1m").await, "stats");
    assert_eq!(gateway.server("/api/v1/venues/demo/detections").await, "stats");
    assert_eq!(gateway.server("/api/v1/counts?venue=demo").await, "stats");
    assert_eq!(gateway.server("/api/v1/openapi/stats.json").await, "stats");
    assert_eq!(gateway.server("/api/v1/venues/demo").await, "console");
    assert_eq!(gateway.server("/").await, "console");

    let told = gateway.told("/api/v1/venues/a%20b/counts?from=x&to=y").await;
    assert_eq!(told["path"], "/api/v1/venues/a%20b/counts");
    assert_eq!(told["query"], "from=x&to=y");
    gateway
        .counted(r#"citytrack_gateway_requests_total{class="2xx",pool="stats"} 5"#)
        .await;
    gateway
        .counted(r#"citytrack_gateway_requests_total{class="5xx",pool="stats"} 0"#)
        .await;
}

#[tokio::test]
async fn a_body_arrives_whole() {
    let backend = Backend::start("a").await;
    let gateway = Gateway::start(&["--gateway-pools-ingest-api", &pool(&[&backend])]).await;
    let body = "x".repeat(3_000_000);
    let response = gateway
        .client
        .post(gateway.url("/api/v1/detections"))
        .body(body.clone())
        .send()
        .await
        .unwrap();
    let told: serde_json::Value = response.json().await.unwrap();
    assert_eq!(told["method"], "POST");
    assert!(told["body"] == body.as_str());
}

#[tokio::test]
async fn healthy_servers_take_turns() {
    let servers = [
        Backend::start("a").await,
        Backend::start("b").await,
        Backend::start("c").await,
    ];
    let gateway = Gateway::start(&["--gateway-pools-stats", &pool(&servers.each_ref())]).await;
    let mut answers = BTreeMap::<_, usize>::new();
    for _ in 0..30 {
        *answers
            .entry(gateway.server("/api/v1/venues/demo/counts").await)
            .or_default() += 1;
    }
    assert_eq!(answers.into_values().collect::<Vec<_>>(), [10, 10, 10]);
}

#[tokio::test]
async fn a_server_that_is_not_ready_gets_nothing() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let gateway = Gateway::start(&["--gateway-pools-console", &pool(&[&a, &b])]).await;
    a.set_ready(false);
    let down = format!(
        r#"citytrack_gateway_upstream_healthy{{pool="console",server="{}"}} 0"#,
        a.address
    );
    until("the server to be taken out", async || gateway.counts(&down)).await;
    for _ in 0..10 {
        assert_eq!(gateway.server("/").await, "b");
    }
    a.set_ready(true);
    until("the server to come back", async || gateway.server("/").await == "a").await;
}

#[tokio::test]
async fn a_backup_serves_only_while_no_other_can() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let list = format!("{}, {} backup", a.address, b.address);
    let gateway = Gateway::start(&["--gateway-pools-console", &list]).await;
    for _ in 0..10 {
        assert_eq!(gateway.server("/").await, "a");
    }
    let address = a.address;
    drop(a);
    for _ in 0..10 {
        assert_eq!(gateway.server("/").await, "b", "the very first request already");
    }
    let _a = Backend::start_at("a", address).await;
    until("the first server to come back", async || {
        gateway.server("/").await == "a"
    })
    .await;
    let before = b.requests();
    for _ in 0..10 {
        assert_eq!(gateway.server("/").await, "a");
    }
    assert_eq!(b.requests(), before);
}

#[tokio::test]
async fn servers_may_have_names() {
    let a = Backend::start("a").await;
    let list = format!("localhost:{}, no-such-host.invalid:1", a.address.port());
    let gateway = Gateway::start(&["--gateway-pools-console", &list]).await;
    // localhost may stand for an IPv6 address as well, where nobody listens.
    assert_eq!(gateway.server("/").await, "a");
}
