//! What is known of now, as JSON.

use std::time::Duration;

use citytrack_domain::{CameraPattern, Class, Patience, Slug};
use citytrack_storage::{
    Selection,
    occupancy::{CameraNow, Latest},
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// How many there are now.
#[derive(Serialize, ToSchema)]
#[schema(as = Occupancy)]
pub(super) struct Body {
    /// When that is.
    at: Timestamp,
    #[schema(value_type = Class)]
    class: String,
    venues: Vec<VenueBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OccupancyOfVenue)]
struct VenueBody {
    #[schema(value_type = Slug)]
    venue: String,
    /// How many the cameras show of which it is known; null when it is of none.
    people: Option<i64>,
    /// Cameras that are not in the sum.
    unknown_cameras: usize,
    cameras: Vec<CameraBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OccupancyOfCamera)]
struct CameraBody {
    #[schema(value_type = CameraPattern)]
    camera: String,
    /// Its name for people, if it has one.
    title: Option<String>,
    /// How many its latest frame shows; null when it is unknown.
    people: Option<i32>,
    status: Status,
    /// When its latest frame was taken, by the node's clock.
    captured_at: Option<Timestamp>,
    /// When something of it came in last, by ours.
    received_at: Option<Timestamp>,
    /// Mean time between its newest receipts.
    usual_interval_seconds: Option<f64>,
    silent_for_seconds: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OccupancyStatus)]
enum Status {
    Known,
    /// It sent nothing yet, or not for so long that nobody knows any more.
    Unknown,
}

impl Body {
    /// `cameras` by venue, in the order of `selections`.
    pub(super) fn new(
        selections: &[Selection],
        cameras: Vec<CameraNow>,
        class: &Class,
        patience: &Patience,
        now: Timestamp,
    ) -> Self {
        let mut venues: Vec<VenueBody> = selections.iter().map(|asked| VenueBody::new(&asked.venue)).collect();
        for camera in cameras {
            let venue = venues.iter_mut().find(|venue| venue.venue == camera.venue.as_str());
            if let Some(venue) = venue {
                venue.add(CameraBody::new(camera, patience, now));
            }
        }
        Self {
            at: now,
            class: class.to_string(),
            venues,
        }
    }
}

impl VenueBody {
    fn new(venue: &Slug) -> Self {
        Self {
            venue: venue.to_string(),
            people: None,
            unknown_cameras: 0,
            cameras: Vec::new(),
        }
    }

    fn add(&mut self, camera: CameraBody) {
        match camera.people {
            Some(people) => *self.people.get_or_insert_default() += i64::from(people),
            None => self.unknown_cameras += 1,
        }
        self.cameras.push(camera);
    }
}

impl CameraBody {
    fn new(camera: CameraNow, patience: &Patience, now: Timestamp) -> Self {
        let silent_for = camera.latest.map(|latest| silence(&latest, now));
        let known = camera.latest.filter(|latest| {
            let limit = patience.limit(latest.usual_interval);
            silence(latest, now) <= limit
        });
        Self {
            camera: format!("{}/{}", camera.node, camera.camera),
            title: camera.title,
            people: known.map(|latest| latest.objects),
            status: known.map_or(Status::Unknown, |_| Status::Known),
            captured_at: camera.latest.map(|latest| latest.captured_at),
            received_at: camera.latest.map(|latest| latest.received_at),
            usual_interval_seconds: camera.latest.and_then(|latest| latest.usual_interval).map(seconds),
            silent_for_seconds: silent_for.map(seconds),
        }
    }
}

/// By our clock alone: the node's may be wrong.
fn silence(latest: &Latest, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(latest.received_at)).unwrap_or_default()
}

/// To the millisecond: more is noise.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
