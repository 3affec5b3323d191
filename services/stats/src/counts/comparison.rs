//! Comparing with an earlier (or later) range: which one it is, and which of its buckets belongs to which.

use std::str::FromStr;

use citytrack_common::Problem;
use citytrack_domain::Bucket;
use jiff::{
    Span, Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};
use utoipa::ToSchema;

use crate::query::{Query, edges, invalid, is_of_these_years};

/// How far to go back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    distance: Distance,
    /// By whole weeks.
    weekday: bool,
}

#[derive(Clone, Copy, Debug)]
enum Distance {
    /// So many days, weeks, months or years.
    By(Span),
    /// To this day.
    To(Date),
}

/// What a comparison is aligned by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(as = CountsAlign, rename_all = "lowercase")]
pub(super) enum Align {
    Weekday,
}

/// The range to compare with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    /// How many days earlier it begins.
    pub(super) days: i32,
    /// The edges of its buckets. One edge alone where the clocks skipped all of the range.
    pub(super) edges: Vec<Timestamp>,
    /// For each bucket of the range that was asked for, the place of the one that it is compared with: that in which the
    /// clocks of the time zone show the same time, so many days earlier; of weeks and months, the one of the same number.
    pub(super) places: Vec<Option<usize>>,
}

/// Buckets that a range may have more than the one it is compared with: two hours that come twice, by minutes.
const MOST_MORE: usize = 120;

impl Comparison {
    /// The range that is shifted by whole days of the calendar, so that it is at the same time of day also across changes
    /// of the clocks; by whole weeks and months for buckets of these.
    pub(super) fn new(
        shift: Shift,
        bucket: Bucket,
        asked: &[Timestamp],
        zone: &TimeZone,
        most: usize,
    ) -> Result<Self, Problem> {
        let ([start, ..], [.., end]) = (asked, asked) else {
            return Err(invalid("from", "the range is empty"));
        };
        let first = start.to_zoned(zone.clone()).date();
        let days = shift.days(first, bucket).ok_or_else(beyond)?;
        if days == 0 {
            return Err(invalid("compare", "compare leads to the same range"));
        }
        if let Bucket::Week | Bucket::Month = bucket {
            return Self::by_number(days, bucket, first, asked.len() - 1, zone);
        }
        let range = [within(earlier(*start, days, zone))?, within(earlier(*end, days, zone))?];
        let edges = if range[0] < range[1] {
            edges(bucket, range, zone, most + MOST_MORE)?
        } else {
            vec![range[0]]
        };
        let place = |start: &Timestamp| {
            // Days begin when they do; an hour that was skipped is not there.
            if bucket != Bucket::Day && is_skipped(*start, days, zone) {
                return None;
            }
            let start = earlier(*start, days, zone)?;
            let place = edges.partition_point(|edge| *edge <= start).checked_sub(1)?;
            (place + 1 < edges.len()).then_some(place)
        };
        let places = asked.iter().take(asked.len() - 1).map(place).collect();
        Ok(Self { days, edges, places })
    }

    /// As many weeks or months as were asked for, from the one that is so many days before `first`.
    fn by_number(days: i32, bucket: Bucket, first: Date, buckets: usize, zone: &TimeZone) -> Result<Self, Problem> {
        let number = i32::try_from(buckets).map_err(|_| beyond())?;
        let start = first.checked_sub(days.days()).map_err(|_| beyond())?;
        let length = match bucket {
            Bucket::Month => Span::new().try_months(number),
            _ => Span::new().try_weeks(number),
        };
        let end = length.and_then(|length| start.checked_add(length));
        let end = end.map_err(|_| beyond())?;
        let midnight = |date: Date| {
            let midnight = date.to_zoned(zone.clone()).ok();
            within(midnight.map(|midnight| midnight.timestamp()))
        };
        let edges = edges(bucket, [midnight(start)?, midnight(end)?], zone, buckets)?;
        let places = (0..buckets).map(Some).collect();
        Ok(Self { days, edges, places })
    }

    /// Of each bucket of the compared range, whether it is compared with one that was asked for: of an hour that comes twice
    /// there, only the first is.
    pub(super) fn met(&self) -> Vec<bool> {
        let mut met = vec![false; self.edges.len() - 1];
        for place in self.places.iter().flatten() {
            met[*place] = true;
        }
        met
    }
}

fn beyond() -> Problem {
    invalid("compare", "compare leads beyond the years 1970 to 2199")
}

/// An instant in the years that statistics can be of.
fn within(time: Option<Timestamp>) -> Result<Timestamp, Problem> {
    time.filter(|time| is_of_these_years(*time)).ok_or_else(beyond)
}

impl Shift {
    /// The parameters `compare` and `align`.
    pub(super) fn asked(query: &Query, zone: &TimeZone) -> Result<Option<Self>, Problem> {
        let align: Option<Align> = query.one("align")?;
        let Some(text) = query.text("compare")? else {
            return match align {
                None => Ok(None),
                Some(_) => Err(invalid("align", "align says how to compare: give compare, too")),
            };
        };
        let distance = match span(text) {
            Some(span) => Distance::By(span),
            None => Distance::To(day(query, zone)?),
        };
        Ok(Some(Self {
            distance,
            weekday: align.is_some(),
        }))
    }

