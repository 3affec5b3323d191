//! The public port: accepts connections, hands them to the proxy engine, and ends them in order.
//!
//! pingora's own `Server` is not used: at shutdown it sleeps for a fixed time and then drops whatever is still in hand, it
//! takes over the signals of the process, and it cannot tell which port it got. Its proxy runs here under the lifecycle that
//! all CityTrack processes share.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use pingora::{
    apps::{HttpServerApp, ReusedHttpStream},
    protocols::{GetSocketDigest, SocketDigest, Stream, http::ServerSession, l4::stream::Stream as TcpStream},
    proxy::HttpProxy,
    server::ShutdownWatch,
};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{error::StartError, metrics::Metrics, proxy::Gateway, server::TCP_KEEPALIVE, settings::ListenerSettings};

/// How long to wait when a connection cannot be accepted: most likely no file descriptor is left, and some will be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often it is looked whether the last request is done.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// The open port.
pub struct Listener {
    socket: TcpListener,
    proxy: Arc<HttpProxy<Gateway>>,
    metrics: Metrics,
    settings: ListenerSettings,
}

impl Listener {
    /// Opens the port.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn bind(settings: ListenerSettings, proxy: HttpProxy<Gateway>, metrics: Metrics) -> Result<Self, StartError> {
        let socket = open(&settings).map_err(|source| StartError::Listen {
            address: settings.address,
            source,
        })?;
        Ok(Self {
            socket,
            proxy: Arc::new(proxy),
            metrics,
            settings,
        })
    }

    /// The address that is really listened on.
    ///
    /// # Errors
    /// When the system does not know it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop`, then lets the requests in hand finish and cuts the web sockets.
    pub async fn run(self, stop: CancellationToken) {
        let Self {
            socket,
            proxy,
            metrics,
            settings,
        } = self;
        let (closing, shutdown) = watch::channel(false);
        let places = Arc::new(Semaphore::new(settings.max_connections.get()));
        let keep_alive = Duration::from(settings.client_keep_alive).as_secs().max(1);
        let mut connections = JoinSet::new();
        loop {
            let accepted = async {
                let place = places.clone().acquire_owned().await;
                (place, socket.accept().await)
            };
            let (place, accepted) = tokio::select! {
                accepted = accepted => accepted,
                () = stop.cancelled() => break,
            };
            while connections.try_join_next().is_some() {} // forget those that have ended
            match accepted.and_then(|(socket, client)| prepare(socket, client)) {
                Ok(stream) => {
                    let open = Open::new(&metrics);
                    let (proxy, shutdown) = (proxy.clone(), shutdown.clone());
                    connections.spawn(async move {
                        serve(&proxy, stream, &shutdown, keep_alive).await;
                        drop((open, place));
                    });
                }
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(socket);
        // Fails only without receivers, and one is held here.
        let _ = closing.send(true);
        proxy.http_cleanup().await; // idle connections end now, the others after their request
        while metrics.connections.get() > metrics.websockets.get() {
            tokio::time::sleep(DRAIN_POLL).await;
        }
        // A WebSocket has no end to wait for, and a close frame cannot be put into the middle of somebody else's stream:
        // clients see the connection break and come back through another gateway.
        connections.shutdown().await;
    }
}

/// Counts an open connection for as long as it lives.
struct Open(Metrics);

impl Open {
    fn new(metrics: &Metrics) -> Self {
        metrics.connections.inc();
        Self(metrics.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

fn open(settings: &ListenerSettings) -> std::io::Result<TcpListener> {
    let socket = if settings.address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(settings.address)?;
    socket.listen(settings.backlog.get())
}

fn prepare(socket: tokio::net::TcpStream, client: SocketAddr) -> std::io::Result<Stream> {
    use std::os::fd::AsRawFd;

    let digest = SocketDigest::from_raw_fd(socket.as_raw_fd());
    // Fails only when it is set already, and it is new.
    let _ = digest.peer_addr.set(Some(client.into()));
    let mut stream = TcpStream::from(socket);
    stream.set_socket_digest(digest);
    stream
        .set_nodelay()
        .and_then(|()| stream.set_keepalive(&TCP_KEEPALIVE))
        .map_err(std::io::Error::other)?;
    Ok(Box::new(stream))
}

/// Serves one connection, request after request.
async fn serve(proxy: &Arc<HttpProxy<Gateway>>, stream: Stream, shutdown: &ShutdownWatch, keep_alive: u64) {
    let mut session = ServerSession::new_http1(stream);
    session.set_keepalive(Some(keep_alive));
    while let Some((stream, settings)) = proxy
        .process_new_http(session, shutdown)
        .await
        .map(ReusedHttpStream::consume)
    {
        session = ServerSession::new_http1(stream);
        if let Some(settings) = settings {
            settings.apply_to_session(&mut session);
        }
    }
}
