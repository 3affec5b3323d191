//! The clock of a replay: which moment of the recording is which moment of today.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::clock::Moment;

/// What a replay may be late, or the two clocks may be apart, before it is taken for more than hurry.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(1);

/// How a recording is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As it was recorded, or that many times as fast.
    Live(Live),
    /// As fast as the server takes it, dated as if it had been played from `start` on at the speed of the recording.
    Unpaced {
        /// The date of the first frame.
        start: Timestamp,
    },
}

/// See [`Pace::Live`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Live {
    speed: f64,
    /// The moment at which the recording began, or would have begun had it never been held up.
    start: Moment,
}

impl Pace {
    /// Plays at a speed (1: as recorded), from now on.
    pub fn live(speed: f64, now: Moment) -> Self {
        Self::Live(Live { speed, start: now })
    }

    /// The date of what the recording shows `at` that time. Steps are exact: they come from the start, not from each other.
    pub fn captured_at(&self, at: Duration) -> Timestamp {
        let (start, passed) = match self {
            Self::Live(live) => (live.start.utc, at.div_f64(live.speed)),
            Self::Unpaced { start } => (*start, at),
        };
        let exact = start.checked_add(passed).unwrap_or(Timestamp::MAX);
        // To the nearest microsecond, as the server keeps it.
        let nearest = exact.checked_add(SignedDuration::from_nanos(500)).unwrap_or(exact);
        crate::clock::whole_microseconds(nearest)
    }

    /// When the moment of that date is to be played. `None`: at once.
    pub fn due(&self, captured_at: Timestamp) -> Option<Instant> {
        let Self::Live(live) = self else { return None };
        let after_start = Duration::try_from(captured_at.duration_since(live.start.utc)).unwrap_or_default();
        live.start.instant.checked_add(after_start)
    }

    /// Sets the start anew if the replay was held up (the queue was full, the machine slept), or if the clock on the wall was
    /// set. A camera does not run behind either: what it sees now is dated now.
    pub fn settle(&mut self, at: Duration, now: Moment) {
        let Self::Live(live) = self else { return };
        let passed = at.div_f64(live.speed);
        let late = signed(now.instant.saturating_duration_since(live.start.instant)) - signed(passed);
        if late > TOLERANCE {
            live.start.instant += late.unsigned_abs();
        }
        let expected = live
            .start
            .utc
            .checked_add(signed(now.instant.saturating_duration_since(live.start.instant)));
        let apart = expected.map_or(SignedDuration::ZERO, |expected| now.utc.duration_since(expected));
        if apart.abs() > TOLERANCE {
            live.start.utc = live.start.utc.checked_add(apart).unwrap_or(live.start.utc);
        }
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Moment {
        Moment {
            instant: Instant::now(),
            utc: "2026-11-22T10:00:00Z".parse().unwrap(),
        }
    }

    fn later(moment: Moment, monotonic: Duration, wall: Duration) -> Moment {
        Moment {
            instant: moment.instant + monotonic,
            utc: moment.utc.checked_add(wall).unwrap(),
        }
    }

    #[test]
    fn steps_are_exact_at_any_speed() {
        let pace = Pace::live(4.0, start());
        let seventh = |frames: u32| Duration::from_secs_f64(f64::from(frames) / 7.0);
        assert_eq!(pace.captured_at(seventh(1)).to_string(), "2026-11-22T10:00:00.035714Z");
        assert_eq!(pace.captured_at(seventh(7_000_000)).to_string(), "2026-11-25T07:26:40Z");
    }

    #[test]
    fn a_frame_is_due_when_it_is_dated() {
        let start = start();
        let pace = Pace::live(2.0, start);
        let captured_at = pace.captured_at(Duration::from_secs(3));
        assert_eq!(pace.due(captured_at), Some(start.instant + Duration::from_millis(1500)));
        let unpaced = Pace::Unpaced { start: start.utc };
        assert_eq!(
            unpaced.captured_at(Duration::from_secs(3)),
            "2026-11-22T10:00:03Z".parse().unwrap()
        );
        assert_eq!(unpaced.due(captured_at), None);
    }

    #[test]
    fn a_little_late_changes_nothing() {
        let start = start();
        let mut pace = Pace::live(1.0, start);
        let before = pace;
        let late = Duration::from_millis(10_900);
        pace.settle(Duration::from_secs(10), later(start, late, late));
        assert_eq!(pace, before);
    }

    #[test]
    fn after_a_hold_frames_are_dated_now_and_come_at_their_pace() {
        let start = start();
        let mut pace = Pace::live(2.0, start);
        let now = later(start, Duration::from_secs(65), Duration::from_secs(65));
        pace.settle(Duration::from_secs(10), now);
        assert_eq!(pace.captured_at(Duration::from_secs(10)), now.utc);
        assert_eq!(pace.due(now.utc), Some(now.instant));
        assert_eq!(
            pace.captured_at(Duration::from_secs(12)),
            now.utc.checked_add(Duration::from_secs(1)).unwrap()
        );
    }

    #[test]
    fn a_clock_that_was_set_is_followed_without_a_jump_in_the_pace() {
        let start = start();
        let mut pace = Pace::live(1.0, start);
        let now = later(start, Duration::from_secs(10), Duration::from_hours(1));
        pace.settle(Duration::from_secs(10), now);
        assert_eq!(pace.captured_at(Duration::from_secs(10)), now.utc);
        assert_eq!(pace.due(now.utc), Some(now.instant));
    }
}
