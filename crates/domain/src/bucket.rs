//! Buckets: the time intervals that counts belong to.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};

/// How long a bucket is. From hours on they are those of a time zone: a day may have 23 or 25 hours. Weeks begin on Monday
/// (ISO 8601).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// `1m`
    Minute,
    /// `5m`
    FiveMinutes,
    /// `15m`
    QuarterHour,
    /// `30m`
    HalfHour,
    /// `1h`
    Hour,
    /// `1d`
    Day,
    /// `1w`
    Week,
    /// `1mo`
    Month,
}

/// The text names no bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of 1m, 5m, 15m, 30m, 1h, 1d, 1w and 1mo")]
pub struct InvalidBucket;

/// Why a range cannot be divided into buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRange {
    /// It is empty or runs backwards.
    #[error("`from` must lie before `to`")]
    Empty,
    /// It holds more buckets than asked for at most.
    #[error("the range holds more than {0} buckets")]
    TooManyBuckets(usize),
    /// A bucket at its end begins or ends outside the calendar.
    #[error("the range reaches beyond the calendar")]
    OffCalendar,
}

impl Bucket {
    /// All of them, the shortest first.
    pub const ALL: [Self; 8] = [
        Self::Minute,
        Self::FiveMinutes,
        Self::QuarterHour,
        Self::HalfHour,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
    ];

    /// The edges of the buckets that hold `from` up to `to`: one more than there are buckets, the first at or before
    /// `from`, the last at or after `to`.
    ///
    /// # Errors
    /// When the range is empty, or would need more than `limit` buckets.
    pub fn edges(
        self,
        from: Timestamp,
        to: Timestamp,
        zone: &TimeZone,
        limit: usize,
    ) -> Result<Vec<Timestamp>, InvalidRange> {
        if from >= to {
            return Err(InvalidRange::Empty);
        }
        let mut edge = self.start(from, zone).ok_or(InvalidRange::OffCalendar)?;
        let mut edges = vec![edge];
        while edge < to {
            if edges.len() > limit {
                return Err(InvalidRange::TooManyBuckets(limit));
            }
            edge = self.end(edge, zone).ok_or(InvalidRange::OffCalendar)?;
            edges.push(edge);
        }
        Ok(edges)
    }

    /// The start of the bucket that `time` lies in; `None` beyond the calendar.
    pub fn start(self, time: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let Some(length) = self.length() else {
            let date = self.first_day(time.to_zoned(zone.clone()).date());
            return midnight(date?, zone);
        };
        let start = floor(time, length, zone)?;
        if zone.to_offset(start) == zone.to_offset(time) {
            return Some(start);
        }
        // The clocks were changed in between. Where they moved by less than a bucket, a bucket begins with the change.
        let changed = zone
            .preceding(time.checked_add(SignedDuration::from_nanos(1)).ok()?)
            .next()?
            .timestamp();
        Some(start.max(changed))
    }

    /// The end of the bucket that begins at `start`.
    fn end(self, start: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let Some(length) = self.length() else {
            let date = self.first_day(start.to_zoned(zone.clone()).date())?;
            let days = match self {
                Self::Week => 7.days(),
                Self::Month => 1.month(),
                _ => 1.day(),
            };
            return midnight(date.checked_add(days).ok()?, zone);
        };
        let end = floor(start, length, zone)?
            .checked_add(SignedDuration::from_secs(length))
            .ok()?;
        if zone.to_offset(start) == zone.to_offset(end) {
            return Some(end);
        }
        Some(zone.following(start).next()?.timestamp().min(end))
    }

    /// The first day of the bucket that `date` lies in, for buckets of whole days.
    fn first_day(self, date: Date) -> Option<Date> {
        match self {
            Self::Week => date.checked_sub(date.weekday().to_monday_zero_offset().days()).ok(),
            Self::Month => Some(date.first_of_month()),
            _ => Some(date),
        }
    }

    /// Seconds, for buckets that all have the same length.
    fn length(self) -> Option<i64> {
        match self {
            Self::Minute => Some(60),
            Self::FiveMinutes => Some(5 * 60),
            Self::QuarterHour => Some(15 * 60),
            Self::HalfHour => Some(30 * 60),
            Self::Hour => Some(60 * 60),
            Self::Day | Self::Week | Self::Month => None,
        }
    }
}

