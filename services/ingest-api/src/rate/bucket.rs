//! One token bucket, kept as one number.
//!
//! A bucket fills at an even rate up to its capacity. Instead of a count that somebody must raise all the time, it keeps the
//! moment at which it will be full again (the generic cell rate algorithm of ATM turned round): taking a token moves that moment
//! into the future, and the time until then says how many tokens are missing.

use std::{
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    time::Duration,
};

/// Nanoseconds since the limiter was made; never the wall clock, which may be set back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(super) i64);

const SECOND: i64 = 1_000_000_000;

/// What a bucket gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    /// Tokens a second.
    pub(super) rate: i64,
    /// How long an empty bucket takes to fill, in nanoseconds. Its capacity in tokens is that time at the rate.
    filling: i64,
}

impl Quota {
    /// `rate` tokens a second, and so many seconds' worth of them at once, but at least one token; none when the rate is 0.
    pub(super) fn new(rate: u64, burst: Duration) -> Option<Self> {
        // Enough for any machine, and small enough that no product below overflows.
        const MOST: i64 = 1 << 40;
        let rate = i64::try_from(rate).unwrap_or(MOST).min(MOST);
        let longest = 1_000 * SECOND;
        let burst = i64::try_from(burst.as_nanos()).unwrap_or(longest).min(longest);
        (rate > 0).then(|| Self {
            rate,
            filling: burst.max(SECOND.div_euclid(rate) + 1),
        })
    }

    /// How long an empty bucket takes to fill.
    pub(super) fn filling(self) -> Duration {
        nanos(self.filling)
    }

    /// How long the bucket takes to make so many tokens.
    fn time_for(self, tokens: u64) -> i64 {
        let tokens = i128::from(tokens) * i128::from(SECOND);
        i64::try_from(tokens / i128::from(self.rate)).unwrap_or(i64::MAX / 4)
    }

    fn tokens_in(self, nanos: i64) -> u64 {
        let tokens = i128::from(nanos.max(0)) * i128::from(self.rate) / i128::from(SECOND);
        u64::try_from(tokens).unwrap_or(u64::MAX)
    }
}

/// The state of one bucket.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    full_at: AtomicI64,
}

impl Bucket {
    /// Takes `tokens` when at least one is there: the last taker may leave a debt, which delays the next one.
    /// When there is none, how long it takes until there is.
    pub(super) fn take(&self, quota: Quota, tokens: u64, now: Moment) -> Result<(), Duration> {
        let latest = now.0 + quota.filling - quota.time_for(1);
        let taken = self.full_at.fetch_update(Relaxed, Relaxed, |full_at| {
            let full_at = full_at.max(now.0);
            (full_at <= latest).then_some(full_at.saturating_add(quota.time_for(tokens)))
        });
        taken.map(drop).map_err(|full_at| nanos(full_at - latest))
    }

    /// Whether at least one token would be there if the asker had not taken its `own`. When not, how long it takes until one is.
    pub(super) fn check(&self, quota: Quota, own: u64, now: Moment) -> Result<(), Duration> {
        let latest = now.0 + quota.filling - quota.time_for(1);
        let full_at = self.full_at.load(Relaxed);
        if full_at.saturating_sub(quota.time_for(own)) <= latest {
            Ok(())
        } else {
            Err(nanos(full_at - latest))
        }
    }

    /// Takes `tokens` whether they are there or not.
    pub(super) fn charge(&self, quota: Quota, tokens: u64, now: Moment) {
        let _ = self.full_at.fetch_update(Relaxed, Relaxed, |full_at| {
            Some(full_at.max(now.0).saturating_add(quota.time_for(tokens)))
        });
    }

    /// Puts tokens back that were taken and not used.
    pub(super) fn give_back(&self, quota: Quota, tokens: u64) {
        // A moment that lies in the past is as good as now: a bucket never holds more than its capacity.
        self.full_at.fetch_sub(quota.time_for(tokens), Relaxed);
    }

