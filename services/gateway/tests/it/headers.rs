//! Headers on their way through.

use serde_json::Value;

use crate::{
    backend::Backend,
    fixture::{Gateway, pool},
};

/// The values of one header as the server got it.
fn got<'a>(told: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = told["headers"].as_array().unwrap();
    headers
        .iter()
        .filter(|header| header[0] == name)
        .map(|header| header[1].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_request_id_goes_to_the_server_and_back() {
    let a = Backend::start("a").await;
    let gateway = Gateway::start(&["--gateway-pools-console", &pool(&[&a])]).await;
    let response = gateway
        .client
        .get(gateway.url("/"))
        .header("X-Request-Id", "shop-42")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["x-request-id"], "shop-42");
    assert_eq!(got(&response.json().await.unwrap(), "x-request-id"), ["shop-42"]);

    let response = gateway.get("/").await;
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(
        id.split('-').nth(2).map(|part| part.starts_with('7')),
        Some(true),
        "{id} is a UUIDv7"
    );
    assert_eq!(got(&response.json().await.unwrap(), "x-request-id"), [id]);
}

#[tokio::test]
async fn trace_context_is_passed_on_untouched() {
    let a = Backend::start("a").await;
    let gateway = Gateway::start(&["--gateway-pools-console", &pool(&[&a])]).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let get = gateway
        .client
        .get(gateway.url("/"))
        .header("traceparent", parent)
        .header("tracestate", "shop=1");
    let told: Value = get.send().await.unwrap().json().await.unwrap();
    assert_eq!(got(&told, "traceparent"), [parent]);
    assert_eq!(got(&told, "tracestate"), ["shop=1"]);
}

#[tokio::test]
async fn servers_learn_where_a_request_came_from() {
    let a = Backend::start("a").await;
    let gateway = Gateway::start(&["--gateway-pools-console", &pool(&[&a])]).await;
    let get = gateway
        .client
        .get(gateway.url("/"))
        .header("X-Forwarded-For", "6.6.6.6")
        .header("Connection", "keep-alive");
    let told: Value = get.send().await.unwrap().json().await.unwrap();
    assert_eq!(got(&told, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(got(&told, "x-forwarded-proto"), ["http"]);
    assert_eq!(got(&told, "x-forwarded-host"), [gateway.address.to_string()]);
    assert_eq!(got(&told, "host"), [gateway.address.to_string()]);
    assert_eq!(got(&told, "connection"), [""; 0], "hop by hop");
}
