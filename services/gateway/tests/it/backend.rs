//! A small HTTP server to put behind the gateway. It tells what it was asked, and can fall ill or be killed.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _, stream::unfold};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Frame, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{net::TcpListener, sync::broadcast, task::JoinSet};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// A running server. Dropping it is like `kill -9`: the port and every connection close at once.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

struct State {
    name: &'static str,
    ready: AtomicBool,
    slow: AtomicBool,
    full: AtomicBool,
    requests: AtomicUsize,
    /// The headers of the last request for a WebSocket.
    handshake: Mutex<HeaderMap>,
    sockets: Mutex<JoinSet<()>>,
    /// What is told in every event stream.
    events: broadcast::Sender<&'static str>,
}

impl Backend {
    pub(crate) async fn start(name: &'static str) -> Self {
        Self::start_at(name, "127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(name: &'static str, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            name,
            ready: AtomicBool::new(true),
            slow: AtomicBool::new(false),
            full: AtomicBool::new(false),
            requests: AtomicUsize::new(0),
            handshake: Mutex::default(),
            sockets: Mutex::default(),
            events: broadcast::Sender::new(64),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, state.clone()));
        Self {
            address,
            state,
            _tasks: tasks,
        }
    }

    /// What `/readyz` answers from now on.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.state.ready.store(ready, Ordering::Relaxed);
    }

    /// From now on `/readyz` is not answered in time.
    pub(crate) fn slow_down(&self) {
        self.state.slow.store(true, Ordering::Relaxed);
    }

    /// From now on it answers 503, though not to health checks.
    pub(crate) fn fill_up(&self) {
        self.state.full.store(true, Ordering::Relaxed);
    }

    /// Requests it got, without health checks.
    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::Relaxed)
    }

    /// The headers of the last request for a WebSocket.
    pub(crate) fn handshake(&self) -> HeaderMap {
        let handshake = self.state.handshake.lock().unwrap();
        handshake.clone()
    }

    /// Sends `text` into every event stream that is open; how many these are.
    pub(crate) fn tell(&self, text: &'static str) -> usize {
        self.state.events.send(text).unwrap_or(0)
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let state = state.clone();
        connections.spawn(async move {
            let service = service_fn(|request| answer(request, state.clone()));
            // A client that goes away is not of interest here.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .with_upgrades()
                .await;
        });
    }
}

/// Tells what was asked. `/die` and the header `x-die` break the connection on the server `a`, `/slow` takes half a second, a request for a
/// WebSocket gets an echo, and one for an event stream whatever is told from then on.
async fn answer(request: Request<Incoming>, state: Arc<State>) -> Result<Answer, &'static str> {
    if request.uri().path() == "/readyz" {
        if state.slow.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        let ready = state.ready.load(Ordering::Relaxed);
        let status = if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        return Ok(Response::builder().status(status).body(whole("")).unwrap());
    }
    state.requests.fetch_add(1, Ordering::Relaxed);
    if state.full.load(Ordering::Relaxed) {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Ok(Response::builder().status(status).body(whole(state.name)).unwrap());
    }
    let headers = request.headers();
    if headers.contains_key(header::UPGRADE) && !(state.name == "a" && headers.contains_key("x-die")) {
        *state.handshake.lock().unwrap() = headers.clone();
        return Ok(echo(request, &state));
    }
    if headers
        .get(header::ACCEPT)
        .is_some_and(|accept| accept == "text/event-stream")
    {
        return Ok(events(state.events.subscribe()));
    }
    let path = request.uri().path().to_owned();
    match path.as_str() {
        path if state.name == "a" && (path == "/die" || request.headers().contains_key("x-die")) => {
            return Err("dying as asked");
        }
        "/slow" => tokio::time::sleep(Duration::from_millis(500)).await,
        _ => {}
    }
    let (head, body) = request.into_parts();
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let body = body.collect().await.map_err(|_| "the client went away")?.to_bytes();
    let told = json!({
        "server": state.name,
        "method": head.method.as_str(),
        "path": path,
        "query": head.uri.query(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    Ok(Response::new(whole(told.to_string())))
}

fn whole(body: impl Into<Bytes>) -> BoxBody<Bytes, Infallible> {
    Full::new(body.into()).boxed()
}

fn events(heard: broadcast::Receiver<&'static str>) -> Answer {
    let frames = unfold(heard, async |mut heard| {
        let text = heard.recv().await.ok()?;
        Some((Ok(Frame::data(Bytes::from_static(text.as_bytes()))), heard))
    });
    let answer = Response::builder().header(header::CONTENT_TYPE, "text/event-stream");
    answer.body(BoxBody::new(StreamBody::new(frames))).unwrap()
}

fn echo(mut request: Request<Incoming>, state: &State) -> Answer {
    let headers = request.headers();
    let key = derive_accept_key(headers[header::SEC_WEBSOCKET_KEY].as_bytes());
    let mut answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, key);
    if let Some(protocols) = headers.get(header::SEC_WEBSOCKET_PROTOCOL) {
        let first = protocols.to_str().unwrap().split(',').next().unwrap();
        answer = answer.header(header::SEC_WEBSOCKET_PROTOCOL, first);
    }
    if let Some(extensions) = headers.get(header::SEC_WEBSOCKET_EXTENSIONS) {
        answer = answer.header(header::SEC_WEBSOCKET_EXTENSIONS, extensions);
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let mut sockets = state.sockets.lock().unwrap();
    sockets.spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            send_back(upgraded).await;
        }
    });
    answer.body(whole("")).unwrap()
}

async fn send_back(upgraded: Upgraded) {
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}
