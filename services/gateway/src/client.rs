//! The connection to a client, in the form that the proxy engine takes.
//!
//! pingora's own stream collects writes only behind pingora's accept loop. Without that, the head and the body of every
//! answer would leave in two packets.

use std::{
    io,
    net::SocketAddr,
    os::fd::AsRawFd,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_trait::async_trait;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    l4::ext::set_tcp_keepalive, raw_connect::ProxyDigest,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf},
    net::TcpStream,
};

use crate::server::TCP_KEEPALIVE;

/// Enough for the head and the body of the answers that come in masses; larger bodies are written past it.
const WRITE_BUFFER: usize = 4096;

/// A connection to a client.
#[derive(Debug)]
pub struct ClientStream {
    socket: BufWriter<TcpStream>,
    digest: Arc<SocketDigest>,
}

impl ClientStream {
    /// Prepares an accepted connection from `address`.
    ///
    /// # Errors
    /// When the system refuses an option, most likely because the client is gone already.
    pub fn new(socket: TcpStream, address: SocketAddr) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        set_tcp_keepalive(&socket, &TCP_KEEPALIVE).map_err(io::Error::other)?;
        let digest = SocketDigest::from_raw_fd(socket.as_raw_fd());
        // Fails only when it is set already, and it is new.
        let _ = digest.peer_addr.set(Some(address.into()));
        Ok(Self {
            socket: BufWriter::with_capacity(WRITE_BUFFER, socket),
            digest: Arc::new(digest),
        })
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[async_trait]
impl Shutdown for ClientStream {
    async fn shutdown(&mut self) {
        // Fails when the client was quicker.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for ClientStream {
    fn id(&self) -> i32 {
        self.socket.get_ref().as_raw_fd()
    }
}

impl GetSocketDigest for ClientStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(self.digest.clone())
    }
}

impl GetTimingDigest for ClientStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for ClientStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl Ssl for ClientStream {}
impl Peek for ClientStream {}