    /// Days from the shifted day to `day`, at which a bucket begins. Weeks and months are shifted to where others begin: by
    /// the nearest number of them, or to that which holds the day that was given.
    fn days(self, day: Date, bucket: Bucket) -> Option<i32> {
        let (shifted, nearest) = match self.distance {
            Distance::By(span) => (day.checked_sub(span).ok()?, true),
            Distance::To(day) => (day, false),
        };
        let shifted = match bucket {
            Bucket::Week => {
                let since = shifted.weekday().to_monday_zero_offset();
                let more = if nearest && since > 3 { 7 } else { 0 };
                shifted.checked_add((more - since).days()).ok()?
            }
            Bucket::Month => {
                let next = nearest && (shifted.day() - 1) * 2 > shifted.days_in_month();
                let month = shifted.first_of_month();
                month.checked_add(i32::from(next).months()).ok()?
            }
            _ => shifted,
        };
        let days = day.since(shifted).ok()?.get_days();
        let by_weeks = self.weekday && bucket != Bucket::Month;
        Some(if by_weeks { (days + 3).div_euclid(7) * 7 } else { days })
    }
}

/// `7d`, `52w`, `1mo`, `1y`
fn span(text: &str) -> Option<Span> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u16 = number.parse().ok()?;
    match unit {
        "d" => Span::new().try_days(number).ok(),
        "w" => Span::new().try_weeks(number).ok(),
        "mo" => Span::new().try_months(number).ok(),
        "y" => Span::new().try_years(number).ok(),
        _ => None,
    }
}

/// The day where the other range begins.
fn day(query: &Query, zone: &TimeZone) -> Result<Date, Problem> {
    let expected = "compare must be a shift such as 1d, 7d, 52w, 1mo or 1y, or the day where the other range begins";
    let day = query.time("compare", zone).map_err(|_| invalid("compare", expected))?;
    Ok(day.unwrap_or_default().to_zoned(zone.clone()).date())
}

/// The same time of day, `days` earlier; where the clocks skipped it, later by as much as they skipped.
fn earlier(time: Timestamp, days: i32, zone: &TimeZone) -> Option<Timestamp> {
    Some(
        shown_earlier(time, days, zone)?
            .to_zoned(zone.clone())
            .ok()?
            .timestamp(),
    )
}

/// Whether the clocks never showed the same time of day `days` earlier.
fn is_skipped(time: Timestamp, days: i32, zone: &TimeZone) -> bool {
    shown_earlier(time, days, zone)
        .is_some_and(|shown| matches!(zone.to_ambiguous_timestamp(shown).offset(), AmbiguousOffset::Gap { .. }))
}

fn shown_earlier(time: Timestamp, days: i32, zone: &TimeZone) -> Option<DateTime> {
    time.to_zoned(zone.clone()).datetime().checked_sub(days.days()).ok()
}

