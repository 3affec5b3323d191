//! Which cameras of which venues are meant, and by which clocks.

use citytrack_common::Problem;
use citytrack_domain::{CameraPattern, Slug, VenueTimeZone};
use citytrack_storage::{
    Database, Selection,
    venues::{self, Venue},
};
use tracing::error;

use super::{Query, invalid};
use crate::{auth::Viewer, error::problem};

/// The cameras that are meant, and the time zone of the answer.
#[derive(Debug)]
pub(crate) struct Places {
    /// The venues, each with the cameras that the asker may see.
    pub(crate) selections: Vec<Selection>,
    /// The zone that was asked for, or else that of the venues.
    pub(crate) zone: VenueTimeZone,
}

impl Places {
    /// Those of the parameters `venue`, `camera` and `time_zone`, as far as the asker may see them.
    pub(crate) async fn asked(query: &Query, viewer: &Viewer, database: &Database) -> Result<Self, Problem> {
        let mut venues: Vec<Slug> = query.many("venue")?;
        venues.sort();
        venues.dedup();
        if venues.is_empty() {
            let detail = "venue is missing; it names one or more venues between commas";
            return Err(invalid("venue", detail));
        }
        let zone = query.one("time_zone")?;
        Self::look_up(viewer, database, &venues, &query.many("camera")?, zone).await
    }

    /// One venue, and the cameras of it that are asked for.
    pub(crate) async fn of_venue(
        viewer: &Viewer,
        database: &Database,
        venue: &Slug,
        cameras: &[CameraPattern],
    ) -> Result<Self, Problem> {
        Self::look_up(viewer, database, std::slice::from_ref(venue), cameras, None).await
    }

    async fn look_up(
        viewer: &Viewer,
        database: &Database,
        slugs: &[Slug],
        cameras: &[CameraPattern],
        zone: Option<VenueTimeZone>,
    ) -> Result<Self, Problem> {
        let mut selections = Vec::new();
        for venue in slugs {
            viewer.check(venue)?;
            selections.push(Selection {
                venue: venue.clone(),
                cameras: viewer.allowed(venue, cameras.to_vec())?,
            });
        }
        let mut venues = Vec::new();
        for venue in slugs {
            venues.push(venues::get(database, venue).await.map_err(problem)?);
        }
        let zone = match zone {
            Some(zone) => zone,
            None => common_zone(&venues)?,
        };
        Ok(Self { selections, zone })
    }
}

/// Days of several zones cannot stand in one row.
fn common_zone(venues: &[Venue]) -> Result<VenueTimeZone, Problem> {
    let mut zones: Vec<&str> = venues.iter().map(|venue| venue.time_zone.as_str()).collect();
    zones.dedup();
    let [zone] = zones[..] else {
        return Err(invalid(
            "time_zone",
            &format!(
                "the venues are in different time zones ({}); choose one by time_zone",
                zones.join(", ")
            ),
        ));
    };
    zone.parse().map_err(|error| {
        error!(%error, "the time zone of a venue is not known to this build");
        Problem::internal()
    })
}
