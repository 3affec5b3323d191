//! How long to wait before the next attempt. Pure: no clock, no dice, no network.

use std::time::Duration;

use jiff::Timestamp;

/// The longest wait that a server can ask for. More than that is a mistake on its side.
const LONGEST_TOLD: Duration = Duration::from_hours(1);

/// Waits that double from one attempt to the next, with jitter.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The first wait.
    pub first: Duration,
    /// No wait becomes longer than this.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
        }
    }
}

impl Backoff {
    /// The wait after the given number of failed attempts (from 1).
    ///
    /// `told` is what the server said in Retry-After. It knows better than any formula, so the wait is never shorter.
    /// `jitter` is a random number from 0 to 1: it spreads the attempts of many nodes that failed in the same moment.
    pub fn wait(&self, failures: u32, told: Option<Duration>, jitter: f64) -> Duration {
        let jitter = jitter.clamp(0.0, 1.0);
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let longest_now = self.first.saturating_mul(doubled).min(self.longest);
        match told {
            Some(told) => told.min(LONGEST_TOLD) + self.first.mul_f64(jitter),
            None => longest_now.mul_f64(0.5 + 0.5 * jitter),
        }
    }
}

/// Reads the value of Retry-After: seconds, or an HTTP date.
pub fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// Reads the value of RateLimit (draft-ietf-httpapi-ratelimit-headers), such as `"live";r=0;t=4, "live-bytes";r=600;t=1`: how
/// long to wait until nothing is used up any more. `None`: there is some left of everything.
pub fn parse_rate_limit(value: &str) -> Option<Duration> {
    value.split(',').filter_map(used_up).max()
}

fn used_up(item: &str) -> Option<Duration> {
    let parameter = |name: &str| {
        let of_name = |part: &str| part.trim().strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok();
        item.split(';').find_map(of_name)
    };
    (parameter("r") == Some(0)).then(|| {
        parameter("t")
            .map(Duration::from_secs)
            .unwrap_or_default()
            .min(LONGEST_TOLD)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_millis(500),
        longest: Duration::from_secs(30),
    };

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<u128> = (1..=8)
            .map(|failures| BACKOFF.wait(failures, None, 1.0).as_millis())
            .collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(BACKOFF.wait(u32::MAX, None, 1.0), BACKOFF.longest);
    }

    #[test]
    fn the_server_is_obeyed_and_never_undercut() {
        assert_eq!(
            BACKOFF.wait(1, Some(Duration::from_secs(7)), 0.0),
            Duration::from_secs(7)
        );
        assert_eq!(
            BACKOFF.wait(9, Some(Duration::from_secs(7)), 1.0),
            Duration::from_millis(7500)
        );
        assert_eq!(BACKOFF.wait(1, Some(Duration::MAX), 0.0), LONGEST_TOLD);
    }

    #[test]
    fn retry_after_comes_in_two_forms() {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        assert_eq!(parse_retry_after(" 12 ", now), Some(Duration::from_secs(12)));
        assert_eq!(
            parse_retry_after("Sun, 22 Nov 2026 10:01:00 GMT", now),
            Some(Duration::from_mins(1))
        );
        assert_eq!(
            parse_retry_after("Sun, 22 Nov 2026 09:00:00 GMT", now),
            Some(Duration::ZERO)
        );
        assert_eq!(parse_retry_after("soon", now), None);
    }

    #[test]
    fn an_allowance_that_is_used_up_asks_for_a_pause() {
        let pause = |value| parse_rate_limit(value).map(|pause| pause.as_secs());
        assert_eq!(pause(r#""live";r=1;t=1, "live-bytes";r=600;t=1"#), None);
        assert_eq!(pause(r#""live";r=0;t=4"#), Some(4));
        assert_eq!(pause(r#""live"; r=0; t=4, "live-bytes";r=0;t=9"#), Some(9));
        assert_eq!(pause(r#""live";r=0"#), Some(0));
        assert_eq!(pause(""), None);
    }

    proptest! {
        #[test]
        fn a_wait_is_between_half_and_all_of_its_step(failures in 1_u32..100, jitter in 0.0..=1.0f64) {
            let wait = BACKOFF.wait(failures, None, jitter);
            let most = BACKOFF.wait(failures, None, 1.0);
            prop_assert!(wait <= most && wait >= most / 2);
        }
    }
}
