//! The body of a request, for a reader that waits in a thread of its own.

use std::{
    io::{self, Read},
    time::Duration,
};

use actix_web::{http::StatusCode, web};
use bytesize::ByteSize;
use citytrack_common::Problem;
use futures_util::StreamExt;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

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

/// How long a body may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Without a byte.
    pub(crate) silence: Duration,
    /// From its beginning to its end.
    pub(crate) in_all: Duration,
}

/// Passes the body on. When nobody reads it any more, the rest is thrown away: only then does the client read the answer.
pub(crate) async fn forward(
    mut payload: web::Payload,
    sender: mpsc::Sender<web::Bytes>,
    limit: ByteSize,
    patience: Patience,
) -> Result<(), Problem> {
    let mut left = limit.as_u64();
    let end = Instant::now() + patience.in_all;
    loop {
        let wait = end.min(Instant::now() + patience.silence);
        let next = timeout_at(wait, payload.next()).await;
        let Some(bytes) = next.map_err(|_| too_slow())? else {
            return Ok(());
        };
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
}

fn too_slow() -> Problem {
    let detail = "the body came too slowly; send it again over a faster connection, or in parts";
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "slow-body",
        "Body not sent in time",
        detail,
    )
}
