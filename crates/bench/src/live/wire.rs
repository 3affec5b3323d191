//! A viewer's connection. All of a thread share one buffer to read into: what a connection keeps for itself is the beginning of a
//! message whose rest has not come yet, which is rare.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::feed::{Feed, accepted};
use super::websocket::{CLOSE, Frame, PING, PONG, frame, split};

const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Dozens of messages at once.
const SCRATCH: usize = 64 << 10;
/// A longer message is a sign that something is wrong.
const LONGEST_MESSAGE: usize = 16 << 20;

/// The buffer that the connections of a thread share. The lock is never waited for: one thread uses it.
#[derive(Clone)]
pub(super) struct Scratch(Arc<Mutex<Vec<u8>>>);

impl Scratch {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(vec![0; SCRATCH])))
    }
}

/// An open WebSocket.
pub(super) struct Wire {
    stream: TcpStream,
    /// The beginning of a message.
    rest: Vec<u8>,
}

/// Whether more will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Open,
    /// With the code of the server's last message, if there was one.
    Ended(Option<u16>),
}

impl Wire {
    /// Connects, upgrades and asks for messages.
    pub(super) async fn open(feed: &Feed, filtered: bool, since: Option<&str>) -> Result<Self> {
        let mut wire = Self {
            stream: feed.target.connect().await?,
            rest: Vec::new(),
        };
        wire.stream.write_all(feed.handshake().as_bytes()).await?;
        timeout(ANSWER_WITHIN, wire.upgraded()).await.context("no answer")??;
        wire.stream.write_all(&feed.subscribe(filtered, since)?).await?;
        Ok(wire)
    }

    async fn upgraded(&mut self) -> Result<()> {
        let end = b"\r\n\r\n";
        loop {
            if let Some(at) = memchr::memmem::find(&self.rest, end) {
                accepted(&self.rest[..at])?;
                self.rest.drain(..at + end.len());
                self.rest.shrink_to_fit();
                return Ok(());
            }
            ensure!(self.rest.len() < SCRATCH, "a handshake without an end");
            ensure!(
                self.stream.read_buf(&mut self.rest).await? > 0,
                "closed during the handshake"
            );
        }
    }

    /// Waits for bytes and hands over each whole message in them. Pings are answered. A connection that breaks has ended;
    /// an error is what no server sends.
    pub(super) async fn read(
        &mut self,
        scratch: &Scratch,
        mut each: impl FnMut(Frame<'_>) -> Result<()>,
    ) -> Result<After> {
        std::future::poll_fn(|context| self.poll(context, scratch, &mut each)).await
    }

    /// By `poll_read` and not by `try_read`: it knows that a read that does not fill the buffer has read everything, which saves
    /// every second system call.
    fn poll(
        &mut self,
        context: &mut TaskContext<'_>,
        scratch: &Scratch,
        each: &mut impl FnMut(Frame<'_>) -> Result<()>,
    ) -> Poll<Result<After>> {
        let mut scratch = scratch.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = self.rest.len();
        if scratch.len() < 2 * kept {
            ensure_within(kept)?;
            scratch.resize(4 * kept, 0);
        }
        let mut buffer = ReadBuf::new(&mut scratch[kept..]);
        let Ok(()) = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) else {
            return Poll::Ready(Ok(After::Ended(None)));
        };
        let came = buffer.filled().len();
        if came == 0 {
            return Poll::Ready(Ok(After::Ended(None)));
        }
        scratch[..kept].copy_from_slice(&self.rest);
        let (mut bytes, mut after) = (&scratch[..kept + came], After::Open);
        while let Some((message, more)) = split(bytes)? {
            bytes = more;
            match message.opcode {
                // A pong that does not fit is one of many that say the same.
                PING => drop(self.stream.try_write(&frame(PONG, message.payload))),
                CLOSE => after = After::Ended(message.payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
                _ => each(message)?,
            }
        }
        self.rest.clear();
        self.rest.extend(bytes);
        Poll::Ready(Ok(after))
    }
}

fn ensure_within(length: usize) -> Result<()> {
    ensure!(
        length <= LONGEST_MESSAGE,
        "a message of more than {LONGEST_MESSAGE} bytes"
    );
    Ok(())
}
