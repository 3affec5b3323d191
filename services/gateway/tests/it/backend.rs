//! A small HTTP server to put behind the gateway. It tells what it was asked, and can fall ill or be killed.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

type Answer = Response<Full<Bytes>>;

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
    requests: AtomicUsize,
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
            requests: AtomicUsize::new(0),
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

    /// Requests it got, without health checks.
    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::Relaxed)
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

/// Tells what was asked. `/die` and the header `x-die` break the connection on the server `a`, `/slow` takes half a second, and a request for a
/// WebSocket gets an echo.
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
        return Ok(Response::builder().status(status).body(Full::default()).unwrap());
    }
    state.requests.fetch_add(1, Ordering::Relaxed);
    if request.headers().contains_key(header::UPGRADE) {
        return Ok(echo(request));
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
    Ok(Response::new(Full::from(told.to_string())))
}

fn echo(mut request: Request<Incoming>) -> Answer {
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
    let upgrade = hyper::upgrade::on(&mut request);
    let mut socket = JoinSet::new();
    socket.spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            send_back(upgraded).await;
        }
    });
    socket.detach_all(); // it ends when the gateway closes the connection
    answer.body(Full::default()).unwrap()
}

async fn send_back(upgraded: Upgraded) {
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}
