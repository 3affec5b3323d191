//! Which request something belongs to, over all processes: the header `traceparent` of W3C Trace Context
//! (<https://www.w3.org/TR/trace-context/>), in HTTP requests and in messages.

use std::fmt;

/// The name of the header.
pub const TRACEPARENT: &str = "traceparent";

/// The value of the header: the trace, and the step in it that caused what carries the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    step: u64,
    /// The lowest bit: whether somebody records this trace.
    flags: u8,
}

impl TraceParent {
    /// A new trace, which nobody records.
    pub fn start() -> Self {
        Self {
            trace: rand::random_range(1..=u128::MAX),
            step: new_step(),
            flags: 0,
        }
    }

    /// The next step of the trace that a caller named, or of a new one when it named none that can be read.
    pub fn follow(header: Option<&str>) -> Self {
        header.and_then(Self::parse).map_or_else(Self::start, |parent| Self {
            step: new_step(),
            ..parent
        })
    }

    /// Reads a header; `None` for what is none, which is to be ignored.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let version = hexadecimal(parts.next()?, 2)?;
        let trace = hexadecimal(parts.next()?, 32)?;
        let step = u64::try_from(hexadecimal(parts.next()?, 16)?).ok()?;
        let flags = u8::try_from(hexadecimal(parts.next()?, 2)?).ok()?;
        // Later versions may append to it.
        let complete = version != 0 || parts.next().is_none();
        (version != 0xff && trace != 0 && step != 0 && complete).then_some(Self { trace, step, flags })
    }

    /// The id that everything of the trace has in common: 32 hexadecimal digits.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }
}

/// The header, in version 00.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.step, self.flags)
    }
}

fn new_step() -> u64 {
    rand::random_range(1..=u64::MAX)
}

/// So many digits, in small letters.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != digits || !plain {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let parent = TraceParent::parse(PARENT).unwrap();
        assert_eq!(parent.to_string(), PARENT);
        assert_eq!(parent.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let later = format!("cc{}-what-comes-later", PARENT.strip_prefix("00").unwrap());
        assert_eq!(TraceParent::parse(&later), Some(parent));
    }

    #[test]
    fn what_is_no_header_is_ignored() {
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_trace_is_followed_and_else_begun() {
        let parent = TraceParent::parse(PARENT).unwrap();
        let next = TraceParent::follow(Some(PARENT));
        assert_eq!((next.trace, next.flags), (parent.trace, parent.flags));
        assert_ne!(next.step, parent.step);
        let [one, other] = [None, Some("nonsense")].map(TraceParent::follow);
        assert_ne!(one.trace, other.trace);
        assert_eq!(TraceParent::parse(&one.to_string()), Some(one));
    }
}