impl FromStr for Align {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "weekday" => Ok(Self::Weekday),
            _ => Err("must be weekday"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["from", "to", "bucket", "compare", "align"];

    /// The edges that are asked for, and those they are compared with.
    fn compare(query: &str) -> (Vec<Timestamp>, Comparison) {
        compared(query).unwrap()
    }

    fn compared(query: &str) -> Result<(Vec<Timestamp>, Comparison), Problem> {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let query = Query::read(query, KNOWN).unwrap();
        let bucket = query.one("bucket").unwrap().unwrap();
        let asked = edges(bucket, query.range(&zone, Timestamp::UNIX_EPOCH).unwrap(), &zone, 1_000).unwrap();
        let shift = Shift::asked(&query, &zone).unwrap().unwrap();
        let comparison = Comparison::new(shift, bucket, &asked, &zone, 1_000)?;
        Ok((asked, comparison))
    }

    #[test]
    fn shifts_are_days_of_the_calendar() {
        for (shift, days) in [
            ("1d", 1),
            ("7d", 7),
            ("52w&align=weekday", 364),
            ("1y", 365),
            ("1y&align=weekday", 364),
            ("1mo", 31),
            ("2026-11-15", 7),
            ("2026-11-14T10:00&align=weekday", 7),
            ("2026-11-18&align=weekday", 7),
            ("2026-12-01&align=weekday", -7),
        ] {
            let (_, comparison) = compare(&format!("bucket=1d&from=2026-11-22&to=2026-11-23&compare={shift}"));
            assert_eq!(comparison.days, days, "{shift}");
        }
    }

    #[test]
    fn hours_meet_by_the_clock_where_clocks_change() {
        // The clocks go back on 25 October: the hour from 2 comes twice, and both meet the one of the week before.
        let (asked, comparison) = compare("bucket=1h&from=2026-10-25&to=2026-10-26&compare=7d");
        assert_eq!((asked.len(), comparison.edges.len()), (26, 25));
        let places: Vec<_> = comparison.places.iter().flatten().copied().collect();
        assert_eq!(places[..5], [0, 1, 2, 2, 3]);
        assert_eq!(places.last(), Some(&23));
        // They go forward on 29 March: there is no hour from 2, and that of the week before meets none.
        let (_, comparison) = compare("bucket=1h&from=2026-03-29&to=2026-03-30&compare=7d");
        let places: Vec<_> = comparison.places.iter().flatten().copied().collect();
        assert_eq!((places.len(), &places[..4]), (23, &[0, 1, 3, 4][..]));
        // Whole days stay whole.
        let (asked, comparison) = compare("bucket=1d&from=2026-10-25&to=2026-11-01&compare=7d");
        assert_eq!(asked.len(), comparison.edges.len());
        assert!(
            comparison
                .places
                .iter()
                .enumerate()
                .all(|(place, other)| *other == Some(place))
        );
    }

    #[test]
    fn weeks_and_months_meet_by_number() {
        for (query, first, last, buckets) in [
            (
                "bucket=1mo&from=2026-03-01&to=2026-04-01&compare=1mo",
                "2026-02-01",
                "2026-03-01",
                1,
            ),
            (
                "bucket=1mo&from=2026-03-01&to=2026-04-01&compare=30d",
                "2026-02-01",
                "2026-03-01",
                1,
            ),
            (
                "bucket=1mo&from=2026-03-01&to=2026-04-01&compare=2026-01-20",
                "2026-01-01",
                "2026-02-01",
                1,
            ),
            (
                "bucket=1mo&from=2023-07-01&to=2024-07-01&compare=1y",
                "2022-07-01",
                "2023-07-01",
                12,
            ),
            (
                "bucket=1mo&from=2024-01-01&to=2025-01-01&compare=52w",
                "2023-01-01",
                "2024-01-01",
                12,
            ),
            (
                "bucket=1mo&from=2024-01-01&to=2025-01-01&compare=1y&align=weekday",
                "2023-01-01",
                "2024-01-01",
                12,
            ),
            (
                "bucket=1w&from=2026-11-16&to=2026-11-30&compare=1y",
                "2025-11-17",
                "2025-12-01",
                2,
            ),
            (
                "bucket=1w&from=2026-11-16&to=2026-11-30&compare=1mo",
                "2026-10-19",
                "2026-11-02",
                2,
            ),
            (
                "bucket=1w&from=2026-11-16&to=2026-11-30&compare=6d",
                "2026-11-09",
                "2026-11-23",
                2,
            ),
        ] {
            let (_, comparison) = compare(query);
            let zone = TimeZone::get("Europe/Berlin").unwrap();
            let date = |edge: &Timestamp| edge.to_zoned(zone.clone()).date().to_string();
            let ends = [comparison.edges.first(), comparison.edges.last()].map(|edge| date(edge.unwrap()));
            assert_eq!(ends, [first, last], "{query}");
            assert_eq!(comparison.edges.len() - 1, buckets, "{query}");
            assert_eq!(comparison.places, (0..buckets).map(Some).collect::<Vec<_>>(), "{query}");
        }
        assert!(compared("bucket=1w&from=2026-11-16&to=2026-11-30&compare=1d").is_err());
        assert!(compared("bucket=1mo&from=2026-11-01&to=2026-12-01&compare=7d").is_err());
    }

    #[test]
    fn an_hour_that_is_skipped_meets_none_and_one_that_comes_twice_the_first() {
        let (_, nothing) = compare("bucket=1h&from=2026-04-05T02:00&to=2026-04-05T03:00&compare=7d");
        assert_eq!((nothing.edges.len(), &nothing.places[..]), (1, &[None][..]));
        let (_, day) = compare("bucket=1h&from=2026-04-05&to=2026-04-06&compare=7d");
        assert_eq!(day.places[..5], [Some(0), Some(1), None, Some(2), Some(3)]);
        assert!(day.met().iter().all(|met| *met));
        let (_, twice) = compare("bucket=1h&from=2026-11-01T02:00&to=2026-11-01T03:00&compare=7d");
        assert_eq!((&twice.places[..], twice.met()), (&[Some(0)][..], vec![true, false]));
    }

    #[test]
    fn a_range_of_as_many_minutes_as_may_be_meets_one_with_an_hour_more() {
        let (asked, comparison) = compare("bucket=1m&from=2026-11-01T00:00&to=2026-11-01T16:39&compare=7d");
        assert_eq!((asked.len(), comparison.edges.len()), (1_000, 1_060));
    }

    #[test]
    fn what_lies_beyond_these_years_is_refused() {
        for shift in ["7000y", "57y", "60000d"] {
            for bucket in ["1h", "1d", "1w", "1mo"] {
                let query = format!("bucket={bucket}&from=2026-11-01&to=2026-11-02&compare={shift}");
                let refused = compared(&query).unwrap_err().to_string();
                assert!(refused.contains("beyond the years 1970 to 2199"), "{query}: {refused}");
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in [
            "compare=",
            "compare=d",
            "compare=7",
            "compare=7h",
            "compare=-1d",
            "compare=99999d",
            "align=weekday",
        ] {
            let query = Query::read(wrong, KNOWN).unwrap();
            assert!(Shift::asked(&query, &TimeZone::UTC).is_err(), "{wrong}");
        }
    }
}
