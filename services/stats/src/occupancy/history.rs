//! `GET /api/v1/occupancy/history`: how many there were at a time.

use std::{collections::BTreeMap, str::FromStr};

use actix_web::{HttpRequest, HttpResponse, web};
use citytrack_common::Problem;
use citytrack_domain::{Bucket, CameraPattern, Class, Clock, Slug, VenueTimeZone};
use citytrack_storage::{
    Database, Error,
    counts::{self, Count, CountsQuery, Grouping, Series},
};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use utoipa::ToSchema;

use super::class;
use crate::{
    auth::Viewer,
    caching::Content,
    error::problem,
    query::{Places, Query, edges},
    settings::Limits,
};

const KNOWN: &[&str] = &["venue", "camera", "class", "from", "to", "bucket", "group", "time_zone"];

/// Steps of cameras that are looked at for one answer, at most; where there are more, steps are as long as buckets.
const MOST_STEPS: usize = 200_000;

/// What has a series of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(as = OccupancyGroup, rename_all = "lowercase")]
pub(super) enum Group {
    Venue,
    Camera,
}

impl FromStr for Group {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "venue" => Ok(Self::Venue),
            "camera" => Ok(Self::Camera),
            _ => Err("must be venue or camera"),
        }
    }
}

/// How many there were at a time.
#[derive(Serialize, ToSchema)]
#[schema(as = OccupancyHistory)]
pub(super) struct Body {
    #[schema(value_type = VenueTimeZone)]
    time_zone: String,
    #[schema(value_type = Bucket)]
    bucket: &'static str,
    #[schema(value_type = Class)]
    class: String,
    /// One more than there are buckets.
    edges: Vec<Timestamp>,
    /// How long the steps are that the peak of a venue is looked for in; null for cameras, whose peak is that of a frame.
    #[schema(value_type = Option<Bucket>)]
    resolution: Option<&'static str>,
    series: Vec<SeriesBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OccupancySeries)]
struct SeriesBody {
    #[schema(value_type = Slug)]
    venue: String,
    /// Null where the cameras of the venue are taken together.
    #[schema(value_type = Option<CameraPattern>)]
    camera: Option<String>,
    /// For each bucket; null where no frame came.
    mean: Vec<Option<f64>>,
    /// For each bucket; null where no frame came.
    peak: Vec<Option<f64>>,
}

/// How many there were over time
///
/// The mean of a camera is that over its frames, and its peak the most in one frame. The mean of a venue is the sum of the
/// means of its cameras, and its peak the highest such sum in one step of `resolution`: frames of different cameras are
/// not taken at the same instant.
#[utoipa::path(
    get,
    path = "/api/v1/occupancy/history",
    operation_id = "occupancy_history",
    tag = "occupancy",
    params(
        ("venue" = Vec<Slug>, Query, explode = false, description = "One or more, between commas."),
        ("camera" = Option<Vec<CameraPattern>>, Query, explode = false, description = "Only these, between commas."),
        ("class" = Option<Class>, Query, description = "What to count; else `person`."),
        ("from" = Option<String>, Query, description = "Where the range begins: an instant, or a date or time by the clocks of the time zone; else 24 hours before `to`.", example = "2026-11-22"),
        ("to" = Option<String>, Query, description = "Where it ends; else now.", example = "2026-11-23"),
        ("bucket" = Option<Bucket>, Query, description = "How long a bucket is; else `1h`."),
        ("group" = inline(Option<Group>), Query, description = "What has a series of its own; else `venue`."),
        ("time_zone" = Option<VenueTimeZone>, Query, description = "The zone of hours and days; else that of the venues."),
    ),
    responses(
        (status = 200, body = Body),
        (status = 304, description = "What the client has is what there is."),
    ),
)]
pub(crate) async fn history(
    viewer: Viewer,
    request: HttpRequest,
    database: web::Data<Database>,
    clock: web::Data<Clock>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, Problem> {
    let now = clock.now();
    let query = Query::read(request.query_string(), KNOWN)?;
    let class = class(&query)?;
    let bucket = query.one("bucket")?.unwrap_or(Bucket::Hour);
    let group = query.one("group")?.unwrap_or(Group::Venue);
    let places = Places::asked(&query, &viewer, &database).await?;
    let zone = places.zone.zone();
    let edges = edges(bucket, query.range(zone, now)?, zone, limits.buckets)?;
    let question = Question {
        database: &database,
        places: &places,
        class: &class,
    };
    let cameras = question.ask(&edges).await?;
    let (resolution, series) = match group {
        Group::Camera => (None, cameras.iter().map(of_camera).collect()),
        Group::Venue => {
            let step = step(bucket, &edges, cameras.len());
            let peaks = question.peaks(step, &edges).await?;
            let venue = |venue: &Slug| of_venue(venue, &cameras, &edges, &peaks);
            let venues = places.selections.iter().map(|selection| venue(&selection.venue));
            (Some(step.as_str()), venues.collect())
        }
    };
    let end = edges.last().copied();
    let body = Body {
        time_zone: places.zone.name().to_owned(),
        bucket: bucket.as_str(),
        class: class.to_string(),
        edges,
        resolution,
        series,
    };
    Ok(Content::json(&body)?.respond(&request, end, now))
}

/// What is asked of every range.
struct Question<'a> {
    database: &'a Database,
    places: &'a Places,
    class: &'a Class,
}

