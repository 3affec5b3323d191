//! Sends a request as it is, and reads what comes back: beside each other, since an answer may come before the body has gone.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

use super::case::{Case, End};
use crate::target::Target;

/// Longer than any answer may take: what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// What became of a request.
pub(super) struct Reply {
    pub(super) answer: Option<Answer>,
    /// How the connection ended, if not well.
    pub(super) broken: Option<String>,
    pub(super) took: Duration,
}

/// An HTTP answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Whether all of its body has come.
    pub(super) fn is_whole(&self) -> bool {
        self.announced() == Some(self.body.len())
    }

    fn announced(&self) -> Option<usize> {
        self.header("content-length")?.parse().ok()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// One request on a connection of its own.
pub(super) async fn exchange(target: &Target, case: &Case) -> Reply {
    let start = Instant::now();
    let mut bytes = Vec::new();
    let broken = match target.connect().await {
        Err(error) => Some(error.to_string()),
        Ok(stream) => {
            let (reading, mut writing) = stream.into_split();
            // What cannot be written any more has been answered, or the answer tells.
            let sending = async {
                let sent = send(&mut writing, case).await;
                std::future::pending::<()>().await;
                sent
            };
            tokio::select! {
                broken = receive(reading, &mut bytes) => broken,
                _ = sending => None,
            }
        }
    };
    Reply {
        answer: parse(&bytes),
        broken,
        took: start.elapsed(),
    }
}

async fn send(writing: &mut OwnedWriteHalf, case: &Case) -> std::io::Result<()> {
    writing.write_all(&case.head).await?;
    for piece in &case.pieces {
        writing.write_all(piece).await?;
        if !case.pause.is_zero() {
            sleep(case.pause).await;
        }
    }
    if case.end == End::HangUp {
        writing.shutdown().await?;
    }
    Ok(())
}

/// Until the answer is whole, or the server closes.
async fn receive(mut reading: OwnedReadHalf, bytes: &mut Vec<u8>) -> Option<String> {
    let receiving = async {
        while reading.read_buf(bytes).await? > 0 {
            if parse(bytes).is_some_and(|answer| answer.is_whole()) {
                break;
            }
        }
        std::io::Result::Ok(())
    };
    match timeout(PATIENCE, receiving).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("it hangs".to_owned()),
    }
}

/// The last answer, whatever came before it in the way of `100 Continue`.
fn parse(mut bytes: &[u8]) -> Option<Answer> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 48];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(bytes).ok()? else {
            return None;
        };
        let (status, rest) = (head.code?, bytes.get(length..)?);
        if (100..200).contains(&status) {
            bytes = rest;
            continue;
        }
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = head
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), text(header.value)));
        let mut answer = Answer {
            status,
            headers: headers.collect(),
            body: rest.to_vec(),
        };
        // What comes behind it is about bytes that were no HTTP.
        answer.body.truncate(answer.announced().unwrap_or(usize::MAX));
        return Some(answer);
    }
}
