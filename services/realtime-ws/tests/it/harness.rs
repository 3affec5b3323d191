//! A running service, with a broker of its own, and clients for it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use citytrack_access::{CameraLimits, ViewerTokens};
use citytrack_broker::{Message, Publisher, topology::DETECTIONS};
use citytrack_common::{Lifecycle, settings::from_args};
use citytrack_domain::{Batch, Clock, Detection, Frame, NodeIdentity, Slug};
use citytrack_messages::{SCHEMA, encode, routing_key};
use citytrack_realtime_ws::{App, Settings};
use citytrack_testkit::{Proxy, TestVhost, batch, eventually, frame, identity};
use futures_util::{SinkExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use prometheus::Registry;
use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message as Wire, client::IntoClientRequest, handshake::client::Request},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::schemas;

pub(crate) const SECRET: &str = "a secret of thirty-two characters or more";
const PATIENCE: Duration = Duration::from_secs(10);

/// The service under test.
pub(crate) struct Live {
    pub(crate) address: SocketAddr,
    pub(crate) registry: Registry,
    pub(crate) stop: CancellationToken,
    pub(crate) ended: tokio::task::JoinHandle<()>,
    publisher: Publisher,
    vhost: Arc<TestVhost>,
}

impl Live {
    pub(crate) async fn start(extra: &[&str]) -> Self {
        Self::start_at(Arc::new(TestVhost::create().await), extra).await
    }

    /// Another instance at the same broker.
    pub(crate) async fn start_beside(&self, extra: &[&str]) -> Self {
        Self::start_at(Arc::clone(&self.vhost), extra).await
    }

    /// The same service again, after its end.
    pub(crate) async fn restart(self, extra: &[&str]) -> Self {
        let vhost = Arc::clone(&self.vhost);
        self.shut_down().await;
        Self::start_at(vhost, extra).await
    }

    async fn start_at(vhost: Arc<TestVhost>, extra: &[&str]) -> Self {
        let url = vhost.url();
        Self::start_with(vhost, &url, extra).await
    }

    /// The service behind a network to its broker that can be broken.
    pub(crate) async fn behind_a_network(extra: &[&str]) -> (Self, Proxy) {
        let vhost = Arc::new(TestVhost::create().await);
        let (network, url) = Proxy::before(&vhost.url()).await;
        (Self::start_with(vhost, &url, extra).await, network)
    }

    async fn start_with(vhost: Arc<TestVhost>, url: &str, extra: &[&str]) -> Self {
        let listen = ["--http-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        // The topology must be the one that the test's own publisher declares.
        let broker = ["--broker-url", url];
        let secret = ["--viewer-secret", SECRET];
        let settings: Settings = from_args(listen.iter().chain(&broker).chain(&secret).chain(extra)).unwrap();
        let lifecycle = Lifecycle::new(settings.shutdown.clone());
        let readiness = lifecycle.readiness();
        let stop = lifecycle.spawner().stop();
        let App { address, registry } = App::start(&settings, Clock::System, &lifecycle).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the lifecycle itself")]
        let ended = tokio::spawn(async move {
            lifecycle.run().await;
        });
        eventually("the service is ready", async || readiness.report().0.then_some(())).await;
        let publisher = vhost.publisher(SCHEMA);
        Self {
            address,
            registry,
            stop,
            ended,
            publisher,
            vhost,
        }
    }

    /// Publishes a batch as ingest-api does.
    pub(crate) async fn publish(&self, batch: &Batch) {
        publish(&self.publisher, &batch.source.venue, encode(batch)).await;
    }

    /// Publishes a batch under another type of message, as a later version of CityTrack may.
    pub(crate) async fn publish_as(&self, kind: &'static str, batch: &Batch) {
        publish(&self.vhost.publisher(kind), &batch.source.venue, encode(batch)).await;
    }

    /// Sends a message as it is, whatever it holds.
    pub(crate) async fn publish_payload(&self, venue: &str, payload: Vec<u8>) {
        publish(&self.publisher, &Slug::new(venue).unwrap(), payload.into()).await;
    }

    /// Publishes messages of a connection between which one was lost.
    pub(crate) async fn lose_a_message(&self, venue: &str) {
        for number in ["0123456789abcdef-1", "0123456789abcdef-3"] {
            self.publish_numbered(number, &sample(venue, &[("entrance", vec![])]))
                .await;
        }
    }

    /// Publishes a batch by the broker's management API, as the message of this number.
    async fn publish_numbered(&self, number: &str, batch: &Batch) {
        let url = self.vhost.url();
        let (_, vhost) = url.rsplit_once('/').unwrap();
        let exchange = format!(
            "{}/api/exchanges/{vhost}/{}",
            self.vhost.management(),
            DETECTIONS.exchange
        );
        let message = json!({
            "routing_key": routing_key(&batch.source.venue),
            "properties": {"type": SCHEMA, "message_id": number},
            "payload": BASE64_STANDARD.encode(encode(batch)),
            "payload_encoding": "base64",
        });
        let answer = reqwest::Client::new()
            .post(format!("{exchange}/publish"))
            .json(&message)
            .send()
            .await;
        let answer: Value = answer.unwrap().json().await.unwrap();
        assert_eq!(answer, json!({"routed": true}));
    }

    /// Publishes a batch as an ingest-api did that was older than the numbers of messages.
    pub(crate) async fn publish_unnumbered(&self, batch: &Batch) {
        let vhost = self.vhost.url();
        let (_, vhost) = vhost.rsplit_once('/').unwrap();
        let exchange = citytrack_broker::topology::DETECTIONS.exchange;
        let url = format!("{}/api/exchanges/{vhost}/{exchange}/publish", self.vhost.management());
        let message = json!({
            "properties": {"type": SCHEMA},
            "routing_key": routing_key(&batch.source.venue),
            "payload": BASE64_STANDARD.encode(encode(batch)),
            "payload_encoding": "base64",
        });
        let answer = reqwest::Client::new().post(url).json(&message).send().await.unwrap();
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({"routed": true}));
    }

