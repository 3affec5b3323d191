//! `GET /api/v1/venues/{venue}/detections`: raw detections as a file, however many.

mod body;
mod parameters;
mod table;

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        Method,
        header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, HeaderName, VARY},
    },
    web,
};
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{CameraPattern, Class, Clock, Slug, VenueTimeZone};
use citytrack_storage::{Database, frames::FrameReader, venues};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tracing::error;

use self::{body::Body, parameters::Parameters};
use crate::{
    auth::Viewer,
    error::problem,
    query::Query,
    settings::ExportSettings,
    table::{Format, negotiate},
};

/// How many rows will come, where that is known beforehand.
const ROWS: HeaderName = HeaderName::from_static("citytrack-rows");
/// An export takes seconds to minutes.
const RETRY_AFTER: Duration = Duration::from_secs(15);

/// How many exports there may be at once, and for how long.
#[derive(Clone)]
pub(crate) struct Exports {
    places: Arc<Semaphore>,
    most: usize,
    time_limit: Duration,
}

impl Exports {
    pub(crate) fn new(settings: &ExportSettings) -> Self {
        let most = settings.max_concurrent.get();
        Self {
            places: Arc::new(Semaphore::new(most)),
            most,
            time_limit: settings.time_limit.into(),
        }
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.places.clone().try_acquire_owned().map_err(|_| {
            let detail = format!("{} exports are running already, which is as many as may", self.most);
            Problem::unavailable(detail, RETRY_AFTER)
        })
    }
}

/// Raw detections of a venue
///
/// A file with a row per detection, in order of `captured_at`, streamed. An answer that breaks off is not whole: its
/// connection is closed without the last chunk.
#[utoipa::path(
    get,
    path = "/api/v1/venues/{venue}/detections",
    operation_id = "detections",
    tag = "detections",
    params(
        ("venue" = Slug, Path),
        ("from" = Option<Timestamp>, Query, description = "Taken at this time or later; else 24 hours before `to`. Local times are those of the venue."),
        ("to" = Option<Timestamp>, Query, description = "Taken before this time; else now."),
        ("camera" = Option<Vec<CameraPattern>>, Query, explode = false, description = "Only of these, between commas."),
        ("class" = Option<Vec<Class>>, Query, explode = false, description = "Only of these, between commas."),
        ("min_confidence" = Option<f32>, Query, minimum = 0, maximum = 1, description = "Only as sure as this, or surer."),
        ("format" = Option<String>, Query, pattern = "^(csv|ndjson|parquet)$", description = "`csv`, `ndjson` or `parquet`; else what `Accept` likes best."),
    ),
    responses(
        (
            status = 200,
            content((String = "text/csv"), (String = "application/x-ndjson"), (Vec<u8> = "application/vnd.apache.parquet")),
            headers(
                ("CityTrack-Rows" = u64, description = "How many rows will come; absent with `min_confidence`."),
                ("Content-Disposition" = String, description = "A name for the file."),
            ),
        ),
        (status = 406, description = "None of the formats will do.", content((ProblemSchema = "application/problem+json"))),
        (status = 503, description = "Too many exports are running already; `Retry-After` says when to come again.", content((ProblemSchema = "application/problem+json"))),
    ),
)]
pub(crate) async fn get(
    viewer: Viewer,
    request: HttpRequest,
    path: web::Path<String>,
    database: web::Data<Database>,
    clock: web::Data<Clock>,
    exports: web::Data<Exports>,
) -> Result<HttpResponse, Problem> {
    let venue: Slug = path
        .parse()
        .map_err(|_| Problem::not_found(format!("there is no venue {:?}", *path)))?;
    viewer.check(&venue)?;
    let query = Query::read(request.query_string(), parameters::KNOWN)?;
    let format = negotiate(&request, query.text("format")?, &Format::OFFERS)?;
    let zone = venues::get(&database, &venue).await.map_err(problem)?.time_zone;
    let zone = VenueTimeZone::new(&zone).map_err(|error| {
        error!(venue = venue.as_str(), %error, "the venue's time zone is not known to this build");
        Problem::internal()
    })?;
    let mut parameters = Parameters::read(&query, clock.now(), zone.zone())?;
    parameters.cameras = viewer.allowed(&venue, parameters.cameras)?;
    let mut answer = head(format, &parameters.file_name(&venue, format));
    if request.method() == Method::HEAD {
        return Ok(answer.finish());
    }

    let place = exports.place()?;
    let deadline = Instant::now() + exports.time_limit;
    let reader = FrameReader::open(&database, parameters.query(&venue), exports.time_limit);
    let reader = tokio::time::timeout_at(deadline, reader)
        .await
        .map_err(|_| Problem::unavailable("the database did not answer in time", RETRY_AFTER))?
        .map_err(problem)?;
    if let Some(rows) = reader.expected() {
        answer.insert_header((ROWS, rows.to_string()));
    }
    let body = Body::new(venue, reader, format, deadline, place)?;
    Ok(answer.streaming(body.stream()))
}

fn head(format: Format, file_name: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(format.content_type())
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{file_name}\"")))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((VARY, "accept, authorization"));
    if format == Format::Parquet {
        // Compressed already.
        answer.insert_header((CONTENT_ENCODING, "identity"));
    }
    answer
}
