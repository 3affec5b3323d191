//! The live feed loses the broker and finds it again: no promise depends on it, but it must come back by itself.

use citytrack_e2e::{System, TrafficPlan};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{Break, broker_behind_proxy, traffic};

/// A browser that watches the venue `demo`.
struct Browser(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Browser {
    async fn open(system: &System) -> Self {
        let token = system.viewer_token("demo").await;
        let mut request = format!("ws://{}/api/v1/live", system.address)
            .into_client_request()
            .unwrap();
        let protocols = format!("citytrack.v1, bearer.{token}");
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocols.parse().unwrap());
        let (mut socket, _) = connect_async(request).await.unwrap();
        let subscribe = json!({ "type": "subscribe", "id": "1", "venue": "demo" });
        socket.send(Message::text(subscribe.to_string())).await.unwrap();
        Self(socket)
    }

    /// Waits for a message of this type.
    async fn sees(&mut self, kind: &str) {
        let seen = async {
            while let Some(message) = self.0.next().await {
                let message = message.unwrap();
                if let Ok(text) = message.to_text()
                    && serde_json::from_str::<Value>(text).is_ok_and(|value| value["type"] == kind)
                {
                    return;
                }
            }
            panic!("the socket was closed before {kind}");
        };
        let limit = std::time::Duration::from_secs(15);
        timeout(limit, seen)
            .await
            .unwrap_or_else(|_| panic!("no {kind} within {limit:?}"));
    }
}

/// Sockets stay open; when the feed is back they are told so (`subscribed`), since something may have been missed.
async fn live_feed_without_broker(fault: Break) {
    let (setup, proxy) = broker_behind_proxy("realtime-ws").await;
    let mut system = setup.start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;
    let mut browser = Browser::open(&system).await;
    browser.sees("subscribed").await;
    browser.sees("frame").await;

    fault.apply(&proxy);
    let why = system.realtime_ws.not_ready().await;
    assert_ne!(why["checks"]["broker"], "ok", "{why}");
    proxy.heal();

    browser.sees("subscribed").await;
    browser.sees("frame").await;
    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "nodes noticed nothing: {:?}", sent.progress);
    system.close_books(&sent, 0).await;
}

#[tokio::test]
async fn the_live_feed_is_cut_off_from_the_broker() {
    live_feed_without_broker(Break::Cut).await;
}

#[tokio::test]
async fn the_live_feed_hears_nothing_from_the_broker_any_more() {
    live_feed_without_broker(Break::Silence).await;
}
