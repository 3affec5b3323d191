//! `GET /api/v1/venues/{venue}/heatmap`: where on the image of a camera people stand.

mod answer;
mod picture;

use actix_web::{HttpRequest, HttpResponse, web};
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{Bucket, CameraPattern, Class, Clock, Slug, VenueTimeZone};
use citytrack_storage::{
    Database, Selection,
    heatmap::{self, Place},
    venues,
};
use jiff::{Timestamp, tz::TimeZone};
use tracing::error;

use self::answer::{Answer, Body, Format};
use crate::{
    auth::Viewer,
    error::problem,
    query::{Query, edges, invalid},
    table::negotiate,
};

const KNOWN: &[&str] = &["camera", "class", "from", "to", "format"];
/// Hours that are read for one answer, at most: ten years.
const MOST_HOURS: usize = 10 * 366 * 24;
/// Cameras that are named when several are meant.
const NAMED: usize = 5;

/// Where on the image people stand
///
/// How many detections had their foot point, the middle of the lower edge of the box, in each cell of a grid over the image
/// of a camera. The range is widened to full hours of UTC. As JSON, or as a PNG of 640 × 360 pixels to be laid over the
/// image: transparent where nobody stood, from purple for few to yellow for the most.
#[utoipa::path(
    get,
    path = "/api/v1/venues/{venue}/heatmap",
    operation_id = "heatmap",
    tag = "heatmap",
    params(
        ("venue" = Slug, Path),
        ("camera" = Option<CameraPattern>, Query, description = "Of which camera; needed where the venue has several."),
        ("class" = Option<Vec<Class>>, Query, explode = false, description = "Only these, between commas; else all."),
        ("from" = Option<Timestamp>, Query, description = "Where the range begins; else 24 hours before `to`."),
        ("to" = Option<Timestamp>, Query, description = "Where the range ends; else now."),
        ("format" = Option<String>, Query, pattern = "^(json|png)$", description = "`json` or `png`; else by `Accept`."),
    ),
    responses(
        (status = 200, content((Body<'static> = "application/json"), (Vec<u8> = "image/png"))),
        (status = 406, description = "Neither JSON nor PNG will do.", content((ProblemSchema = "application/problem+json"))),
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
    let query = Query::read(request.query_string(), KNOWN)?;
    let format = negotiate(&request, query.text("format")?, &Format::OFFERS)?;
    let asked: Option<CameraPattern> = query.one("camera")?;
    let cameras = viewer.allowed(&venue, asked.into_iter().collect())?;
    let classes: Vec<Class> = query.many("class")?;
    let zone = zone(&database, &venue).await?;
    let now = clock.now();
    let [from, to] = range(&query, &zone, now)?;
    let place = place(&database, &Selection { venue, cameras }, &query).await?;
    let heatmap = heatmap::query(&database, &place, &classes, from, to)
        .await
        .map_err(problem)?;
    let answer = Answer {
        venue: &path,
        place: &place,
        classes: &classes,
        from,
        to,
        heatmap: &heatmap,
    };
    answer.respond(&request, format, now)
}

async fn zone(database: &Database, venue: &Slug) -> Result<TimeZone, Problem> {
    let venue = venues::get(database, venue).await.map_err(problem)?;
    let zone = VenueTimeZone::new(&venue.time_zone).map_err(|error| {
        error!(venue = venue.slug.as_str(), %error, "the venue's time zone is not known to this build");
        Problem::internal()
    })?;
    Ok(zone.zone().clone())
}

/// The range that is asked for, widened to full hours of UTC.
fn range(query: &Query, zone: &TimeZone, now: Timestamp) -> Result<[Timestamp; 2], Problem> {
    let hours = edges(Bucket::Hour, query.range(zone, now)?, &TimeZone::UTC, MOST_HOURS)?;
    match (hours.first(), hours.last()) {
        (Some(first), Some(last)) => Ok([*first, *last]),
        _ => Err(Problem::internal()),
    }
}

/// The one camera that is meant: each has an image of its own.
async fn place(database: &Database, wanted: &Selection, query: &Query) -> Result<Place, Problem> {
    let mut places = heatmap::places(database, wanted).await.map_err(problem)?;
    let one = places.pop();
    match (one, places.is_empty()) {
        (Some(place), true) => Ok(place),
        (None, _) => Err(Problem::not_found(match query.text("camera")? {
            Some(camera) => format!("the venue {} has no camera {camera}", wanted.venue),
            None => format!("the venue {} has no camera yet", wanted.venue),
        })),
        (Some(last), false) => {
            let total = places.len() + 1;
            let names = places.iter().chain([&last]).take(NAMED).map(answer::name);
            let mut names = names.collect::<Vec<_>>().join(", ");
            if total > NAMED {
                names.push_str(", …");
            }
            let detail = format!("a heatmap is of one camera, and {total} are meant: {names}");
            Err(invalid("camera", &detail))
        }
    }
}
