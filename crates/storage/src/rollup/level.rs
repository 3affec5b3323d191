//! Which tables can answer a question.

use citytrack_domain::{Bucket, Slug, VenueTimeZone};
use deadpool_postgres::GenericClient;
use jiff::{Timestamp, tz::TimeZone};

use crate::Error;

/// How finely a table divides time, the finest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// UTC minutes.
    Minute,
    /// Hours of the venue's time zone.
    Hour,
    /// Days of the venue's time zone.
    Day,
}

impl Level {
    /// Those that are made from minutes.
    pub(crate) const ROLLED_UP: [Self; 2] = [Self::Hour, Self::Day];

    /// The coarsest level whose rows never lie on both sides of an edge. Without the zone that the roll-ups were made in
    /// there are only minutes.
    pub(crate) fn of(edges: &[Timestamp], zone: Option<&TimeZone>) -> Self {
        let Some(zone) = zone else { return Self::Minute };
        let fits = |level: &Self| edges.iter().all(|edge| level.start(*edge, zone) == Some(*edge));
        [Self::Day, Self::Hour].into_iter().find(fits).unwrap_or(Self::Minute)
    }

    /// The start of the row that `time` belongs to.
    pub(crate) fn start(self, time: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Minute => Bucket::Minute.start(time, &TimeZone::UTC),
            Self::Hour => Bucket::Hour.start(time, zone),
            Self::Day => Bucket::Day.start(time, zone),
        }
    }

    /// The bucket that has the same length.
    pub(crate) fn bucket(self) -> Bucket {
        match self {
            Self::Minute => Bucket::Minute,
            Self::Hour => Bucket::Hour,
            Self::Day => Bucket::Day,
        }
    }

    /// `minute`, `hour` or `day`, as in the names of the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The column with the start of a row in the tables of counts.
    pub(crate) fn start_column(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour | Self::Day => "start",
        }
    }
}

/// The time zone that the roll-ups of a venue are made in; `None` while there are none.
pub(crate) async fn zone_of(client: &impl GenericClient, venue: &Slug) -> Result<Option<TimeZone>, Error> {
    let row = client
        .query_opt(
            "select time_zone from venue_rollup where venue = $1",
            &[&venue.as_str()],
        )
        .await?;
    row.map(|row| zone(row.try_get("time_zone")?)).transpose()
}

/// The rules of a zone that was checked when it was stored.
pub(super) fn zone(name: &str) -> Result<TimeZone, Error> {
    let zone = VenueTimeZone::new(name).map_err(|error| Error::Corrupt(error.to_string()))?;
    Ok(zone.zone().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarsest_level_that_no_edge_cuts() {
        let berlin = zone("Europe/Berlin").unwrap();
        for (edges, level) in [
            (["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"], Level::Day),
            (["2026-10-24T22:00:00Z", "2026-10-25T22:00:00Z"], Level::Hour),
            (["2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"], Level::Hour),
            (["2026-11-22T00:00:00Z", "2026-11-22T00:30:00Z"], Level::Minute),
        ] {
            let edges = edges.map(|edge| edge.parse().unwrap());
            assert_eq!(Level::of(&edges, Some(&berlin)), level, "{edges:?}");
            assert_eq!(Level::of(&edges, None), Level::Minute);
        }
        let kolkata = zone("Asia/Kolkata").unwrap();
        let edges = ["2026-11-22T18:30:00Z", "2026-11-23T18:30:00Z"].map(|edge| edge.parse().unwrap());
        assert_eq!(Level::of(&edges, Some(&kolkata)), Level::Day);
        assert_eq!(Level::of(&edges, Some(&berlin)), Level::Minute);
    }
}
