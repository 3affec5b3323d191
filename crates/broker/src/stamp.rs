//! The number of a message, given by the connection that publishes it.

use std::{
    collections::HashMap,
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

/// Where a message stands among those of its routing key that one connection of a publisher has sent. A consumer that sees
/// a number again knows the message, and one that misses a number has missed a message. Travels as the AMQP property
/// `message_id`: the epoch as 16 hexadecimal digits, a hyphen, the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The connection, another one whenever the publisher connects again: [when that was](epoch_start), and 20 random bits.
    pub epoch: u64,
    /// Counts the messages of one routing key within the epoch, from 1.
    pub seq: u64,
}

impl Stamp {
    /// `None` for ids of another form.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let (epoch, seq) = id.split_once('-')?;
        // Rust's own parser would take a sign, too.
        let plain = epoch.len() == 16 && epoch.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !plain || !seq.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            epoch: u64::from_str_radix(epoch, 16).ok()?,
            seq: seq.parse().ok()?,
        })
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, seq } = self;
        write!(f, "{epoch:016x}-{seq}")
    }
}

/// Bits of an epoch that are random.
const RANDOM: u32 = 20;

/// When an epoch began, in milliseconds since 1970 by the clock of the publisher.
pub fn epoch_start(epoch: u64) -> u64 {
    epoch >> RANDOM
}

fn new_epoch() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "connections are made on the machine's clock, in tests too"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = u64::try_from(now.as_millis()).unwrap_or_default();
    milliseconds << RANDOM | rand::random::<u64>() >> (u64::BITS - RANDOM)
}

/// Counts the messages of one connection.
pub(crate) struct Counter {
    epoch: u64,
    /// The last number of each routing key.
    last: HashMap<String, u64>,
}

impl Counter {
    /// For a new connection.
    pub(crate) fn new() -> Self {
        Self {
            epoch: new_epoch(),
            last: HashMap::new(),
        }
    }

    /// For the next message of `route`.
    pub(crate) fn next(&mut self, route: &str) -> Stamp {
        let epoch = self.epoch;
        if let Some(last) = self.last.get_mut(route) {
            *last += 1;
            return Stamp { epoch, seq: *last };
        }
        self.last.insert(route.to_owned(), 1);
        Stamp { epoch, seq: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written_and_nothing_else_is_one() {
        for stamp in [(0, 1), (0x0123_4567_89ab_cdef, 42), (u64::MAX, u64::MAX)] {
            let stamp = Stamp {
                epoch: stamp.0,
                seq: stamp.1,
            };
            assert_eq!(Stamp::parse(&stamp.to_string()), Some(stamp));
        }
        assert_eq!(Stamp { epoch: 255, seq: 7 }.to_string(), "00000000000000ff-7");
        for other in [
            "",
            "-",
            "00000000000000ff",
            "00000000000000ff-",
            "ff-7",
            "+0000000000000ff-7",
            "00000000000000ff-+7",
            "00000000000000fg-7",
            "00000000000000ff-7-8",
            "00000000000000ff-18446744073709551616",
            "0193e6a4-7b1c-7000-8000-000000000000",
        ] {
            assert_eq!(Stamp::parse(other), None, "{other}");
        }
    }

    #[test]
    fn each_route_counts_from_one_and_each_connection_has_its_epoch() {
        let mut counter = Counter::new();
        let epoch = counter.epoch;
        let seqs = ["a", "a", "b", "a", "b"].map(|route| {
            let stamp = counter.next(route);
            assert_eq!(stamp.epoch, epoch);
            stamp.seq
        });
        assert_eq!(seqs, [1, 2, 1, 3, 2]);
        assert_ne!(Counter::new().epoch, epoch);
        let years = epoch_start(epoch) / 1_000 / 86_400 / 365;
        assert!((50..400).contains(&years), "{years}");
    }
}
