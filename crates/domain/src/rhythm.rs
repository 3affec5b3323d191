//! How often something comes in, and when it has been silent for too long.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// With so many distances between receipts, the longest does not count: it may be an outage that is over.
const ENOUGH_TO_LEAVE_ONE_OUT: usize = 3;

/// How long something may be silent before nobody knows any more how things stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// So long in any case.
    pub floor: Duration,
    /// So many times the usual interval.
    pub factor: f64,
}

impl Patience {
    /// How long the silence may be of what usually comes in such intervals; `None`: nobody knows which.
    pub fn limit(&self, usual_interval: Option<Duration>) -> Duration {
        let usual = usual_interval.unwrap_or_default().as_secs_f64() * self.factor;
        self.floor
            .max(Duration::try_from_secs_f64(usual).unwrap_or(Duration::MAX))
    }
}

impl Default for Patience {
    /// 10 seconds, and 5 times.
    fn default() -> Self {
        Self {
            floor: Duration::from_secs(10),
            factor: 5.0,
        }
    }
}

/// The mean distance of the different ones among these times of receipt, in any order. Several frames that came at once are one
/// receipt. The longest distance is left out where there are others: an outage that is over is not usual. `None` when there are
/// fewer than two receipts.
pub fn usual_interval(receipts: impl IntoIterator<Item = Timestamp>) -> Option<Duration> {
    let mut receipts: Vec<Timestamp> = receipts.into_iter().collect();
    receipts.sort_unstable();
    receipts.dedup();
    let distances = receipts.array_windows().map(|[one, next]| next.duration_since(*one));
    let (mut count, mut sum, mut longest) = (0, SignedDuration::ZERO, SignedDuration::ZERO);
    for distance in distances {
        count += 1;
        sum = sum.saturating_add(distance);
        longest = longest.max(distance);
    }
    if count >= ENOUGH_TO_LEAVE_ONE_OUT {
        count -= 1;
        sum = sum.saturating_sub(longest);
    }
    let parts = u32::try_from(count).ok().filter(|parts| *parts > 0)?;
    Some(sum.unsigned_abs() / parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn interval(millis: &[i64]) -> Option<u128> {
        let receipts = millis.iter().map(|at| Timestamp::from_millisecond(*at).unwrap());
        usual_interval(receipts).map(|interval| interval.as_millis())
    }

    #[test]
    fn the_usual_interval_is_the_mean_distance_of_receipts() {
        assert_eq!(interval(&[]), None);
        assert_eq!(interval(&[40, 40, 40]), None, "one receipt");
        assert_eq!(interval(&[0, 100]), Some(100));
        assert_eq!(interval(&[0, 0, 100, 100, 300]), Some(150));
        assert_eq!(interval(&[300, 100, 0, 200]), Some(100), "in any order");
    }

    #[test]
    fn an_outage_that_is_over_is_not_usual() {
        assert_eq!(interval(&[0, 100, 200, 3_600_000, 3_600_100]), Some(100));
        // Bursts are: they come more than once.
        assert_eq!(interval(&[0, 10, 60_000, 60_010, 120_000, 120_010]), Some(15_005));
    }

    #[test]
    fn patience_is_never_shorter_than_its_floor() {
        let patience = Patience::default();
        let seconds = |usual: Option<f64>| patience.limit(usual.map(Duration::from_secs_f64)).as_secs_f64();
        assert_eq!(seconds(None), 10.0);
        assert_eq!(seconds(Some(0.2)), 10.0);
        assert_eq!(seconds(Some(60.0)), 300.0);
        let endless = Patience {
            factor: f64::MAX,
            ..patience
        };
        assert_eq!(endless.limit(Some(Duration::from_secs(1))), Duration::MAX);
    }

    proptest! {
        #[test]
        fn it_lies_between_the_shortest_and_the_longest_distance(millis in prop::collection::btree_set(0..1_000_000_i64, 2..50)) {
            let millis: Vec<i64> = millis.into_iter().collect();
            let distances = || millis.windows(2).map(|pair| u128::try_from(pair[1] - pair[0]).unwrap());
            let usual = interval(&millis).unwrap();
            prop_assert!((distances().min().unwrap()..=distances().max().unwrap()).contains(&usual));
        }
    }
}
