//! Web sockets through the gateway.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::{
    backend::Backend,
    fixture::{DEADLINE, Gateway, pool},
};

/// Opens a WebSocket, which must work at the first attempt.
async fn open(gateway: &Gateway, headers: &[(&'static str, &str)]) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let address = format!("ws://{}/api/v1/live", gateway.address);
    let mut request = address.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    connect_async(request).await.unwrap().0
}

/// Whether it still answers.
async fn answers(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> bool {
    let sent = socket.send(Message::text("still there?")).await;
    let echo = timeout(DEADLINE, socket.next()).await.expect("an answer or the end");
    sent.is_ok() && matches!(echo, Some(Ok(Message::Text(_))))
}

#[tokio::test]
async fn a_websocket_goes_through_and_outlives_every_time_out() {
    let live = Backend::start("live").await;
    let gateway = Gateway::start(&[
        "--gateway-pools-realtime-ws",
        &pool(&[&live]),
        "--gateway-upstream-read-timeout",
        "100ms",
        "--gateway-client-read-timeout",
        "100ms",
        "--gateway-client-keep-alive",
        "1s",
    ])
    .await;
    let mut request = format!("ws://{}/api/v1/live", gateway.address)
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", "citytrack.v1, bearer.secret".parse().unwrap());
    let (mut socket, response) = connect_async(request).await.unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["sec-websocket-protocol"], "citytrack.v1");
    assert!(response.headers().contains_key("x-request-id"));
    gateway.counted("citytrack_gateway_websockets 1").await;

    for text in ["hello", "after a long silence"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    let large = Message::binary(vec![7; 1_000_000]);
    socket.send(large.clone()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), large);

    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
    gateway.counted("citytrack_gateway_websockets 0").await;
    gateway
        .counted(r#"citytrack_gateway_requests_total{class="1xx",pool="realtime-ws"} 1"#)
        .await;
}

#[tokio::test]
async fn the_handshake_goes_through_unchanged() {
    let live = Backend::start("live").await;
    let gateway = Gateway::start(&["--gateway-pools-realtime-ws", &pool(&[&live])]).await;
    let extensions = "permessage-deflate; client_max_window_bits, x-webkit-deflate-frame";
    let passed_on = [
        ("host", "city.example:8080"),
        ("origin", "https://shop.example"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "citytrack.v1, bearer.secret"),
        ("sec-websocket-extensions", extensions),
    ];
    let lines = passed_on.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let head = format!(
        "GET /api/v1/live HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n{lines}\
         X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n\r\n"
    );
    let mut socket = TcpStream::connect(gateway.address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(timeout(DEADLINE, socket.read_u8()).await.unwrap().unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    for line in [
        format!("sec-websocket-extensions: {extensions}"),
        "sec-websocket-protocol: citytrack.v1".to_owned(),
        "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=".to_owned(),
    ] {
        assert!(answer.lines().any(|told| told == line), "{line} is not in {answer}");
    }

    let told = live.handshake();
    let got = |name: &str| {
        told.get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect::<Vec<_>>()
    };
    for (name, value) in passed_on {
        assert_eq!(got(name), [value], "{name}");
    }
    assert_eq!(got("x-forwarded-for"), ["127.0.0.1"], "the gateway's own word");
    assert_eq!(got("forwarded"), [""; 0]);
}

#[tokio::test]
async fn of_a_stopped_server_every_new_socket_opens_at_another() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let servers = pool(&[&a, &b]);
    // The checks will not notice.
    let patient = ["--gateway-health-failures", "1000000"];
    let gateway = Gateway::start(&[&["--gateway-pools-realtime-ws", servers.as_str()], &patient[..]].concat()).await;
    for _ in 0..4 {
        open(&gateway, &[]).await;
    }
    assert_eq!((a.requests(), b.requests()), (2, 2), "they take turns");
    drop(a);
    for _ in 0..10 {
        assert!(answers(&mut open(&gateway, &[]).await).await);
    }
    assert_eq!(b.requests(), 12);
    gateway
        .counted(r#"citytrack_gateway_retries_total{pool="realtime-ws"} 1"#)
        .await;
}

/// `x-die` breaks the connection on server `a` after the request has arrived.
#[tokio::test]
async fn of_a_server_that_dies_over_a_handshake_the_socket_opens_at_another() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let gateway = Gateway::start(&["--gateway-pools-realtime-ws", &pool(&[&a, &b])]).await;
    for _ in 0..4 {
        assert!(answers(&mut open(&gateway, &[("x-die", "1")]).await).await);
    }
    assert!(a.requests() > 0);
    assert_eq!(b.requests(), 4);
}

#[tokio::test]
async fn of_a_full_server_the_socket_opens_at_another() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let gateway = Gateway::start(&["--gateway-pools-realtime-ws", &pool(&[&a, &b])]).await;
    a.fill_up();
    for _ in 0..4 {
        assert!(answers(&mut open(&gateway, &[]).await).await);
    }
    assert!(a.requests() > 0);
    assert_eq!(b.requests(), 4);

    b.fill_up();
    let before = a.requests() + b.requests();
    let listen = gateway.client.get(gateway.url("/api/v1/live"));
    let answer = listen.header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(
        answer.status(),
        503,
        "the servers' own answer, when there is no place at all"
    );
    assert!(["a", "b"].contains(&answer.text().await.unwrap().as_str()));
    assert_eq!(a.requests() + b.requests(), before + 4, "four attempts");
}

#[tokio::test]
async fn a_server_that_is_stopping_keeps_its_sockets_and_gets_no_new_ones() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let gateway = Gateway::start(&["--gateway-pools-realtime-ws", &pool(&[&a, &b])]).await;
    let mut open_before = [open(&gateway, &[]).await, open(&gateway, &[]).await];
    a.set_ready(false);
    let server = a.address;
    let down = format!(r#"citytrack_gateway_upstream_healthy{{pool="realtime-ws",server="{server}"}} 0"#);
    gateway.counted(&down).await;
    for _ in 0..4 {
        assert!(answers(&mut open(&gateway, &[]).await).await);
    }
    assert_eq!((a.requests(), b.requests()), (1, 5));
    for socket in &mut open_before {
        assert!(answers(socket).await);
    }
    drop(a);
    let [one, other] = &mut open_before;
    let still = [answers(one).await, answers(other).await];
    assert!(
        still.contains(&true) && still.contains(&false),
        "only those of the server that is gone are cut"
    );
}
