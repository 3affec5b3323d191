//! Which time a count is of.

use citytrack_domain::Bucket;
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};

use super::{Step, count::shown};

/// When the time of a count begins, and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Timestamp,
    pub(super) minutes: i32,
    /// Clocks never showed it, or showed it twice.
    pub(super) oddity: Option<Oddity>,
}

/// What is odd about a local time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// Clocks were put forward past it.
    Skipped(String),
    /// Clocks were put back to before it.
    Twice(String),
}

/// What a line says about its time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said<'a> {
    Time(&'a str),
    DateAndHour(&'a str, &'a str),
    Date(&'a str),
}

/// Reads times of a zone, in steps.
#[derive(Clone, Debug)]
pub(super) struct Times {
    pub(super) zone: TimeZone,
    pub(super) step: Step,
    pub(super) now: Timestamp,
}

impl Times {
    pub(super) fn read(&self, said: Said<'_>) -> Result<Span, String> {
        let (start, oddity) = match said {
            Said::Time(text) => self.time(text.trim())?,
            Said::DateAndHour(date, hour) => self.local(on(date, hour)?)?,
            Said::Date(date) => self.local(day(date)?.at(0, 0, 0, 0))?,
        };
        let shown = || start.to_zoned(self.zone.clone()).datetime();
        if start < Timestamp::UNIX_EPOCH {
            return Err(format!("{} is before 1970", shown()));
        }
        if start > self.now {
            return Err(format!("{} is yet to come", shown()));
        }
        let (bucket, name) = match self.step {
            Step::QuarterHour => (Bucket::QuarterHour, "a quarter of an hour"),
            Step::HalfHour => (Bucket::HalfHour, "half an hour"),
            Step::Hour => (Bucket::Hour, "an hour"),
            Step::Day => (Bucket::Day, "a day"),
        };
        if bucket.start(start, &self.zone) != Some(start) {
            return Err(format!("{} is not the start of {name}", shown()));
        }
        let minutes = self.minutes(start);
        Ok(Span { start, minutes, oddity })
    }

    /// RFC 3339, or a local time.
    fn time(&self, text: &str) -> Result<(Timestamp, Option<Oddity>), String> {
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Ok((instant, None));
        }
        let local = text.parse::<DateTime>().map_err(|_| {
            let form = "2026-11-22T10:00, with or without an offset such as Z or +13:00";
            format!("{} is not a time: write it like {form}", shown(text))
        })?;
        // A date alone would silently be its first hour.
        if self.step != Step::Day && !text.contains(':') {
            return Err(format!("{} has no hour", shown(text)));
        }
        self.local(local)
    }

    fn local(&self, local: DateTime) -> Result<(Timestamp, Option<Oddity>), String> {
        let meant = self.zone.to_ambiguous_timestamp(local);
        // The day that begins later, as its midnight was skipped, is no less a day.
        let is_odd = self.step != Step::Day;
        let offset = meant.offset();
        let start = meant
            .compatible()
            .map_err(|_| format!("{local} is beyond the calendar"))?;
        let oddity = match offset {
            AmbiguousOffset::Unambiguous { .. } => None,
            AmbiguousOffset::Gap { .. } => {
                let taken = start.to_zoned(self.zone.clone()).datetime();
                Some(Oddity::Skipped(format!(
                    "clocks were put forward past {local}; the next hour that there was is {taken}"
                )))
            }
            AmbiguousOffset::Fold { before, .. } => Some(Oddity::Twice(format!(
                "clocks were put back, so {local} was there twice; the first is meant, at {before}"
            ))),
        };
        Ok((start, oddity.filter(|_| is_odd)))
    }

    fn minutes(&self, start: Timestamp) -> i32 {
        match self.step {
            Step::QuarterHour => 15,
            Step::HalfHour => 30,
            Step::Hour => 60,
            Step::Day => {
                let day = start.to_zoned(self.zone.clone());
                let end = day.tomorrow().and_then(|next| next.start_of_day());
                let minutes = end.map(|end| end.timestamp().duration_since(start).as_mins());
                minutes
                    .ok()
                    .and_then(|minutes| i32::try_from(minutes).ok())
                    .unwrap_or(24 * 60)
            }
        }
    }
}

/// An hour of a day: `6`, `06:00` or `6:00-6:59`.
fn on(date: &str, hour: &str) -> Result<DateTime, String> {
    let wrong = || format!("{} is not an hour: write it like 6, 06:00 or 6:00-6:59", shown(hour));
    let (from, to) = hour
        .split_once(['-', '–'])
        .map_or((hour, None), |(from, to)| (from, Some(to)));
    let (from_hour, from_minute) = clock(from).ok_or_else(wrong)?;
    if to.is_some_and(|to| clock(to).is_none()) {
        return Err(wrong());
    }
    Ok(day(date)?.at(from_hour, from_minute, 0, 0))
}

/// `6`, `06:00`
fn clock(text: &str) -> Option<(i8, i8)> {
    let (hour, minute) = text.trim().split_once(':').unwrap_or((text.trim(), "0"));
    let within = |text: &str, limit: i8| {
        let number: i8 = text.parse().ok()?;
        (text.len() <= 2 && !text.starts_with('+') && (0..limit).contains(&number)).then_some(number)
    };
    Some((within(hour, 24)?, within(minute, 60)?))
}

