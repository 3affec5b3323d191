//! One HTTP/1.1 connection: writes a request, reads the answer.
//!
//! Why not hyper or reqwest: the generator shares the machine with what it measures, and each microsecond that it spends is
//! missing there. Requests are ready-made bytes and of an answer only the status counts; `httparse` reads it.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::target::Target;

/// Answers are short; a long one is a sign that something else answers.
const LONGEST_ANSWER: usize = 1 << 20;

/// A keep-alive connection that is made when it is needed.
pub(crate) struct Connection {
    target: Arc<Target>,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// An answer at the start of a buffer.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    body: std::ops::Range<usize>,
    keep_alive: bool,
}

impl Connection {
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self {
            target,
            stream: None,
            buffer: Vec::with_capacity(4096),
        }
    }

    /// Forgets the connection: its state is unknown after a failure.
    pub(crate) fn reset(&mut self) {
        self.stream = None;
    }

    /// Connects, if it is not connected yet.
    pub(crate) async fn open(&mut self) -> Result<()> {
        if self.stream.is_none() {
            self.stream = Some(self.target.connect().await?);
        }
        Ok(())
    }

    /// Whether the last answer had this header field.
    pub(crate) fn answered_with(&self, name: &str) -> bool {
        let mut headers = [httparse::EMPTY_HEADER; 48];
        let mut head = httparse::Response::new(&mut headers);
        head.parse(&self.buffer).is_ok() && head.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name))
    }

    /// Sends a request and reads its answer: status and body.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(self.target.connect().await?),
        };
        stream.write_all(request).await?;
        self.buffer.clear();
        let answer = loop {
            ensure!(
                stream.read_buf(&mut self.buffer).await? > 0,
                "connection closed before the answer was complete"
            );
            ensure!(self.buffer.len() <= LONGEST_ANSWER, "the answer is too long");
            if let Some(answer) = read(&self.buffer)? {
                break answer;
            }
        };
        if !answer.keep_alive {
            self.stream = None;
        }
        Ok((answer.status, &self.buffer[answer.body]))
    }
}

/// The answer in `bytes`; none while it is not complete.
fn read(bytes: &[u8]) -> Result<Option<Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = head.parse(bytes)? else {
        return Ok(None);
    };
    let status = head.code.context("an answer without a status")?;
    let (mut length, mut chunked, mut keep_alive) = (None, false, head.version == Some(1));
    for header in head.headers.iter() {
        let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
        if header.name.eq_ignore_ascii_case("content-length") {
            length = Some(value.parse::<usize>().context("Content-Length")?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.eq_ignore_ascii_case("chunked");
        } else if header.name.eq_ignore_ascii_case("connection") {
            keep_alive &= !value.eq_ignore_ascii_case("close");
        }
    }
    let end = match length {
        Some(length) => Some(start + length).filter(|&end| end <= bytes.len()),
        None if chunked => end_of_chunks(bytes, start)?,
        None if status == 204 => Some(start),
        None => bail!("an answer without a length"),
    };
    Ok(end.map(|end| Answer {
        status,
        body: start..end,
        keep_alive,
    }))
}

/// Where a chunked body ends; none while it is not complete.
fn end_of_chunks(bytes: &[u8], start: usize) -> Result<Option<usize>> {
    let mut at = start;
    while let Some(rest) = bytes.get(at..) {
        let size = httparse::parse_chunk_size(rest).map_err(|_| anyhow::anyhow!("a chunk without a size"))?;
        let httparse::Status::Complete((line, size)) = size else {
            break;
        };
        at += line + usize::try_from(size)? + "\r\n".len();
        if size == 0 {
            return Ok(Some(at).filter(|&end| end <= bytes.len()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_only_with_its_last_byte() {
        for (text, status, body) in [
            ("HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", 202, "{}"),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
                200,
                "",
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ] {
            for cut in 0..text.len() {
                assert_eq!(read(&text.as_bytes()[..cut]).unwrap(), None, "{text} cut at {cut}");
            }
            let answer = read(text.as_bytes()).unwrap().unwrap();
            assert_eq!(
                (answer.status, answer.body.end, answer.keep_alive),
                (status, text.len(), true)
            );
            assert!(text.as_bytes()[answer.body].ends_with(body.as_bytes()));
        }
    }

    #[test]
    fn a_closing_answer_ends_the_connection() {
        let keeps = |text: &str| read(text.as_bytes()).unwrap().unwrap().keep_alive;
        assert!(!keeps(
            "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        ));
        assert!(!keeps("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert!(read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(read(b"nonsense\r\n\r\n").is_err());
    }
}
