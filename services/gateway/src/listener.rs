//! The public port: accepts connections and hands each to the worker that has the fewest.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use citytrack_common::TaskError;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    error::StartError,
    settings::ListenerSettings,
    worker::{Incoming, Worker},
};

/// How long to wait when a connection cannot be accepted: most likely no file descriptor is left, and some will be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The open port.
pub struct Listener {
    socket: TcpListener,
    workers: Vec<Worker>,
    places: Arc<Semaphore>,
}

impl Listener {
    /// Opens the port.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn bind(settings: &ListenerSettings, workers: Vec<Worker>) -> Result<Self, StartError> {
        let socket = open(settings).map_err(|source| StartError::Listen {
            address: settings.address,
            source,
        })?;
        Ok(Self {
            socket,
            workers,
            places: Arc::new(Semaphore::new(settings.max_connections.get())),
        })
    }

    /// The address that is really listened on.
    ///
    /// # Errors
    /// When the system does not know it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop`, then closes the port and waits until the workers have finished what they have in hand.
    ///
    /// # Errors
    /// When a worker ended before.
    pub async fn run(self, stop: CancellationToken) -> Result<(), TaskError> {
        let Self {
            socket,
            mut workers,
            places,
        } = self;
        loop {
            let incoming = tokio::select! {
                incoming = accept(&socket, &places) => incoming,
                () = stop.cancelled() => break,
            };
            match incoming {
                Ok(incoming) => {
                    let worker = workers.iter_mut().min_by_key(|worker| worker.connections());
                    worker.ok_or("no worker")?.give(incoming).await?;
                }
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(socket);
        for ending in workers.into_iter().map(Worker::end).collect::<Vec<_>>() {
            ending.await;
        }
        Ok(())
    }
}

/// Waits for a place below the limit first, and for a connection then: those beyond the limit stay in the listen queue.
async fn accept(socket: &TcpListener, places: &Arc<Semaphore>) -> std::io::Result<Incoming> {
    let place = places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (socket, address) = socket.accept().await?;
    // Out of this runtime, into the one of a worker.
    Ok(Incoming {
        socket: socket.into_std()?,
        address,
        place,
    })
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
