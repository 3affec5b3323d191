//! The end of a gateway.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio_tungstenite::connect_async;

use crate::{
    backend::Backend,
    fixture::{Gateway, pool, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_hand_finish_and_then_it_ends() {
    let (a, live) = (Backend::start("a").await, Backend::start("live").await);
    let gateway = Gateway::start(&[
        "--gateway-pools-console",
        &pool(&[&a]),
        "--gateway-pools-realtime-ws",
        &pool(&[&live]),
    ])
    .await;
    assert_eq!(gateway.server("/").await, "a"); // leaves an idle connection behind
    let (mut socket, _) = connect_async(format!("ws://{}/api/v1/live", gateway.address))
        .await
        .unwrap();

    let slow = async {
        let response = gateway.get("/slow").await;
        assert_eq!(response.status(), 200);
        response.text().await.unwrap();
        Instant::now()
    };
    let stopping = async {
        until("the slow request to arrive", async || a.requests() == 2).await;
        gateway.stop.cancel();
        let refused = async || reqwest::get(gateway.url("/")).await.is_err();
        until("new connections to be refused", refused).await;
        Instant::now()
    };
    let (answered, refused) = tokio::join!(slow, stopping);
    assert!(refused < answered, "the port closes first");
    gateway.ended().await;
    assert!(
        answered.elapsed() < Duration::from_secs(1),
        "and nothing else is waited for"
    );
    assert!(!matches!(socket.next().await, Some(Ok(_))), "the WebSocket is cut");
}
