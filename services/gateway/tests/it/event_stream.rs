//! Event streams through the gateway.

use std::time::Duration;

use reqwest::{Response, header::ACCEPT};
use tokio::time::{sleep, timeout};

use crate::{
    backend::Backend,
    fixture::{DEADLINE, Gateway, pool, until},
};

async fn listen(gateway: &Gateway) -> Response {
    let request = gateway.client.get(gateway.url("/api/v1/live?venue=demo"));
    let response = request.header(ACCEPT, "text/event-stream").send();
    let response = timeout(DEADLINE, response).await;
    response.expect("the head comes before the first event").unwrap()
}

async fn heard(stream: &mut Response) -> Option<String> {
    let chunk = timeout(DEADLINE, stream.chunk()).await.expect("something is told");
    chunk
        .ok()
        .flatten()
        .map(|chunk| String::from_utf8(chunk.to_vec()).unwrap())
}

#[tokio::test]
async fn every_event_comes_at_once_and_comments_keep_the_stream_open() {
    let live = Backend::start("live").await;
    let gateway = Gateway::start(&[
        "--gateway-pools-realtime-ws",
        &pool(&[&live]),
        "--gateway-upstream-read-timeout",
        "2s",
        "--gateway-client-read-timeout",
        "100ms",
        "--gateway-client-keep-alive",
        "1s",
    ])
    .await;
    let mut stream = listen(&gateway).await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    gateway.counted("citytrack_gateway_event_streams 1").await;
    // Each is told only after the one before has been heard: nothing waits in a buffer.
    for text in ["id: 1\ndata: x\n\n", "id: 2\ndata: y\n\n"] {
        assert_eq!(live.tell(text), 1);
        assert_eq!(heard(&mut stream).await.as_deref(), Some(text));
    }
    // Together longer than every time-out.
    for _ in 0..6 {
        sleep(Duration::from_millis(500)).await;
        assert_eq!(live.tell(":\n\n"), 1);
        assert_eq!(heard(&mut stream).await.as_deref(), Some(":\n\n"));
    }
    assert!(gateway.counts(r#"citytrack_gateway_request_duration_seconds_count{pool="realtime-ws"} 0"#));
    drop(stream);
    gateway.counted("citytrack_gateway_event_streams 0").await;
    until("the server to notice that the client is gone", async || {
        live.tell("x") == 0
    })
    .await;
    assert!(gateway.counts(r#"citytrack_gateway_request_duration_seconds_count{pool="realtime-ws"} 0"#));
}

#[tokio::test]
async fn a_server_that_is_silent_for_too_long_ends_it() {
    let live = Backend::start("live").await;
    let servers = pool(&[&live]);
    let impatient = ["--gateway-upstream-read-timeout", "100ms"];
    let gateway = Gateway::start(&[&["--gateway-pools-realtime-ws", servers.as_str()], &impatient[..]].concat()).await;
    let mut stream = listen(&gateway).await;
    assert_eq!(heard(&mut stream).await, None);
    gateway.counted("citytrack_gateway_event_streams 0").await;
}

#[tokio::test]
async fn it_ends_with_its_server_and_begins_again_at_another() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let gateway = Gateway::start(&["--gateway-pools-realtime-ws", &pool(&[&a, &b])]).await;
    let mut streams = [listen(&gateway).await, listen(&gateway).await];
    assert_eq!((a.tell("a"), b.tell("b")), (1, 1), "they take turns");
    for stream in &mut streams {
        let server = heard(stream).await.unwrap();
        assert!(["a", "b"].contains(&server.as_str()));
    }
    drop(a);
    // Of the one, nothing more comes; the other goes on.
    let mut again = listen(&gateway).await;
    assert_eq!(b.tell("still b"), 2);
    assert_eq!(heard(&mut again).await.as_deref(), Some("still b"));
    let [one, other] = &mut streams;
    let heard = [heard(one).await, heard(other).await];
    assert!(
        heard.contains(&None) && heard.contains(&Some("still b".to_owned())),
        "{heard:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_does_not_wait_for_its_end() {
    let live = Backend::start("live").await;
    let gateway = Gateway::start(&["--gateway-pools-realtime-ws", &pool(&[&live])]).await;
    let mut stream = listen(&gateway).await;
    gateway.counted("citytrack_gateway_event_streams 1").await;
    gateway.stop.cancel();
    gateway.ended().await;
    assert_eq!(heard(&mut stream).await, None, "it is cut");
}