/// The first instant of a day.
fn midnight(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(date.to_zoned(zone.clone()).ok()?.timestamp())
}

/// `time` down to a whole multiple of `length` seconds, as the clocks of `zone` show it at `time`.
fn floor(time: Timestamp, length: i64, zone: &TimeZone) -> Option<Timestamp> {
    let shown = time
        .as_duration()
        .checked_add(SignedDuration::from_secs(zone.to_offset(time).seconds().into()))?;
    let seconds = if shown.subsec_nanos() < 0 {
        shown.as_secs() - 1
    } else {
        shown.as_secs()
    };
    let whole = seconds - seconds.rem_euclid(length);
    Timestamp::from_second(whole - i64::from(zone.to_offset(time).seconds())).ok()
}

impl FromStr for Bucket {
    type Err = InvalidBucket;

    fn from_str(text: &str) -> Result<Self, InvalidBucket> {
        Self::ALL
            .into_iter()
            .find(|bucket| bucket.as_str() == text)
            .ok_or(InvalidBucket)
    }
}

impl Bucket {
    /// The name, such as `5m`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::QuarterHour => "15m",
            Self::HalfHour => "30m",
            Self::Hour => "1h",
            Self::Day => "1d",
            Self::Week => "1w",
            Self::Month => "1mo",
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn edges(bucket: &str, from: &str, to: &str, zone_name: &str) -> Vec<String> {
        let bucket: Bucket = bucket.parse().unwrap();
        let edges = bucket
            .edges(from.parse().unwrap(), to.parse().unwrap(), &zone(zone_name), 10_000)
            .unwrap();
        edges.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_range_is_widened_to_whole_buckets() {
        let minutes = edges("1m", "2026-11-22T10:00:30.5Z", "2026-11-22T10:01:00.000000001Z", "UTC");
        assert_eq!(
            minutes,
            ["2026-11-22T10:00:00Z", "2026-11-22T10:01:00Z", "2026-11-22T10:02:00Z"]
        );
        let exact = edges("5m", "2026-11-22T10:00:00Z", "2026-11-22T10:05:00Z", "UTC");
        assert_eq!(exact, ["2026-11-22T10:00:00Z", "2026-11-22T10:05:00Z"]);
        let before_1970 = edges("1m", "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z", "UTC");
        assert_eq!(before_1970, ["1969-12-31T23:59:00Z", "1970-01-01T00:00:00Z"]);
    }

    #[test]
    fn hours_are_those_of_the_zone() {
        let kolkata = edges("1h", "2026-11-22T10:00:00Z", "2026-11-22T10:45:00Z", "Asia/Kolkata");
        assert_eq!(
            kolkata,
            ["2026-11-22T09:30:00Z", "2026-11-22T10:30:00Z", "2026-11-22T11:30:00Z"]
        );
    }

    #[test]
    fn days_have_23_and_25_hours_where_clocks_change() {
        // Berlin: summer time begins on 29 March and ends on 25 October 2026.
        let spring = edges("1d", "2026-03-28T12:00:00Z", "2026-03-29T23:00:00Z", "Europe/Berlin");
        assert_eq!(
            spring,
            [
                "2026-03-27T23:00:00Z",
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
                "2026-03-30T22:00:00Z"
            ]
        );
        let autumn = edges("1d", "2026-10-25T00:00:00Z", "2026-10-25T12:00:00Z", "Europe/Berlin");
        assert_eq!(autumn, ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"]);
        // Auckland: summer time ends on 5 April and begins on 27 September 2026.
        let autumn = edges("1d", "2026-04-04T12:00:00Z", "2026-04-04T13:00:00Z", "Pacific/Auckland");
        assert_eq!(autumn, ["2026-04-04T11:00:00Z", "2026-04-05T12:00:00Z"]);
        let spring = edges("1d", "2026-09-27T00:00:00Z", "2026-09-27T01:00:00Z", "Pacific/Auckland");
        assert_eq!(spring, ["2026-09-26T12:00:00Z", "2026-09-27T11:00:00Z"]);
        // Santiago's clocks change at midnight: the day begins at 01:00.
        let spring = edges("1d", "2026-09-06T12:00:00Z", "2026-09-06T13:00:00Z", "America/Santiago");
        assert_eq!(spring, ["2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"]);
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_their_first_day() {
        let weeks = edges("1w", "2026-10-20T12:00:00Z", "2026-10-26T00:00:00Z", "Europe/Berlin");
        assert_eq!(
            weeks,
            ["2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z", "2026-11-01T23:00:00Z"]
        );
        let months = edges("1mo", "2026-02-28T23:00:00Z", "2026-04-01T00:00:00Z", "Europe/Berlin");
        assert_eq!(
            months,
            ["2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", "2026-04-30T22:00:00Z"]
        );
    }

    #[test]
    fn both_hours_of_a_repeated_hour_are_buckets() {
        let hours = edges("1h", "2026-10-25T00:10:00Z", "2026-10-25T02:10:00Z", "Europe/Berlin");
        assert_eq!(
            hours,
            [
                "2026-10-25T00:00:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T02:00:00Z",
                "2026-10-25T03:00:00Z"
            ]
        );
    }

    #[test]
    fn clocks_that_move_by_half_an_hour_cut_an_hour() {
        // Lord Howe: at 02:00 on 5 April 2026 the clocks go back to 01:30.
        let hours = edges(
            "1h",
            "2026-04-04T14:30:00Z",
            "2026-04-04T16:00:00Z",
            "Australia/Lord_Howe",
        );
        assert_eq!(
            hours,
            [
                "2026-04-04T14:00:00Z",
                "2026-04-04T15:00:00Z",
                "2026-04-04T15:30:00Z",
                "2026-04-04T16:30:00Z"
            ]
        );
        let inside = edges(
            "1h",
            "2026-04-04T15:10:00Z",
            "2026-04-04T15:20:00Z",
            "Australia/Lord_Howe",
        );
        assert_eq!(inside, ["2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"]);
    }

    #[test]
    fn impossible_ranges_are_refused() {
        let [early, late] = ["2026-11-22T10:00:00Z", "2026-11-22T12:00:00Z"].map(|time| time.parse().unwrap());
        let utc = TimeZone::UTC;
        assert_eq!(Bucket::Minute.edges(late, early, &utc, 10), Err(InvalidRange::Empty));
        assert_eq!(Bucket::Minute.edges(early, early, &utc, 10), Err(InvalidRange::Empty));
        assert_eq!(
            Bucket::Minute.edges(early, late, &utc, 119),
            Err(InvalidRange::TooManyBuckets(119))
        );
        assert_eq!(Bucket::Minute.edges(early, late, &utc, 120).unwrap().len(), 121);
        let end = Timestamp::MAX - SignedDuration::from_hours(1);
        assert_eq!(
            Bucket::Day.edges(end, Timestamp::MAX, &utc, 10),
            Err(InvalidRange::OffCalendar)
        );
    }

    proptest! {
        #[test]
        fn buckets_cover_the_range_and_do_not_depend_on_where_it_begins(
            from in 0..4_000_000_000i64,
            length in 1..1_000_000i64,
            bucket in prop::sample::select(&Bucket::ALL[2..]),
            name in prop::sample::select(
                &["UTC", "Europe/Berlin", "Pacific/Auckland", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago"][..]
            ),
        ) {
            let zone = zone(name);
            let (from, to) = (Timestamp::from_second(from).unwrap(), Timestamp::from_second(from + length).unwrap());
            let edges = bucket.edges(from, to, &zone, 10_000).unwrap();
            prop_assert!(edges[0] <= from && from < edges[1]);
            prop_assert!(edges[edges.len() - 2] < to && to <= edges[edges.len() - 1]);
            prop_assert!(edges.windows(2).all(|pair| pair[0] < pair[1]));
            let later = bucket.edges(edges[edges.len() - 2], to, &zone, 10_000).unwrap();
            prop_assert_eq!(&later[..], &edges[edges.len() - 2..]);
        }
    }
}
