//! Long exports through the gateway.

use reqwest::{Response, header::ACCEPT};
use tokio::time::timeout;

use crate::{
    backend::Backend,
    fixture::{DEADLINE, Gateway, pool},
};

/// An answer that goes on for as long as the server likes.
async fn begin(gateway: &Gateway, path: &str) -> Response {
    let request = gateway.client.get(gateway.url(path));
    let response = request.header(ACCEPT, "text/event-stream").send();
    timeout(DEADLINE, response)
        .await
        .expect("the head comes first")
        .unwrap()
}

async fn piece(answer: &mut Response) -> Result<Option<String>, reqwest::Error> {
    let piece = timeout(DEADLINE, answer.chunk()).await.expect("something comes");
    Ok(piece?.map(|piece| String::from_utf8(piece.to_vec()).unwrap()))
}

#[tokio::test]
async fn an_export_may_be_silent_for_longer_than_others_and_is_not_gathered() {
    let stats = Backend::start("stats").await;
    let servers = pool(&[&stats]);
    let gateway = Gateway::start(&[
        "--gateway-pools-stats",
        &servers,
        "--gateway-upstream-read-timeout",
        "100ms",
        "--gateway-client-read-timeout",
        "100ms",
        "--gateway-client-keep-alive",
        "1s",
    ])
    .await;
    let mut export = begin(&gateway, "/api/v1/venues/demo/detections?format=csv").await;
    // Three other answers, one after the other, are given up for their silence while the export is just as silent.
    for _ in 0..3 {
        let mut other = begin(&gateway, "/api/v1/venues/demo/counts").await;
        assert!(piece(&mut other).await.is_err(), "it broke off");
    }
    for text in ["one\n", "two\n"] {
        stats.tell(text);
        assert_eq!(piece(&mut export).await.unwrap().as_deref(), Some(text));
    }
    drop(stats);
    assert!(piece(&mut export).await.is_err(), "what broke off does not look whole");
}
