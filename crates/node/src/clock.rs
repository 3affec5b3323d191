//! The one place that asks what time it is.

use jiff::Timestamp;
use tokio::time::Instant;

/// The same moment on two clocks: one that never jumps, to wait by, and the one on the wall, to write down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Monotonic.
    pub instant: Instant,
    /// The node's clock, to the microsecond (the server keeps no more).
    pub utc: Timestamp,
}

impl Moment {
    /// Now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the node's clock; everything else is passed a `Moment`"
    )]
    pub fn now() -> Self {
        Self {
            instant: Instant::now(),
            utc: whole_microseconds(Timestamp::now()),
        }
    }
}

/// Leaves out what is below a microsecond.
pub fn whole_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}