    /// The tokens that are there, and how long it takes until there are more: until the bucket is full, or, when it is empty,
    /// until there is one.
    pub(super) fn left(&self, quota: Quota, now: Moment) -> (u64, Duration) {
        let missing = (self.full_at.load(Relaxed) - now.0).max(0);
        let tokens = quota.tokens_in(quota.filling - missing);
        let wait = if tokens == 0 {
            missing - quota.filling + quota.time_for(1)
        } else {
            missing
        };
        (tokens, nanos(wait))
    }
}

fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Moment {
        Moment(millis * 1_000_000)
    }

    /// Ten a second, two seconds' worth at once.
    fn ten() -> Quota {
        Quota::new(10, Duration::from_secs(2)).unwrap()
    }

    fn taken(bucket: &Bucket, now: Moment) -> usize {
        (0..100).take_while(|_| bucket.take(ten(), 1, now).is_ok()).count()
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_its_rate() {
        let bucket = Bucket::default();
        assert_eq!(taken(&bucket, at(0)), 20);
        assert_eq!(bucket.take(ten(), 1, at(0)), Err(Duration::from_millis(100)));
        assert_eq!(bucket.take(ten(), 1, at(60)), Err(Duration::from_millis(40)));
        assert_eq!(taken(&bucket, at(100)), 1);
        assert_eq!(taken(&bucket, at(1_100)), 10);
        assert_eq!(
            taken(&bucket, at(1_000_000)),
            20,
            "no more than its capacity, however long it had"
        );
    }

    #[test]
    fn a_large_taker_leaves_a_debt() {
        let bucket = Bucket::default();
        assert_eq!(bucket.take(ten(), 50, at(0)), Ok(()));
        assert_eq!(bucket.take(ten(), 1, at(0)), Err(Duration::from_millis(3_100)));
        assert_eq!(bucket.left(ten(), at(1_000)), (0, Duration::from_millis(2_100)));
        assert_eq!(taken(&bucket, at(3_100)), 1);
    }

    #[test]
    fn what_is_put_back_can_be_taken_again_but_no_more() {
        let bucket = Bucket::default();
        assert_eq!(taken(&bucket, at(0)), 20);
        bucket.give_back(ten(), 3);
        assert_eq!(bucket.left(ten(), at(0)), (3, Duration::from_millis(1_700)));
        assert_eq!(taken(&bucket, at(0)), 3);
        bucket.give_back(ten(), 1_000);
        assert_eq!(taken(&bucket, at(0)), 20);
        bucket.charge(ten(), 5, at(0));
        assert_eq!(bucket.left(ten(), at(500)), (0, Duration::from_millis(100)));
    }

    #[test]
    fn a_bucket_holds_one_token_at_least_and_no_rate_is_no_bucket() {
        let slow = Quota::new(1, Duration::ZERO).unwrap();
        let bucket = Bucket::default();
        assert!(bucket.take(slow, 1, at(0)).is_ok() && bucket.take(slow, 1, at(900)).is_err());
        assert!(bucket.take(slow, 1, at(1_000)).is_ok());
        assert!(Quota::new(0, Duration::from_secs(1)).is_none());
        let quick = Quota::new(u64::MAX, Duration::MAX).unwrap();
        assert!(bucket.take(quick, u64::MAX, at(2_000)).is_ok(), "nothing overflows");
        assert!(bucket.take(quick, 1, at(2_000)).is_err());
    }

    #[test]
    fn two_threads_do_not_get_more_than_there_is() {
        let bucket = Bucket::default();
        let quota = Quota::new(1_000, Duration::from_secs(1)).unwrap();
        let take = || (0..1_000).filter(|_| bucket.take(quota, 1, at(0)).is_ok()).count();
        let (one, other) = std::thread::scope(|scope| {
            let thread = scope.spawn(take);
            (take(), thread.join().unwrap())
        });
        assert_eq!(one + other, 1_000);
    }
}
