//! `GET /api/v1/occupancy`: how many there are now, as far as is known.

mod answer;
pub(crate) mod history;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, VARY},
    web,
};
use citytrack_common::Problem;
use citytrack_domain::{CameraPattern, Class, Clock, Patience, Slug};
use citytrack_storage::{Database, Selection, occupancy, venues};

use self::answer::Body;
use crate::{auth::Viewer, error::problem, query::Query};

const KNOWN: &[&str] = &["venue", "camera", "class"];
/// What is counted unless asked otherwise.
const PERSON: &str = "person";

/// How many there are now
///
/// In the latest frame of each camera, and summed up over the cameras of each venue of which it is known. A camera that is
/// silent for longer than it usually is between two frames is `unknown`.
#[utoipa::path(
    get,
    path = "/api/v1/occupancy",
    operation_id = "occupancy_now",
    tag = "occupancy",
    params(
        ("venue" = Option<Vec<Slug>>, Query, explode = false, description = "Only these, between commas; else all that the token lets see."),
        ("camera" = Option<Vec<CameraPattern>>, Query, explode = false, description = "Only these, between commas."),
        ("class" = Option<Class>, Query, description = "What to count; else `person`."),
    ),
    responses((status = 200, body = Body)),
)]
pub(crate) async fn now(
    viewer: Viewer,
    request: HttpRequest,
    database: web::Data<Database>,
    clock: web::Data<Clock>,
    patience: web::Data<Patience>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(request.query_string(), KNOWN)?;
    let class = class(&query)?;
    let selections = selections(&viewer, &query, &database).await?;
    let now = clock.now();
    let cameras = occupancy::now(&database, &selections, &class, now)
        .await
        .map_err(problem)?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((VARY, "authorization"))
        .json(Body::new(&selections, cameras, &class, &patience, now)))
}

/// The class that is asked for.
fn class(query: &Query) -> Result<Class, Problem> {
    match query.one("class")? {
        Some(class) => Ok(class),
        None => Class::new(PERSON).map_err(|_| Problem::internal()),
    }
}

/// The cameras that are asked for, by venue, as far as the viewer may see them. Without a venue it is all that the viewer may
/// see, but for those that are retired and those of whose cameras none that is asked for may be seen.
async fn selections(viewer: &Viewer, query: &Query, database: &Database) -> Result<Vec<Selection>, Problem> {
    let asked: Vec<Slug> = query.many("venue")?;
    let cameras: Vec<CameraPattern> = query.many("camera")?;
    let mut selections = Vec::new();
    if asked.is_empty() {
        for venue in venues::list(database, false).await.map_err(problem)? {
            if viewer.check(&venue.slug).is_ok()
                && let Ok(cameras) = viewer.allowed(&venue.slug, cameras.clone())
            {
                let venue = venue.slug;
                selections.push(Selection { venue, cameras });
            }
        }
        return Ok(selections);
    }
    for venue in asked {
        viewer.check(&venue)?;
        let cameras = viewer.allowed(&venue, cameras.clone())?;
        venues::get(database, &venue).await.map_err(problem)?;
        if selections.iter().all(|before: &Selection| before.venue != venue) {
            selections.push(Selection { venue, cameras });
        }
    }
    Ok(selections)
}