    /// Publishes a batch of one frame of each camera.
    pub(crate) async fn show(&self, venue: &str, frames: &[(&str, Vec<Detection>)]) -> Batch {
        let batch = sample(venue, frames);
        self.publish(&batch).await;
        batch
    }

    pub(crate) fn request(&self) -> Request {
        format!("ws://{}/api/v1/live", self.address)
            .into_client_request()
            .unwrap()
    }

    /// A client whose token names `venues`.
    pub(crate) async fn client(&self, venues: &[&str]) -> Client {
        let token = token(venues, SignedDuration::from_hours(1));
        self.connect(self.request_with(&token)).await.unwrap()
    }

    /// A handshake with this token.
    pub(crate) fn request_with(&self, token: &str) -> Request {
        let mut request = self.request();
        let bearer = format!("Bearer {token}");
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
        request
    }

    pub(crate) async fn connect(&self, request: Request) -> Result<Client, Error> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (socket, _) = client_async(request, stream).await?;
        Ok(Client { socket })
    }

    /// A client that the network lets take only little ahead of its reading.
    pub(crate) async fn narrow_client(&self, venue: &str) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let mut request = self.request();
        let bearer = format!("Bearer {}", token(&[venue], SignedDuration::from_hours(1)));
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
        let (socket, _) = client_async(request, stream).await.unwrap();
        Client { socket }
    }

    /// The value of a counter or gauge, its labels added up.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name).expect(name);
        let value =
            |metric: &prometheus::proto::Metric| metric.get_counter().get_value() + metric.get_gauge().get_value();
        family.get_metric().iter().map(value).sum()
    }

    /// Stops as the process does on a signal.
    pub(crate) async fn shut_down(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.ended).await.expect("it ends in time").unwrap();
    }
}

async fn publish(publisher: &Publisher, venue: &Slug, payload: Bytes) {
    eventually("the broker takes the message", async || {
        let message = Message {
            route: routing_key(venue),
            payload: payload.clone(),
            headers: Vec::new(),
        };
        publisher.publish(message).await.ok()
    })
    .await;
}

pub(crate) fn sample(venue: &str, frames: &[(&str, Vec<Detection>)]) -> Batch {
    #[expect(
        clippy::disallowed_methods,
        reason = "the service under test runs on the machine's clock"
    )]
    let now = Timestamp::now();
    let source: NodeIdentity = identity(venue, Uuid::nil());
    let frames = frames
        .iter()
        .map(|(camera, detections)| frame(camera, now, detections.clone()));
    batch(&source, now, frames.collect::<Vec<Frame>>())
}

pub(crate) fn token(venues: &[&str], life: SignedDuration) -> String {
    let now = Clock::System.now();
    let venues: Vec<Slug> = venues.iter().map(|venue| Slug::new(venue).unwrap()).collect();
    // Tokens end at a full second.
    ViewerTokens::new(&SECRET.into())
        .issue(&venues, &CameraLimits::new(), now + life, now)
        .unwrap()
}

/// A viewer.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
}

impl Client {
    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.send(Wire::text(text)).await.unwrap();
    }

    /// The next message that is no WebSocket ping.
    pub(crate) async fn next(&mut self) -> Value {
        match self.next_wire().await {
            Some(Wire::Text(text)) => {
                let message = serde_json::from_str(&text).unwrap();
                schemas::check(&message);
                message
            }
            other => panic!("{other:?}"),
        }
    }

    async fn next_wire(&mut self) -> Option<Wire> {
        loop {
            match timeout(PATIENCE, self.socket.next())
                .await
                .expect("a message within ten seconds")
            {
                Some(Ok(Wire::Ping(_) | Wire::Pong(_))) => {}
                next => return next.transpose().ok().flatten(),
            }
        }
    }

    /// The code that the server closes with, after whatever else comes.
    pub(crate) async fn close_code(&mut self) -> u16 {
        self.until_closed(|_| {}).await
    }

    /// The same; `look` sees every message until then.
    pub(crate) async fn until_closed(&mut self, mut look: impl FnMut(Value)) -> u16 {
        loop {
            match self.next_wire().await {
                Some(Wire::Close(Some(close))) => return close.code.into(),
                Some(Wire::Text(text)) => look(serde_json::from_str(&text).unwrap()),
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) async fn close(mut self) {
        self.socket.close(None).await.unwrap();
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// Asks, and waits until the subscription is in force. Returns the answer.
    pub(crate) async fn subscribe(&mut self, id: &str, venue: &str, filter: Option<Value>) -> Value {
        let mut message = json!({"type": "subscribe", "id": id, "venue": venue});
        if let Some(filter) = filter {
            message["filter"] = filter;
        }
        self.send(&message).await;
        let answer = self.next().await;
        assert_eq!(
            (&answer["type"], &answer["id"]),
            (&json!("subscribed"), &json!(id)),
            "{answer}"
        );
        answer
    }

    /// Asks for `demo` as one who was here before. Returns the answer.
    pub(crate) async fn resume(&mut self, since: &Value) -> Value {
        self.send(&json!({"type": "subscribe", "id": "1", "venue": "demo", "since": since}))
            .await;
        let answer = self.next().await;
        assert_eq!(answer["type"], "subscribed", "{answer}");
        answer
    }

    /// True when nothing is on its way: the answer to a `ping` is the next message.
    pub(crate) async fn has_nothing(&mut self) -> bool {
        self.send(&json!({"type": "ping"})).await;
        self.next().await == json!({"type": "pong"})
    }
}
