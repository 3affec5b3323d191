//! The query string of a request: every parameter is known, and what cannot be read is answered with its name.

mod places;

use std::{fmt::Display, str::FromStr};

use actix_web::web;
use citytrack_common::Problem;
use citytrack_domain::{Bucket, InvalidRange};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

pub(crate) use self::places::Places;

/// Values of a list in one request.
const MOST_VALUES: usize = 100;
const DEFAULT_RANGE: SignedDuration = SignedDuration::from_hours(24);

/// The parameters that were given, in their order.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Takes the query string apart; every parameter has to be one of `known`.
    pub(crate) fn read(text: &str, known: &[&str]) -> Result<Self, Problem> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(text)
            .map_err(|error| invalid("", &format!("the query cannot be read: {error}")))?
            .into_inner();
        match pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(Self(pairs)),
            Some((name, _)) => {
                let known = known.join(", ");
                let detail = format!("there is no parameter {name:?} here, only {known}");
                Err(invalid(name, &detail))
            }
        }
    }

    /// A parameter as it was given, at most once.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.values(name);
        let first = values.next();
        match values.next() {
            None => Ok(first),
            Some(_) => Err(invalid(name, &format!("{name} is given more than once"))),
        }
    }

    /// A parameter that is given at most once.
    pub(crate) fn one<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.text(name)?.map(|value| parsed(name, value)).transpose()
    }

    /// A parameter with several values between commas, or repeated.
    pub(crate) fn many<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Vec<T>, Problem> {
        let values: Vec<&str> = self.values(name).flat_map(|values| values.split(',')).collect();
        if values.len() > MOST_VALUES {
            return Err(invalid(name, &format!("{name} names at most {MOST_VALUES}")));
        }
        values.into_iter().map(|value| parsed(name, value)).collect()
    }

    /// An instant, or a local date or time of `zone`, in the years that statistics can be of.
    pub(crate) fn time(&self, name: &str, zone: &TimeZone) -> Result<Option<Timestamp>, Problem> {
        let Some(value) = self.text(name)? else {
            return Ok(None);
        };
        let local = || value.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok();
        let time = value.parse().ok().or_else(|| Some(local()?.timestamp()));
        let time: Timestamp = time.ok_or_else(|| {
            let hint = if value.contains(' ') {
                " (a + in an address is written %2B)"
            } else {
                ""
            };
            let examples = "a time such as 2026-11-22T10:00:00Z, or a local one such as 2026-11-22 or 2026-11-22T10:00";
            invalid(name, &format!("{name} is {value:?}, but must be {examples}{hint}"))
        })?;
        if is_of_these_years(time) {
            Ok(Some(time))
        } else {
            let detail = format!("{name} is {value:?}, but must lie in the years 1970 to 2199");
            Err(invalid(name, &detail))
        }
    }

    /// From `from` to `to`; without them the last 24 hours.
    pub(crate) fn range(&self, zone: &TimeZone, now: Timestamp) -> Result<[Timestamp; 2], Problem> {
        let to = self.time("to", zone)?.unwrap_or(now);
        Ok([self.time("from", zone)?.unwrap_or(to - DEFAULT_RANGE), to])
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(given, _)| given == name);
        named.map(|(_, value)| value.as_str())
    }
}

/// Whether statistics can be of this time: of the years 1970 to 2199.
pub(crate) fn is_of_these_years(time: Timestamp) -> bool {
    (0..7_258_118_400).contains(&time.as_second())
}

/// The edges of the buckets of a range.
pub(crate) fn edges(
    bucket: Bucket,
    [from, to]: [Timestamp; 2],
    zone: &TimeZone,
    most: usize,
) -> Result<Vec<Timestamp>, Problem> {
    bucket.edges(from, to, zone, most).map_err(|error| match error {
        InvalidRange::TooManyBuckets(_) => invalid(
            "bucket",
            &format!("{error} of {bucket}; take longer buckets or a shorter range"),
        ),
        InvalidRange::Empty | InvalidRange::OffCalendar => invalid("from", &error.to_string()),
    })
}

fn parsed<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, Problem> {
    value
        .parse()
        .map_err(|error| invalid(name, &format!("{name} is {value:?}, but {error}")))
}

/// 400 that names the parameter.
pub(crate) fn invalid(parameter: &str, detail: &str) -> Problem {
    Problem::bad_request("invalid-query", "Invalid query", detail).with("parameter", parameter)
}

#[cfg(test)]
mod tests {
    use citytrack_domain::{CameraPattern, Class};

    use super::*;

    const KNOWN: &[&str] = &["from", "camera", "class"];

    fn query(text: &str) -> Query {
        Query::read(text, KNOWN).unwrap()
    }

    fn from(value: &str) -> Result<String, String> {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let time = query(&format!("from={value}")).time("from", &zone);
        time.map(|time| time.unwrap().to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn lists_may_be_repeated_or_between_commas() {
        let cameras: Vec<CameraPattern> = query("camera=door,north%2Fhall&camera=yard").many("camera").unwrap();
        let names: Vec<_> = cameras.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["door", "north/hall", "yard"]);
        assert!(query("").many::<Class>("class").unwrap().is_empty());
        let many = format!("camera={}", ["x"; 101].join(","));
        assert!(query(&many).many::<CameraPattern>("camera").is_err());
    }

    #[test]
    fn times_are_instants_or_those_of_the_zone() {
        for (value, read) in [
            ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
            ("2026-11-22T10:00:00%2B02:00", "2026-11-22T08:00:00Z"),
            ("2026-11-22", "2026-11-21T23:00:00Z"),
            ("2026-07-22T10:30", "2026-07-22T08:30:00Z"),
        ] {
            assert_eq!(from(value).unwrap(), read, "{value}");
        }
        for (value, refused) in [
            ("yesterday", "such as 2026-11-22 or 2026-11-22T10:00"),
            ("2026-11-22T10:00:00+01:00", "(a + in an address is written %2B)"),
            ("2200-01-02", "must lie in the years 1970 to 2199"),
            ("1969-12-31", "must lie in the years 1970 to 2199"),
        ] {
            let error = from(value).unwrap_err();
            assert!(error.contains(refused), "{value}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let refused = Query::read("form=2026-11-22", KNOWN).unwrap_err().to_string();
        assert!(
            refused.contains("there is no parameter \"form\" here, only from, camera, class"),
            "{refused}"
        );
        let twice = query("class=a&class=b").one::<Class>("class").unwrap_err();
        assert!(twice.to_string().contains("class is given more than once"));
        let wrong = query("class=Person").one::<Class>("class").unwrap_err();
        assert!(
            wrong
                .to_string()
                .contains("class is \"Person\", but must be 1 to 64 characters")
        );
    }
}
