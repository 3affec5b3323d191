//! `GET /api/v1/venues/{venue}/counts`

mod answer;

use actix_web::{HttpRequest, HttpResponse, web};
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{Bucket, CameraPattern, Class, Clock, Slug};
use citytrack_storage::{
    Database,
    counts::{self, CountsQuery, Grouping},
};

use self::answer::{Answer, Format};
use crate::{
    auth::Viewer,
    error::problem,
    query::{Places, Query, edges},
    settings::Limits,
    table::negotiate,
};

const KNOWN: &[&str] = &["from", "to", "bucket", "camera", "class", "format"];

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
        ("bucket" = Option<Bucket>, Query, description = "How long a bucket is; else `1m`. A range holds at most so many as the service allows, 10,000 by default."),
        ("camera" = Option<Vec<CameraPattern>>, Query, explode = false, description = "Only these, between commas."),
        ("class" = Option<Class>, Query, description = "Only this."),
        ("format" = Option<String>, Query, pattern = "^(json|csv)$", description = "`json` or `csv`; else what `Accept` likes best."),
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
    limits: web::Data<Limits>,
) -> Result<HttpResponse, Problem> {
    let venue: Slug = path
        .parse()
        .map_err(|_| Problem::not_found(format!("there is no venue {:?}", *path)))?;
    viewer.check(&venue)?;
    let query = Query::read(request.query_string(), KNOWN)?;
    let format = negotiate(&request, query.text("format")?, &Format::OFFERS)?;
    let bucket = query.one("bucket")?.unwrap_or(Bucket::Minute);
    let class: Option<Class> = query.one("class")?;
    let places = Places::of_venue(&viewer, &database, &venue, &query.many("camera")?).await?;
    let zone = places.zone.zone();
    let edges = edges(bucket, query.range(zone, clock.now())?, zone, limits.buckets)?;
    let query = CountsQuery {
        selections: &places.selections,
        edges: &edges,
        classes: class.as_slice(),
        grouping: Grouping::default(),
        min_confidence: None,
    };
    let counts = counts::query(&database, query).await.map_err(problem)?;
    let counts = counts
        .into_iter()
        .next()
        .map(|series| series.counts)
        .unwrap_or_default();
    let answer = Answer {
        venue: &venue,
        zone: &places.zone,
        cameras: places.selections.iter().flat_map(|of| &of.cameras).collect(),
        class: class.as_ref(),
        bucket,
        edges: &edges,
        counts: &counts,
    };
    answer.respond(&request, format, clock.now())
}
