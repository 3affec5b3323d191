//! Who may open a socket, and how they say so.

use jiff::SignedDuration;
use serde_json::Value;
use tokio_tungstenite::tungstenite::{Error, http::StatusCode};

use crate::harness::{Live, token};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn status(error: &Error) -> (StatusCode, Value) {
    let Error::Http(answer) = error else {
        panic!("{error:?}")
    };
    let body = answer.body().as_deref().unwrap_or_default();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    (answer.status(), serde_json::from_slice(body).unwrap_or_default())
}

#[tokio::test]
async fn without_a_good_token_there_is_no_socket() {
    let live = Live::start(&[]).await;
    let expired = token(&["demo"], SignedDuration::from_secs(-5));
    for authorization in ["Bearer nonsense".to_owned(), format!("Bearer {expired}")] {
        let mut request = live.request();
        request
            .headers_mut()
            .insert("authorization", authorization.parse().unwrap());
        let error = live.connect(request).await.err().unwrap();
        assert_eq!(status(&error).0, StatusCode::UNAUTHORIZED, "{authorization:?}");
    }
}

#[tokio::test]
async fn browsers_bring_the_token_as_a_subprotocol() {
    let live = Live::start(&[]).await;
    let mut request = live.request();
    let protocols = format!("citytrack.v1, bearer.{}", token(&["demo"], HOUR));
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocols.parse().unwrap());
    // The client checks that one of its subprotocols was selected.
    let mut client = live.connect(request).await.unwrap();
    client.subscribe("1", "demo", None).await;

    let mut request = live.request();
    let protocols = format!("bearer.{}", token(&["demo"], HOUR));
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocols.parse().unwrap());
    let error = live.connect(request).await.err().unwrap();
    assert_eq!(status(&error).0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_no_handshake_is_told_so() {
    let live = Live::start(&[]).await;
    let url = format!("http://{}/api/v1/live", live.address);
    let client = reqwest::Client::new();
    let plain = client.get(&url).send().await.unwrap();
    assert_eq!(
        (plain.status().as_u16(), &plain.headers()["upgrade"]),
        (426, &"websocket".parse().unwrap())
    );
    assert_eq!(
        plain.json::<Value>().await.unwrap()["type"],
        "/problems/upgrade-required"
    );
    let authorized = client.get(&url).bearer_auth(token(&["demo"], HOUR));
    let no_key = authorized
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .send()
        .await
        .unwrap();
    assert_eq!(no_key.status(), 400);
    assert_eq!(
        no_key.headers()["connection"],
        "close",
        "the next request needs another connection"
    );
    assert_eq!(
        no_key.json::<Value>().await.unwrap()["type"],
        "/problems/invalid-handshake"
    );
    let post = client.post(&url).send().await.unwrap();
    assert_eq!(
        (post.status().as_u16(), &post.headers()["allow"]),
        (405, &"GET".parse().unwrap())
    );
}

#[tokio::test]
async fn one_socket_more_than_allowed_is_refused_until_another_ends() {
    let live = Live::start(&["--live-sockets", "1"]).await;
    let first = live.client(&["demo"]).await;
    let mut request = live.request();
    let bearer = format!("Bearer {}", token(&["demo"], HOUR));
    request.headers_mut().insert("authorization", bearer.parse().unwrap());
    let error = live.connect(request.clone()).await.err().unwrap();
    assert_eq!(status(&error).0, StatusCode::SERVICE_UNAVAILABLE);
    first.close().await;
    citytrack_testkit::eventually("the place is free", async || live.connect(request.clone()).await.ok()).await;
}
