//! The socket below a connection.
//!
//! lapin works each connection on a thread of its own, which goes on waiting for the broker's next word when nobody waits for
//! the connection any more. Where the network is silent that may be for ever, and with every attempt there would be one more
//! thread and socket. So the socket is known here, and closed with the link or the attempt that it belongs to.

use std::{
    io,
    net::Shutdown,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lapin::{Connection, ConnectionProperties, runtime::default_runtime, tcp::AMQPUriTcpExt, uri::AMQPUri};
use socket2::{SockRef, Socket};
use tokio::time::timeout;

/// Closes the socket when dropped, whatever lapin is waiting for.
#[derive(Default)]
pub(crate) struct SocketGuard {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    socket: Option<Socket>,
    dropped: bool,
}

impl SocketGuard {
    /// Connects by a socket that ends with this guard; `limit` is for the TCP handshake.
    pub(crate) async fn connect(
        &self,
        uri: AMQPUri,
        properties: ConnectionProperties,
        limit: Duration,
    ) -> Result<Connection, lapin::Error> {
        let (state, runtime) = (Arc::clone(&self.state), default_runtime()?);
        let of_lapin = runtime.clone();
        let connect = async move |uri: AMQPUri, _| {
            let stream = timeout(limit, uri.connect_async(&runtime)).await;
            let stream = stream.map_err(io::Error::from)??;
            if let lapin::AsyncTcpStream::Plain(plain) = &stream {
                let socket = SockRef::from(plain.get_ref()).try_clone()?;
                state.lock().unwrap_or_else(PoisonError::into_inner).keep(socket);
            }
            Ok(stream)
        };
        Connection::connector(uri, of_lapin, connect, properties).await
    }
}

impl State {
    fn keep(&mut self, socket: Socket) {
        self.socket = Some(socket);
        if self.dropped {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some(socket) = self.socket.take() {
            let _already_closed = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for SocketGuard {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.dropped = true;
        state.close();
    }
}
