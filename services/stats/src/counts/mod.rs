//! `GET /api/v1/venues/{venue}/counts`

mod answer;
mod parameters;

use actix_web::{HttpRequest, HttpResponse, web};
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{Bucket, CameraPattern, Class, Clock, InvalidRange, Slug, VenueTimeZone};
use citytrack_storage::{
    Database,
    counts::{self, CountsQuery, Grouping, Scope},
    venues,
};
use tracing::error;

use self::{
    answer::{Answer, Format},
    parameters::{Parameters, invalid},
};
use crate::{auth::Viewer, error::problem};

/// More buckets than anybody can look at, and few enough to hold in memory.
const MOST_BUCKETS: usize = 10_000;

/// Counts of a venue
///
/// The short form: one venue, one class. As JSON, or as CSV with a line per bucket, whichever `Accept` likes better.
#[utoipa::path(
    get,
    path = "/api/v1/venues/{venue}/counts",
    operation_id = "venue_counts",
    tag = "counts",
    params(
        ("venue" = Slug, Path),
        ("from" = Option<Timestamp>, Query, description = "Where the range begins; else 24 hours before `to`."),
        ("to" = Option<Timestamp>, Query, description = "Where the range ends; else now."),
        ("bucket" = Option<Bucket>, Query, description = "How long a bucket is; else `1m`. At most 10,000 fit in a range."),
        ("camera" = Option<Vec<CameraPattern>>, Query, explode = false, description = "Only these, between commas."),
        ("class" = Option<Class>, Query, description = "Only this."),
    ),
    responses(
        (status = 200, content((answer::Body<'static> = "application/json"), (String = "text/csv"))),
        (status = 406, description = "Neither JSON nor CSV will do.", content((ProblemSchema = "application/problem+json"))),
    ),
)]
pub(crate) async fn get(
    viewer: Viewer,
    request: HttpRequest,
    path: web::Path<String>,
    database: web::Data<Database>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, Problem> {
    let venue: Slug = path
        .parse()
        .map_err(|_| Problem::not_found(format!("there is no venue {:?}", *path)))?;
    viewer.check(&venue)?;
    let format = Format::negotiate(&request)?;
    let now = clock.now();
    let mut parameters = Parameters::read(request.query_string(), now)?;
    parameters.cameras = viewer.allowed(&venue, parameters.cameras)?;
    let venue = venues::get(&database, &venue).await.map_err(problem)?;
    let zone = VenueTimeZone::new(&venue.time_zone).map_err(|error| {
        error!(venue = venue.slug.as_str(), %error, "the venue's time zone is not known to this build");
        Problem::internal()
    })?;
    let edges = parameters
        .bucket
        .edges(parameters.from, parameters.to, zone.zone(), MOST_BUCKETS)
        .map_err(|error| not_divided(error, &parameters))?;
    let scope = Scope {
        venue: venue.slug.clone(),
        cameras: parameters.cameras.clone(),
    };
    let query = CountsQuery {
        scopes: &[scope],
        edges: &edges,
        classes: parameters.class.as_slice(),
        grouping: Grouping::default(),
        min_confidence: None,
    };
    let counts = counts::query(&database, query).await.map_err(problem)?;
    let counts = counts
        .into_iter()
        .next()
        .map(|series| series.counts)
        .unwrap_or_default();
    Answer {
        venue: &venue.slug,
        zone: &zone,
        parameters: &parameters,
        edges: &edges,
        counts: &counts,
        now,
    }
    .respond(format)
}

fn not_divided(error: InvalidRange, parameters: &Parameters) -> Problem {
    match error {
        InvalidRange::TooManyBuckets(_) => invalid(
            "bucket",
            &format!(
                "{error} of {}; take longer buckets or a shorter range",
                parameters.bucket
            ),
        ),
        InvalidRange::Empty | InvalidRange::OffCalendar => invalid("from", &error.to_string()),
    }
}
