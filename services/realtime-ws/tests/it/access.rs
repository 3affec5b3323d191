//! Tokens that come later, pages of other sites, and how many sockets one may have.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, handshake::client::Request};

use crate::harness::{Live, token};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Status and problem of a refused handshake.
async fn refused(live: &Live, request: Request) -> (u16, Value) {
    let Err(Error::Http(answer)) = live.connect(request).await else {
        panic!("it is not refused")
    };
    let problem: Value = serde_json::from_slice(answer.body().as_deref().unwrap_or_default()).unwrap();
    if answer.status() == 429 {
        assert!(answer.headers().contains_key("retry-after"));
    }
    (answer.status().as_u16(), problem["type"].clone())
}

fn with(mut request: Request, name: &'static str, value: &str) -> Request {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

#[tokio::test]
async fn a_token_may_be_the_first_message_and_be_replaced_later() {
    let live = Live::start(&[]).await;
    let mut client = live.connect(live.request()).await.unwrap();
    client
        .send(&json!({"type": "subscribe", "id": "1", "venue": "demo"}))
        .await;
    assert_eq!(client.next().await["code"], "not-authenticated");
    client
        .send(&json!({"type": "authenticate", "token": token(&["demo"], SignedDuration::from_secs(3))}))
        .await;
    let answer = client.next().await;
    assert_eq!(
        (&answer["type"], &answer["venues"]),
        (&json!("authenticated"), &json!(["demo"]))
    );
    assert_eq!(client.next().await["type"], "expiring");
    client.subscribe("1", "demo", None).await;
    client
        .send(&json!({"type": "authenticate", "token": token(&["demo"], SignedDuration::from_secs(5))}))
        .await;
    assert_eq!(client.next().await["type"], "authenticated");
    live.show("demo", &[("entrance", vec![])]).await;
    assert_eq!(client.close_code().await, 4401, "the new token ends, too");
}

#[tokio::test]
async fn who_shows_no_token_in_time_is_sent_away() {
    let live = Live::start(&["--live-authenticate-within", "100ms"]).await;
    let mut client = live.connect(live.request()).await.unwrap();
    assert_eq!(client.close_code().await, 4401);
}

#[tokio::test]
async fn pages_of_other_sites_need_a_permission() {
    let live = Live::start(&["--live-origins", "https://friend.example,https://other.example"]).await;
    let request = || live.request_with(&token(&["demo"], HOUR));
    let evil = with(request(), "origin", "https://evil.example");
    assert_eq!(refused(&live, evil).await, (403, json!("/problems/forbidden-origin")));
    let own = format!("http://{}", live.address);
    for origin in ["https://friend.example", "https://other.example", &own] {
        let mut client = live.connect(with(request(), "origin", origin)).await.unwrap();
        assert!(client.has_nothing().await, "{origin}");
    }
    let live = Live::start(&["--live-origins", "*"]).await;
    let any = with(
        live.request_with(&token(&["demo"], HOUR)),
        "origin",
        "https://evil.example",
    );
    assert!(live.connect(any).await.is_ok());
}

#[tokio::test]
async fn sockets_are_counted_for_each_token() {
    let live = Live::start(&["--live-sockets-per-token", "1"]).await;
    let [one, other] = [(); 2].map(|()| token(&["demo"], HOUR));
    let first = live.connect(live.request_with(&one)).await.unwrap();
    assert_eq!(
        refused(&live, live.request_with(&one)).await,
        (429, json!("/problems/too-many-sockets"))
    );
    let _second = live.connect(live.request_with(&other)).await.unwrap();
    let mut late = live.connect(live.request()).await.unwrap();
    late.send(&json!({"type": "authenticate", "token": one})).await;
    assert_eq!(late.next().await["code"], "too-many-sockets");
    first.close().await;
    citytrack_testkit::eventually("the place is free", async || {
        live.connect(live.request_with(&one)).await.ok()
    })
    .await;
}

#[tokio::test]
async fn sockets_are_counted_for_each_address_that_a_trusted_proxy_names() {
    let limit = ["--live-sockets-per-address", "1"];
    let live = Live::start(&[&limit[..], &["--http-trusted-proxies", "127.0.0.0/8"]].concat()).await;
    let from = |address: &str| with(live.request_with(&token(&["demo"], HOUR)), "x-forwarded-for", address);
    let _first = live.connect(from("192.0.2.1")).await.unwrap();
    assert_eq!(refused(&live, from("192.0.2.1")).await.0, 429);
    let _second = live.connect(from("192.0.2.2")).await.unwrap();

    let live = Live::start(&[&limit[..], &["--http-trusted-proxies", "10.0.0.7"]].concat()).await;
    let from = |address: &str| with(live.request_with(&token(&["demo"], HOUR)), "x-forwarded-for", address);
    let _first = live.connect(from("192.0.2.1")).await.unwrap();
    let answer = refused(&live, from("192.0.2.2")).await;
    assert_eq!(
        answer,
        (429, json!("/problems/too-many-sockets")),
        "nobody else is believed"
    );
}
