//! The connection to a client, in the form that the proxy engine takes.
//!
//! pingora's own stream collects writes only behind pingora's accept loop. Without that, the head and the body of every
//! answer would leave in two packets.

use std::{
    io,
    net::SocketAddr,
    os::fd::AsRawFd,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, IO, Peek, Shutdown, SocketDigest, Ssl, Stream, TimingDigest,
    UniqueID, l4::ext::set_tcp_keepalive, raw_connect::ProxyDigest,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use crate::server::TCP_KEEPALIVE;

/// Enough for the head and the body of the answers that come in masses; larger bodies are written past it.
const WRITE_BUFFER: usize = 4096;

/// A connection to a client.
#[derive(Debug)]
pub struct ClientStream {
    socket: BufWriter<TcpStream>,
    digest: Arc<SocketDigest>,
    head: Head,
}

/// Bounds the time that a request head may take from its first byte: pingora bounds only the pauses within it, so that a
/// client that sends a byte now and then could hold its connection for ever.
#[derive(Debug)]
struct Head {
    limit: Duration,
    /// Atomic only because pingora lends streams out as `&`.
    phase: AtomicU8,
    /// Set when a begun head is not complete with what has arrived, which is rare.
    end: Option<Pin<Box<Sleep>>>,
}

const AWAITED: u8 = 0;
const BEGUN: u8 = 1;
const COMPLETE: u8 = 2;

impl Head {
    /// Looks at a read: an error when the time is over.
    fn check(&mut self, pending: bool, cx: &mut Context<'_>) -> io::Result<()> {
        match (self.phase.load(Ordering::Relaxed), pending) {
            (AWAITED, false) => {
                self.phase.store(BEGUN, Ordering::Relaxed);
                self.end = None;
            }
            (BEGUN, true) => {
                let end = self.end.get_or_insert_with(|| Box::pin(sleep(self.limit)));
                if end.as_mut().poll(cx).is_ready() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl ClientStream {
    /// The stream that pingora has been given.
    pub fn of(stream: &Stream) -> Option<&Self> {
        IO::as_any(&**stream).downcast_ref()
    }

    /// Says that the next thing to read is a request head.
    pub fn await_head(&self) {
        self.head.phase.store(AWAITED, Ordering::Relaxed);
    }

    /// Says that the head has been read: what comes now may take its time.
    pub fn head_is_complete(&self) {
        self.head.phase.store(COMPLETE, Ordering::Relaxed);
    }

    /// Prepares an accepted connection from `address`, where a request head may take `head_timeout`.
    ///
    /// # Errors
    /// When the system refuses an option, most likely because the client is gone already.
    pub fn new(socket: TcpStream, address: SocketAddr, head_timeout: Duration) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        set_tcp_keepalive(&socket, &TCP_KEEPALIVE).map_err(io::Error::other)?;
        let digest = SocketDigest::from_raw_fd(socket.as_raw_fd());
        // Fails only when it is set already, and it is new.
        let _ = digest.peer_addr.set(Some(address.into()));
        Ok(Self {
            socket: BufWriter::with_capacity(WRITE_BUFFER, socket),
            digest: Arc::new(digest),
            head: Head {
                limit: head_timeout,
                phase: AtomicU8::new(AWAITED),
                end: None,
            },
        })
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        self.head.check(read.is_pending(), cx)?;
        read
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
