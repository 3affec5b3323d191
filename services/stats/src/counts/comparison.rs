//! Comparing with an earlier (or later) range: which one it is, and which of its buckets belongs to which.

use std::str::FromStr;

use citytrack_common::Problem;
use citytrack_domain::Bucket;
use jiff::{Span, Timestamp, ToSpan, civil::Date, tz::TimeZone};

use utoipa::ToSchema;

use crate::query::{Query, edges, invalid};

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
    /// How many days earlier it is.
    pub(super) days: i32,
    /// The edges of its buckets.
    pub(super) edges: Vec<Timestamp>,
    /// For each bucket of the range that was asked for, the place of the one that it is compared with: that in which the
    /// clocks of the time zone show the same time, so many days earlier.
    pub(super) places: Vec<Option<usize>>,
}

impl Comparison {
    /// The range that is shifted by whole days of the calendar, so that it is at the same time of day also across changes
    /// of the clocks.
    pub(super) fn new(
        shift: Shift,
        bucket: Bucket,
        asked: &[Timestamp],
        zone: &TimeZone,
        most: usize,
    ) -> Result<Self, Problem> {
        let beyond = || invalid("compare", "compare leads beyond the calendar");
        let ([start, ..], [.., end]) = (asked, asked) else {
            return Err(invalid("from", "the range is empty"));
        };
        let date = |time: &Timestamp| time.to_zoned(zone.clone()).date();
        let days = shift.days(date(start)).ok_or_else(beyond)?;
        if days == 0 {
            return Err(invalid("compare", "compare leads to the same range"));
        }
        let shifted = |time: &Timestamp| earlier(*time, days, zone).ok_or_else(beyond);
        let range = [shifted(start)?, shifted(end)?];
        let edges = edges(bucket, range, zone, most + 1)?;
        let mut places = Vec::new();
        for start in asked.iter().take(asked.len() - 1) {
            let start = shifted(start)?;
            let place = edges.partition_point(|edge| *edge <= start);
            places.push(place.checked_sub(1).filter(|place| place + 1 < edges.len()));
        }
        Ok(Self { days, edges, places })
    }
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

    /// Days from the shifted day to `day`.
    fn days(self, day: Date) -> Option<i32> {
        let shifted = match self.distance {
            Distance::By(span) => day.checked_sub(span).ok()?,
            Distance::To(day) => day,
        };
        let days = day.since(shifted).ok()?.get_days();
        Some(if self.weekday {
            (days + 3).div_euclid(7) * 7
        } else {
            days
        })
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

/// The same time of day, `days` earlier; where the clocks skipped it, right after.
fn earlier(time: Timestamp, days: i32, zone: &TimeZone) -> Option<Timestamp> {
    let shown = time.to_zoned(zone.clone()).datetime();
    let shifted = shown.checked_sub(days.days()).ok()?;
    Some(shifted.to_zoned(zone.clone()).ok()?.timestamp())
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
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let query = Query::read(query, KNOWN).unwrap();
        let bucket = query.one("bucket").unwrap().unwrap();
        let asked = edges(bucket, query.range(&zone, Timestamp::UNIX_EPOCH).unwrap(), &zone, 1_000).unwrap();
        let shift = Shift::asked(&query, &zone).unwrap().unwrap();
        let comparison = Comparison::new(shift, bucket, &asked, &zone, 1_000).unwrap();
        (asked, comparison)
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
