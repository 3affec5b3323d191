//! What was sent when, and what became of it: one word for each request, shared by all threads without a lock.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::clock::wall_millis;

/// What is known about a request that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Since the ledger's start. In an open loop, when the request was due.
    pub(crate) sent: Duration,
    /// Whether it was sent after the warm-up.
    pub(crate) measured: bool,
    pub(crate) fate: Fate,
}

/// How a request ended, as the sender saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// No answer, or not yet: the batch may have been taken in.
    Unknown,
    Accepted,
    Refused,
}

const CHUNK: usize = 1 << 16;
const ACCEPTED: u64 = 1 << 63;
const REFUSED: u64 = 1 << 62;
const MEASURED: u64 = 1 << 61;

/// The requests of a run by number. Memory grows in chunks, so a high bound on requests costs nothing.
#[derive(Debug)]
pub(crate) struct Ledger {
    start: Instant,
    start_millis: i64,
    next: AtomicU32,
    limit: u32,
    chunks: Vec<OnceLock<Box<[AtomicU64]>>>,
}

impl Ledger {
    pub(crate) fn new(limit: u32) -> Self {
        let chunks = (limit as usize).div_ceil(CHUNK);
        Self {
            start: Instant::now(),
            start_millis: wall_millis(),
            next: AtomicU32::new(0),
            limit,
            chunks: (0..chunks).map(|_| OnceLock::new()).collect(),
        }
    }

    fn word(&self, request: u32) -> &AtomicU64 {
        let (chunk, place) = (request as usize / CHUNK, request as usize % CHUNK);
        let words = self.chunks[chunk].get_or_init(|| (0..CHUNK).map(|_| AtomicU64::new(0)).collect());
        &words[place]
    }

    /// The number of the next request; none when the bound is reached.
    pub(crate) fn take(&self) -> Option<u32> {
        self.take_below(self.limit)
    }

    /// The number of the next request, where fewer than `bound` were given out.
    pub(crate) fn take_below(&self, bound: u32) -> Option<u32> {
        let bound = bound.min(self.limit);
        self.next
            .fetch_update(Relaxed, Relaxed, |next| (next < bound).then_some(next + 1))
            .ok()
    }

    /// Notes when a request was sent; to be called before it is.
    pub(crate) fn sent(&self, request: u32, at: Instant, measured: bool) {
        let nanos = u64::try_from(self.since_start(at).as_nanos()).unwrap_or(MEASURED - 1);
        let flag = if measured { MEASURED } else { 0 };
        self.word(request).store(nanos.max(1) | flag, Relaxed); // zero means: not sent
    }

    pub(crate) fn ended(&self, request: u32, accepted: bool) {
        self.word(request)
            .fetch_or(if accepted { ACCEPTED } else { REFUSED }, Relaxed);
    }

    /// What is known about a request; none when it was not sent.
    pub(crate) fn entry(&self, request: u32) -> Option<Entry> {
        if request >= self.issued() {
            return None;
        }
        let word = self.word(request).load(Relaxed);
        let sent = Duration::from_nanos(word & (MEASURED - 1));
        let fate = match word {
            _ if word & ACCEPTED != 0 => Fate::Accepted,
            _ if word & REFUSED != 0 => Fate::Refused,
            _ => Fate::Unknown,
        };
        (!sent.is_zero()).then_some(Entry {
            sent,
            measured: word & MEASURED != 0,
            fate,
        })
    }

    /// How many numbers were given out.
    pub(crate) fn issued(&self) -> u32 {
        self.next.load(Relaxed)
    }

    /// How many requests were accepted up to now.
    pub(crate) fn accepted(&self) -> u64 {
        let entries = (0..self.issued()).filter_map(|request| self.entry(request));
        entries.filter(|entry| entry.fate == Fate::Accepted).count() as u64
    }

    pub(crate) fn since_start(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.start)
    }

    /// Milliseconds since 1970 at a time since the start. Both clocks are read once, together: the wall clock may be set
    /// while we measure.
    pub(crate) fn millis_at(&self, since_start: Duration) -> i64 {
        self.start_millis + i64::try_from(since_start.as_millis()).unwrap_or(i64::MAX / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_known_from_sending_to_their_end() {
        let ledger = Ledger::new(3);
        assert_eq!(ledger.entry(0), None);
        let numbers: Vec<_> = std::iter::from_fn(|| ledger.take()).collect();
        assert_eq!(numbers, [0, 1, 2]);
        assert_eq!(
            ledger.entry(0),
            None,
            "a number is given out before the request is sent"
        );
        ledger.sent(0, ledger.start + Duration::from_millis(5), false);
        ledger.sent(1, ledger.start + Duration::from_millis(7), true);
        ledger.ended(0, true);
        ledger.ended(1, false);
        let sent = Duration::from_millis(5);
        assert_eq!(
            ledger.entry(0),
            Some(Entry {
                sent,
                measured: false,
                fate: Fate::Accepted
            })
        );
        let sent = Duration::from_millis(7);
        assert_eq!(
            ledger.entry(1),
            Some(Entry {
                sent,
                measured: true,
                fate: Fate::Refused
            })
        );
        assert_eq!(ledger.millis_at(sent), ledger.start_millis + 7);
        ledger.sent(2, ledger.start, true);
        assert_eq!(ledger.entry(2).map(|entry| entry.fate), Some(Fate::Unknown));
    }
}