/// The highest sum of a venue in each bucket; no entry where no frame came.
type Peaks = BTreeMap<(Slug, usize), f64>;

impl Question<'_> {
    /// The counts of each camera.
    async fn ask(&self, edges: &[Timestamp]) -> Result<Vec<Series>, Problem> {
        let query = CountsQuery {
            selections: &self.places.selections,
            edges,
            classes: std::slice::from_ref(self.class),
            grouping: Grouping {
                camera: true,
                ..Grouping::default()
            },
            min_confidence: None,
        };
        counts::query(self.database, query).await.map_err(|error| match error {
            Error::TooMuch(detail) => problem(Error::TooMuch(format!(
                "this is put together from the counts of each camera, and {detail}; name fewer venues or cameras, or take longer buckets"
            ))),
            error => problem(error),
        })
    }

    async fn peaks(&self, step: Bucket, buckets: &[Timestamp]) -> Result<Peaks, Problem> {
        let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
            return Ok(Peaks::new());
        };
        let zone: &TimeZone = self.places.zone.zone();
        let steps = edges(step, [*first, *last], zone, MOST_STEPS)?;
        let cameras = self.ask(&steps).await?;
        let mut peaks = Peaks::new();
        for selection in &self.places.selections {
            for (place, start) in steps.iter().enumerate() {
                let counts = of(&selection.venue, &cameras).filter_map(|camera| camera.counts.get(place));
                let Some(sum) = sum_of_means(counts) else { continue };
                // The bucket that begins at the step or before it.
                let bucket = buckets.partition_point(|edge| edge <= start).saturating_sub(1);
                let peak = peaks.entry((selection.venue.clone(), bucket)).or_insert(sum);
                *peak = peak.max(sum);
            }
        }
        Ok(peaks)
    }
}

/// How long the steps are: minutes within buckets of up to an hour, hours within longer ones; as long as the buckets where
/// that would be too many.
fn step(bucket: Bucket, edges: &[Timestamp], cameras: usize) -> Bucket {
    let (step, minutes) = match bucket {
        Bucket::Day | Bucket::Week | Bucket::Month => (Bucket::Hour, 60),
        _ => (Bucket::Minute, 1),
    };
    let range = edges.first().zip(edges.last());
    let range = range.map_or(0, |(first, last)| last.duration_since(*first).as_mins());
    let steps = usize::try_from(range / minutes).unwrap_or(usize::MAX);
    if steps.saturating_mul(cameras.max(1)) <= MOST_STEPS {
        step
    } else {
        bucket
    }
}

fn of<'a>(venue: &'a Slug, cameras: &'a [Series]) -> impl Iterator<Item = &'a Series> {
    cameras
        .iter()
        .filter(move |camera| camera.of.venue.as_ref() == Some(venue))
}

fn of_camera(series: &Series) -> SeriesBody {
    let camera = series.of.camera.as_ref();
    SeriesBody {
        venue: series.of.venue.as_ref().map(Slug::to_string).unwrap_or_default(),
        camera: camera.map(|(node, name)| format!("{node}/{name}")),
        mean: series.counts.iter().map(mean).collect(),
        peak: series
            .counts
            .iter()
            .map(|count| (count.frames > 0).then(|| count.peak.into()))
            .collect(),
    }
}

fn of_venue(venue: &Slug, cameras: &[Series], edges: &[Timestamp], peaks: &Peaks) -> SeriesBody {
    let buckets = 0..edges.len().saturating_sub(1);
    let mean = |place: usize| sum_of_means(of(venue, cameras).filter_map(|camera| camera.counts.get(place)));
    SeriesBody {
        venue: venue.to_string(),
        camera: None,
        mean: buckets.clone().map(mean).collect(),
        peak: buckets
            .map(|place| peaks.get(&(venue.clone(), place)).copied())
            .collect(),
    }
}

/// Over the cameras of which frames came; `None` when there are none.
fn sum_of_means<'a>(counts: impl Iterator<Item = &'a Count>) -> Option<f64> {
    counts.filter_map(mean).reduce(|sum, mean| sum + mean)
}

/// Of a frame; imported counts have none.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
fn mean(count: &Count) -> Option<f64> {
    (count.frames > 0).then(|| count.detections as f64 / count.frames as f64)
}