fn day(date: &str) -> Result<Date, String> {
    let text = date.trim();
    text.parse()
        .map_err(|_| format!("{} is not a date: write it like 2026-11-22", shown(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(zone: &str, step: Step) -> Times {
        Times {
            zone: TimeZone::get(zone).unwrap(),
            step,
            now: "2026-11-22T12:00:00Z".parse().unwrap(),
        }
    }

    fn hour(date: &str, hour: &str) -> Result<Span, String> {
        times("Pacific/Auckland", Step::Hour).read(Said::DateAndHour(date, hour))
    }

    #[test]
    fn hours_are_written_in_several_ways() {
        let six: Timestamp = "2019-01-01T06:00:00+13:00".parse().unwrap();
        for written in ["6", "06", "06:00", "6:00", "6:00-6:59", " 6:00 – 6:59 ", "6-7"] {
            let span = hour("2019-01-01", written).unwrap();
            assert_eq!((span.start, span.minutes, span.oddity), (six, 60, None), "{written}");
        }
        for written in [
            "", "24", "-1", "6h", "6:60", "+6", "006", "6:00-", "6:00-x", "six", "6:30",
        ] {
            hour("2019-01-01", written).unwrap_err();
        }
        assert_eq!(
            hour("1.1.2019", "6").unwrap_err(),
            "\"1.1.2019\" is not a date: write it like 2026-11-22"
        );
    }

    #[test]
    fn times_are_local_unless_they_have_an_offset() {
        let times = times("Pacific/Auckland", Step::Hour);
        let six: Timestamp = "2019-01-01T06:00:00+13:00".parse().unwrap();
        for written in [
            "2019-01-01T06:00",
            "2019-01-01 06:00:00",
            "2018-12-31T17:00:00Z",
            "2018-12-31T18:00+01:00",
        ] {
            assert_eq!(times.read(Said::Time(written)).unwrap().start, six, "{written}");
        }
        for (written, reason) in [
            ("2019-01-01", "\"2019-01-01\" has no hour"),
            ("2019-01-01T06:10", "2019-01-01T06:10:00 is not the start of an hour"),
            ("1969-12-31T11:00Z", "1969-12-31T23:00:00 is before 1970"),
            ("2026-11-22T13:00Z", "2026-11-23T02:00:00 is yet to come"),
            (
                "yesterday",
                "\"yesterday\" is not a time: write it like 2026-11-22T10:00, with or without an offset such as Z or +13:00",
            ),
        ] {
            assert_eq!(times.read(Said::Time(written)), Err(reason.to_owned()));
        }
    }

    #[test]
    fn clocks_that_change_are_told() {
        let skipped = hour("2024-09-29", "2").unwrap();
        assert_eq!(skipped.start, "2024-09-29T03:00:00+13:00".parse().unwrap());
        let told =
            "clocks were put forward past 2024-09-29T02:00:00; the next hour that there was is 2024-09-29T03:00:00";
        assert_eq!(skipped.oddity, Some(Oddity::Skipped(told.to_owned())));
        let twice = hour("2024-04-07", "2").unwrap();
        assert_eq!(twice.start, "2024-04-07T02:00:00+13:00".parse().unwrap());
        let told = "clocks were put back, so 2024-04-07T02:00:00 was there twice; the first is meant, at +13";
        assert_eq!(twice.oddity, Some(Oddity::Twice(told.to_owned())));
        let told_apart = times("Pacific/Auckland", Step::Hour)
            .read(Said::Time("2024-04-07T02:00+12:00"))
            .unwrap();
        assert_eq!(told_apart.start, "2024-04-06T14:00:00Z".parse().unwrap());
        assert_eq!(told_apart.oddity, None);
    }

    #[test]
    fn steps_of_other_lengths() {
        let quarter = times("Asia/Kathmandu", Step::QuarterHour)
            .read(Said::Time("2026-01-01T10:15"))
            .unwrap();
        assert_eq!(
            (quarter.start.to_string().as_str(), quarter.minutes),
            ("2026-01-01T04:30:00Z", 15)
        );
        let half = times("UTC", Step::HalfHour);
        assert_eq!(half.read(Said::DateAndHour("2026-01-01", "10:30")).unwrap().minutes, 30);
        half.read(Said::DateAndHour("2026-01-01", "10:15")).unwrap_err();

        let days = times("Pacific/Auckland", Step::Day);
        for (date, minutes) in [
            ("2024-09-29", 23 * 60),
            ("2024-04-07", 25 * 60),
            ("2024-05-01", 24 * 60),
        ] {
            assert_eq!(days.read(Said::Date(date)).unwrap().minutes, minutes);
            assert_eq!(days.read(Said::Time(date)).unwrap().minutes, minutes);
        }
        days.read(Said::DateAndHour("2024-05-01", "6")).unwrap_err();
        // Santiago's clocks change at midnight.
        let span = times("America/Santiago", Step::Day)
            .read(Said::Date("2025-09-07"))
            .unwrap();
        assert_eq!(
            (span.start.to_string().as_str(), span.minutes, span.oddity),
            ("2025-09-07T04:00:00Z", 23 * 60, None)
        );
    }
}
