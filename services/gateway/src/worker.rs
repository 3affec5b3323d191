//! A thread that serves connections, with a runtime, a proxy engine and kept connections to servers of its own.
//!
//! Threads that share nothing serve nearly twice as many requests as one runtime whose threads take work from each other:
//! the two connections of a request wake the same thread. pingora's own `Server` is not used: at shutdown it sleeps for a
//! fixed time and then drops whatever is still in hand, and it takes over the signals of the process. Its proxy runs here
//! under the lifecycle that all CityTrack processes share.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use pingora::{
    apps::{HttpServerApp, ReusedHttpStream},
    protocols::{Stream, http::ServerSession},
    proxy::HttpProxy,
    server::ShutdownWatch,
};
use tokio::{
    net::TcpStream,
    runtime,
    sync::{OwnedSemaphorePermit, mpsc, oneshot, watch},
    task::JoinSet,
};
use tracing::debug;

use crate::{client::ClientStream, metrics::Metrics, proxy::Gateway};

/// Connections that may be on their way to a worker.
const QUEUE: usize = 64;
/// How often it is looked whether the last request is done.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// The handle of a worker.
pub struct Worker {
    incoming: mpsc::Sender<(Incoming, Open)>,
    load: Arc<AtomicUsize>,
    metrics: Metrics,
    ended: oneshot::Receiver<()>,
}

/// A connection that was just accepted.
pub struct Incoming {
    /// The connection.
    pub socket: std::net::TcpStream,
    /// The client's address.
    pub address: SocketAddr,
    /// Its place below the limit of connections.
    pub place: OwnedSemaphorePermit,
}

/// How long clients are waited for.
#[derive(Clone, Copy)]
pub struct Patience {
    /// Until an idle connection is closed.
    pub keep_alive: Duration,
    /// From the first byte of a request head to its end.
    pub head: Duration,
}

/// The worker is gone, which it should never be.
#[derive(Debug, thiserror::Error)]
#[error("a thread that serves connections has ended")]
pub struct Gone;

/// Counts a connection for as long as it is open.
struct Open {
    load: Arc<AtomicUsize>,
    metrics: Metrics,
}

impl Worker {
    /// Starts a thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(proxy: HttpProxy<Gateway>, metrics: Metrics, patience: Patience) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (incoming, queue) = mpsc::channel(QUEUE);
        let (end, ended) = oneshot::channel::<()>();
        let load = Arc::new(AtomicUsize::new(0));
        let work = Work {
            proxy: Arc::new(proxy),
            metrics: metrics.clone(),
            patience,
        };
        thread::Builder::new().name("proxy".to_owned()).spawn(move || {
            runtime.block_on(work.run(queue));
            drop(end); // which is what `ended` waits for
        })?;
        Ok(Self {
            incoming,
            load,
            metrics,
            ended,
        })
    }

    /// Connections that it has.
    pub fn connections(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Gives it another one.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn give(&self, incoming: Incoming) -> Result<(), Gone> {
        let open = Open::new(&self.load, &self.metrics);
        self.incoming.send((incoming, open)).await.map_err(|_| Gone)
    }

    /// Lets it finish what it has in hand; ready when it has.
    pub fn end(self) -> impl Future<Output = ()> {
        drop(self.incoming);
        async {
            // Never sent: the end of the other half is the message.
            let _ = self.ended.await;
        }
    }
}

impl Open {
    fn new(load: &Arc<AtomicUsize>, metrics: &Metrics) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        metrics.connections.inc();
        Self {
            load: load.clone(),
            metrics: metrics.clone(),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
        self.metrics.connections.dec();
    }
}

/// What happens on the thread.
struct Work {
    proxy: Arc<HttpProxy<Gateway>>,
    metrics: Metrics,
    patience: Patience,
}

impl Work {
    /// Serves what comes in, until nothing more can; then lets the requests in hand finish and cuts what has no end.
    async fn run(self, mut queue: mpsc::Receiver<(Incoming, Open)>) {
        let (closing, shutdown) = watch::channel(false);
        let mut connections = JoinSet::new();
        while let Some((incoming, open)) = queue.recv().await {
            while connections.try_join_next().is_some() {} // forget those that have ended
            let (proxy, shutdown, patience) = (self.proxy.clone(), shutdown.clone(), self.patience);
            connections.spawn(async move {
                match accept(incoming.socket, incoming.address, patience.head) {
                    Ok(stream) => serve(&proxy, stream, &shutdown, patience.keep_alive).await,
                    Err(error) => debug!(%error, "the client was gone before it was served"),
                }
                drop((open, incoming.place));
            });
        }
        // Fails only without receivers, and one is held here.
        let _ = closing.send(true);
        self.proxy.http_cleanup().await; // idle connections end now, the others after their request
        while self.metrics.connections.get() > self.metrics.endless() {
            tokio::time::sleep(DRAIN_POLL).await;
        }
        // A WebSocket has no end to wait for, and neither has an event stream. A close frame cannot be put into the middle
        // of somebody else's stream: clients see the connection break and come back through another gateway.
        connections.shutdown().await;
    }
}

fn accept(socket: std::net::TcpStream, address: SocketAddr, head_timeout: Duration) -> io::Result<Stream> {
    let socket = TcpStream::from_std(socket)?;
    Ok(Box::new(ClientStream::new(socket, address, head_timeout)?))
}

/// Serves one connection, request after request.
async fn serve(proxy: &Arc<HttpProxy<Gateway>>, stream: Stream, shutdown: &ShutdownWatch, keep_alive: Duration) {
    let mut session = ServerSession::new_http1(stream);
    session.set_keepalive(Some(keep_alive.as_secs().max(1))); // 0 would be for ever
    while let Some((stream, settings)) = proxy
        .process_new_http(session, shutdown)
        .await
        .map(ReusedHttpStream::consume)
    {
        if let Some(client) = ClientStream::of(&stream) {
            client.await_head();
        }
        session = ServerSession::new_http1(stream);
        if let Some(settings) = settings {
            settings.apply_to_session(&mut session);
        }
    }
}
