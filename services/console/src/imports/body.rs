//! The body of a request, for a reader that waits in a thread of its own.

use std::io::{self, Read};

use actix_web::{http::StatusCode, web};
use bytesize::ByteSize;
use citytrack_common::Problem;
use futures_util::StreamExt;
use tokio::sync::mpsc;

/// What came in and has not been read yet. It ends where the body ends, also too early: whoever [forwards](forward) the body
/// knows.
pub(crate) struct Incoming {
    receiver: mpsc::Receiver<web::Bytes>,
    current: web::Bytes,
}

impl Incoming {
    /// Both ends. Little waits in between, so that a fast sender is slowed down.
    pub(crate) fn new() -> (mpsc::Sender<web::Bytes>, Self) {
        let (sender, receiver) = mpsc::channel(4);
        let current = web::Bytes::new();
        (sender, Self { receiver, current })
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(bytes) => self.current = bytes,
                None => return Ok(0),
            }
        }
        let length = self.current.as_ref().read(buffer)?;
        let _ = self.current.split_to(length);
        Ok(length)
    }
}

/// Passes the body on. When nobody reads it any more, the rest is thrown away: only then does the client read the answer.
pub(crate) async fn forward(
    mut payload: web::Payload,
    sender: mpsc::Sender<web::Bytes>,
    limit: ByteSize,
) -> Result<(), Problem> {
    let mut left = limit.as_u64();
    while let Some(bytes) = payload.next().await {
        let bytes = bytes.map_err(|error| {
            let detail = format!("the body broke off: {error}");
            Problem::bad_request("unreadable-body", "Unreadable body", detail)
        })?;
        left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            let detail = format!("the body is longer than {limit}");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)
        })?;
        let _ = sender.send(bytes).await;
    }
    Ok(())
}
