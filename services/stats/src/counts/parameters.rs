//! The query string: what is asked for, and what cannot be.

use std::fmt::Display;

use actix_web::web;
use citytrack_common::Problem;
use citytrack_domain::{Bucket, CameraPattern, Class};
use jiff::{SignedDuration, Timestamp};

const KNOWN: &str = "from, to, bucket, camera and class";
const DEFAULT_RANGE: SignedDuration = SignedDuration::from_hours(24);
const MOST_CAMERAS: usize = 100;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Parameters {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) bucket: Bucket,
    /// Empty: all of them.
    pub(super) cameras: Vec<CameraPattern>,
    pub(super) class: Option<Class>,
}

impl Parameters {
    /// Reads the query string: every parameter at most once, `camera` with several names between commas or repeated.
    pub(super) fn read(query: &str, now: Timestamp) -> Result<Self, Problem> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(query)
            .map_err(|error| invalid("", &format!("the query cannot be read: {error}")))?
            .into_inner();
        let (mut from, mut to, mut bucket, mut class) = (None, None, None, None);
        let mut cameras = Vec::new();
        for (name, value) in &pairs {
            match name.as_str() {
                "from" => once("from", &mut from, time("from", value)?)?,
                "to" => once("to", &mut to, time("to", value)?)?,
                "bucket" => once("bucket", &mut bucket, parsed("bucket", value)?)?,
                "class" => once("class", &mut class, parsed("class", value)?)?,
                "camera" => cameras.extend(value.split(',')),
                other => {
                    return Err(invalid(
                        other,
                        &format!("there is no parameter {other:?} here, only {KNOWN}"),
                    ));
                }
            }
        }
        if cameras.len() > MOST_CAMERAS {
            return Err(invalid(
                "camera",
                &format!("camera names at most {MOST_CAMERAS} cameras"),
            ));
        }
        let to = to.unwrap_or(now);
        Ok(Self {
            from: from.unwrap_or(to - DEFAULT_RANGE),
            to,
            bucket: bucket.unwrap_or(Bucket::Minute),
            cameras: cameras
                .iter()
                .map(|name| parsed("camera", name))
                .collect::<Result<_, _>>()?,
            class,
        })
    }

    /// The cameras as they were named; `None`: all of them.
    pub(super) fn camera(&self) -> Option<String> {
        let names: Vec<_> = self.cameras.iter().map(ToString::to_string).collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

fn once<T>(name: &str, slot: &mut Option<T>, value: T) -> Result<(), Problem> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(invalid(name, &format!("{name} is given more than once"))),
    }
}

fn parsed<T: std::str::FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, Problem> {
    value
        .parse()
        .map_err(|error| invalid(name, &format!("{name} is {value:?}, but {error}")))
}

/// An instant in the years that counts can be of.
fn time(name: &str, value: &str) -> Result<Timestamp, Problem> {
    let time: Timestamp = value.parse().map_err(|_| {
        let hint = if value.contains(' ') {
            " (a + in an address is written %2B)"
        } else {
            ""
        };
        invalid(
            name,
            &format!("{name} is {value:?}, but must be a time such as 2026-11-22T10:00:00Z{hint}"),
        )
    })?;
    // 1970 to 2199
    if (0..7_258_118_400).contains(&time.as_second()) {
        Ok(time)
    } else {
        Err(invalid(
            name,
            &format!("{name} is {value:?}, but must lie in the years 1970 to 2199"),
        ))
    }
}

/// 400 that names the parameter.
pub(super) fn invalid(parameter: &str, detail: &str) -> Problem {
    Problem::bad_request("invalid-query", "Invalid query", detail).with("parameter", parameter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T10:00:30Z".parse().unwrap()
    }

    fn refused(query: &str) -> String {
        Parameters::read(query, now()).unwrap_err().to_string()
    }

    #[test]
    fn without_parameters_it_is_the_last_day_by_minutes() {
        let parameters = Parameters::read("", now()).unwrap();
        assert_eq!(
            (parameters.to, parameters.from),
            (now(), "2026-11-21T10:00:30Z".parse().unwrap())
        );
        assert_eq!(parameters.bucket, Bucket::Minute);
        assert!(parameters.cameras.is_empty() && parameters.class.is_none());
    }

    #[test]
    fn cameras_may_be_repeated_or_between_commas() {
        let parameters =
            Parameters::read("camera=door,north%2Fhall&camera=yard&to=2026-11-22T00:00:00Z", now()).unwrap();
        assert_eq!(parameters.camera().as_deref(), Some("door,north/hall,yard"));
        assert_eq!(parameters.cameras.len(), 3);
        assert_eq!(
            parameters.from,
            "2026-11-21T00:00:00Z".parse().unwrap(),
            "24 hours before `to`"
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (query, reason) in [
            (
                "form=2026-11-22T00:00:00Z",
                "there is no parameter \"form\" here, only from, to, bucket, camera and class",
            ),
            (
                "bucket=2m",
                "bucket is \"2m\", but must be one of 1m, 5m, 15m, 30m, 1h, 1d, 1w and 1mo",
            ),
            ("bucket=1m&bucket=1h", "bucket is given more than once"),
            ("class=a&class=b", "class is given more than once"),
            (
                "class=Person",
                "class is \"Person\", but must be 1 to 64 characters of a-z, 0-9, _, . and -",
            ),
            (
                "camera=door,",
                "camera is \"\", but must be 1 to 64 characters of A-Z, a-z, 0-9, _, . and -",
            ),
            (
                "from=yesterday",
                "from is \"yesterday\", but must be a time such as 2026-11-22T10:00:00Z",
            ),
            (
                "to=2026-11-22T10:00:00+01:00",
                "to is \"2026-11-22T10:00:00 01:00\", but must be a time such as 2026-11-22T10:00:00Z (a + in an address is written %2B)",
            ),
            (
                "from=1969-12-31T23:59:59Z",
                "from is \"1969-12-31T23:59:59Z\", but must lie in the years 1970 to 2199",
            ),
            (
                "to=2200-01-01T00:00:00Z",
                "to is \"2200-01-01T00:00:00Z\", but must lie in the years 1970 to 2199",
            ),
        ] {
            assert_eq!(refused(query), format!("Invalid query: {reason}"), "{query}");
        }
    }
}
