//! Web sockets through the gateway.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::{
    backend::Backend,
    fixture::{Gateway, pool},
};

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
