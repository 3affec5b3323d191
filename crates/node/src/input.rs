//! Frames from a pipe: JSON lines, one frame a line, as a detector writes them.

use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use tokio::sync::mpsc;

use crate::jsonl;
use crate::wire::Frame;

/// The longest line. A frame of 500 detections has about 80 kB.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;
/// Lines that were read and not taken yet: enough to keep both sides busy, and a bound on memory when each is of the longest.
const AHEAD: usize = 32;

/// What a line is.
#[derive(Debug, PartialEq)]
pub enum Line {
    /// A frame, and the file of its picture, if it names one.
    Frame(Frame, Option<PathBuf>),
    /// Something else: the number of the line, from 1, and what is wrong with it.
    Bad(u64, String),
    /// The input cannot be read any further.
    Broken(String),
}

/// Reads lines in a thread of its own, no faster than they are taken. The receiver ends with the input.
///
/// A thread, because there is no other way to stop waiting for a pipe that stays silent: it ends with the program.
///
/// # Errors
/// The system gives no thread.
pub fn read(input: impl Read + Send + 'static) -> io::Result<mpsc::Receiver<Line>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    std::thread::Builder::new().name("input".to_owned()).spawn(move || {
        for line in Lines::new(input) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    })?;
    Ok(receiver)
}

/// The lines of an input. Empty ones are left out.
#[derive(Debug)]
pub struct Lines<R> {
    input: BufReader<R>,
    number: u64,
    broken: bool,
}

impl<R: Read> Lines<R> {
    /// From the beginning.
    pub fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(64 * 1024, input),
            number: 0,
            broken: false,
        }
    }

    fn read_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut bytes = Vec::new();
            if self.input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if bytes.len() as u64 == LONGEST_LINE && bytes.last() != Some(&b'\n') {
                self.input.skip_until(b'\n')?;
                return Ok(Some(self.bad(format!("longer than {LONGEST_LINE} bytes"))));
            }
            let line = match std::str::from_utf8(&bytes) {
                Ok(text) if text.trim().is_empty() => continue,
                Ok(text) => jsonl::parse_line(text.trim()).map_err(|what| self.bad(what)),
                Err(error) => Err(self.bad(format!("not UTF-8 after byte {}", error.valid_up_to()))),
            };
            return Ok(Some(
                line.map_or_else(|bad| bad, |(frame, image)| Line::Frame(frame, image)),
            ));
        }
    }

    fn bad(&self, what: String) -> Line {
        Line::Bad(self.number, what)
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if self.broken {
            return None;
        }
        self.read_line().unwrap_or_else(|error| {
            self.broken = true;
            Some(Line::Broken(error.to_string()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"camera":"a","captured_at":"2026-11-22T10:00:00Z","detections":[]}"#;

    fn lines(input: &[u8]) -> Vec<Line> {
        Lines::new(input).collect()
    }

    #[test]
    fn a_bad_line_costs_no_other() {
        let mut input = format!("{GOOD}\n\n{{\"camera\":\"a b\"}}\nnot json\n").into_bytes();
        input.extend(b"\xff\xfe\n");
        input.extend(GOOD.as_bytes());
        let lines = lines(&input);
        let bad: Vec<u64> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Bad(number, _) => Some(*number),
                _ => None,
            })
            .collect();
        assert_eq!(bad, [3, 4, 5]);
        assert!(
            matches!(&lines[..], [Line::Frame(first, _), .., Line::Frame(last, _)] if first == last),
            "{lines:?}"
        );
    }

    #[test]
    fn a_line_without_an_end_does_not_fill_the_memory() {
        let mut input = vec![b'x'; 9 * 1024 * 1024];
        input.extend(format!("\n{GOOD}\n").as_bytes());
        let lines = lines(&input);
        assert!(
            matches!(&lines[..], [Line::Bad(1, what), Line::Frame(..)] if what.starts_with("longer than")),
            "{lines:?}"
        );
    }

    #[test]
    fn an_input_that_breaks_ends_with_the_reason() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let input = GOOD.as_bytes().chain(Broken);
        let lines: Vec<Line> = Lines::new(io::Cursor::new(b"\n").chain(input)).collect();
        assert_eq!(lines.last(), Some(&Line::Broken("gone".to_owned())));
    }
}
