//! Pictures: `/api/v1/images/{id}`, what is known about it, and those of a venue.

mod body;
mod file;
mod question;

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER},
    },
    web::{self, Bytes},
};
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{CameraPattern, Class, Clock, ImageId, ImageState, Slug, Variant};
use citytrack_storage::{
    Database, Objects,
    images::{self, Image, VariantFacts},
};
use jiff::Timestamp;

use self::{
    body::{ImageBody, ImagesBody, Receipt},
    file::File,
    question::Question,
};
use crate::{
    auth::Viewer,
    error::problem,
    query::{Query, invalid},
};

/// A picture never changes; but a copy should not outlive it by much.
const LONGEST_KEPT: Duration = Duration::from_hours(24);
/// When to ask again for a picture that is on its way.
const SOON: &str = "1";
/// What is known about pictures changes at any time.
const ASK_AGAIN: (actix_web::http::header::HeaderName, &str) = (CACHE_CONTROL, "private, no-cache");

/// A picture
///
/// Ranges of bytes (`Range`) and conditions (`If-None-Match`, `If-Modified-Since`, `If-Range`) are understood. A picture that may not
/// be seen is not there.
#[utoipa::path(
    get, path = "/api/v1/images/{id}", operation_id = "image", tag = "images",
    params(
        ("id" = Uuid, Path),
        ("variant" = inline(Option<body::Shown>), Query, description = "Which form of it; else `anonymised`."),
    ),
    responses(
        (status = 200, description = "The picture.", content_type = "image/jpeg", body = Vec<u8>),
        (status = 202, description = "It is on its way; `Retry-After` says when to ask again.", body = Receipt, headers(("Retry-After" = u32))),
        (status = 206, description = "The bytes that were asked for.", content_type = "image/jpeg", body = Vec<u8>),
        (status = 304, description = "What the client has is what there is."),
        (status = 410, description = "It was deleted when its time was over.", content((ProblemSchema = "application/problem+json"))),
        (status = 416, description = "It has no such bytes.", content((ProblemSchema = "application/problem+json"))),
        (status = 422, description = "It could not be transformed, and never will be.", content((ProblemSchema = "application/problem+json"))),
    ),
)]
pub(crate) async fn get(
    viewer: Viewer,
    request: HttpRequest,
    path: web::Path<String>,
    database: web::Data<Database>,
    objects: web::Data<Objects>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, Problem> {
    let now = clock.now();
    let variant = variant_of(&Query::read(request.query_string(), &["variant"])?)?;
    let image = visible(&viewer, &path, &database, now).await?;
    match image.state {
        ImageState::Received => Ok(on_its_way(image.details.id)),
        ImageState::Failed => Err(failed(&image)),
        ImageState::Expired => Err(gone(&image)),
        ImageState::Ready => {
            let missing = || no_such_variant(variant, &image);
            let made = image.variants.iter().find(|made| made.variant == variant.as_str());
            let file = file(made.ok_or_else(missing)?, &image, now);
            let content = async || {
                let stored = images::variant(&database, image.details.id, variant).await;
                let stored = stored.map_err(problem)?.ok_or_else(missing)?;
                stored.content.read(&objects).await.map(Bytes::from).map_err(problem)
            };
            file.respond(&request, content).await
        }
    }
}

/// What is known about a picture
///
/// A picture that may not be seen is not there.
#[utoipa::path(
    get, path = "/api/v1/images/{id}/details", operation_id = "image_details", tag = "images",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = ImageBody)),
)]
pub(crate) async fn details(
    viewer: Viewer,
    path: web::Path<String>,
    database: web::Data<Database>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, Problem> {
    let image = visible(&viewer, &path, &database, clock.now()).await?;
    Ok(HttpResponse::Ok().insert_header(ASK_AGAIN).json(ImageBody::from(image)))
}

/// Pictures of a venue
///
/// The newest first, by when they were taken.
#[utoipa::path(
    get, path = "/api/v1/venues/{venue}/images", operation_id = "images", tag = "images",
    params(
        ("venue" = Slug, Path),
        ("camera" = Option<Vec<CameraPattern>>, Query, explode = false, description = "Only of these, between commas."),
        ("class" = Option<Vec<Class>>, Query, explode = false, description = "Only with something of one of these on it, between commas."),
        ("state" = inline(Option<Vec<body::State>>), Query, explode = false, description = "Only those that are so far, between commas."),
        ("from" = Option<String>, Query, format = "local-time-or-instant", description = "Not taken before: an instant, or a date or time by the clocks of the venue.", example = "2026-11-22"),
        ("to" = Option<String>, Query, format = "local-time-or-instant", description = "Taken before.", example = "2026-11-23"),
        ("before" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200, description = "Pictures in the answer; else 50."),
    ),
    responses((status = 200, body = ImagesBody)),
)]
pub(crate) async fn list(
    viewer: Viewer,
    request: HttpRequest,
    path: web::Path<String>,
    database: web::Data<Database>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, Problem> {
    let question = Question::read(&request, &path, &viewer, &database).await?;
    let found = images::list(&database, &question.query(), clock.now())
        .await
        .map_err(problem)?;
    let (shown, next) = question.page(found);
    let body = ImagesBody {
        images: shown.into_iter().map(ImageBody::from).collect(),
        next,
    };
    Ok(HttpResponse::Ok().insert_header(ASK_AGAIN).json(body))
}

/// A picture that the viewer may see.
async fn visible(viewer: &Viewer, path: &str, database: &Database, now: Timestamp) -> Result<Image, Problem> {
    let unknown = || Problem::not_found(format!("there is no picture {path:?}"));
    let id = ImageId::parse(path).map_err(|_| unknown())?;
    let image = images::find(database, id, now).await.map_err(problem)?;
    image
        .filter(|image| viewer.sees_picture(&image.details))
        .ok_or_else(unknown)
}

/// What is known about the file of a variant, before it is read.
fn file(made: &VariantFacts, image: &Image, now: Timestamp) -> File {
    let left = image.kept_until.duration_since(now).unsigned_abs();
    File {
        bytes: made.bytes.unsigned_abs().into(),
        media_type: made.media_type.clone(),
        digest: made.digest.clone(),
        modified: image.transformed_at.unwrap_or(image.details.received_at),
        max_age: left.min(LONGEST_KEPT),
    }
}

fn variant_of(query: &Query) -> Result<Variant, Problem> {
    let asked = query.text("variant")?.unwrap_or(Variant::Anonymised.as_str());
    match Variant::parse(asked) {
        Some(Variant::Original) => Err(Problem::forbidden(
            "originals are shown to operators only, by the console: /api/v1/originals/{id}",
        )),
        Some(variant) => Ok(variant),
        None => {
            let detail = format!("variant is {asked:?}, but must be anonymised, annotated or thumbnail");
            Err(invalid("variant", &detail))
        }
    }
}

fn on_its_way(id: ImageId) -> HttpResponse {
    let body = Receipt {
        id: id.uuid(),
        status: ImageState::Received.as_str(),
    };
    HttpResponse::Accepted()
        .insert_header(ASK_AGAIN)
        .insert_header((RETRY_AFTER, SOON))
        .json(body)
}

/// As it is told to whoever waits for the result of the upload.
fn failed(image: &Image) -> Problem {
    let (code, detail) = match &image.failure {
        Some(failure) => (failure.code.as_str(), failure.detail.as_str()),
        None => ("unknown", "nobody knows why"),
    };
    let title = "The picture could not be transformed";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "picture-failed", title, detail).with("reason", code)
}

fn gone(image: &Image) -> Problem {
    let detail = format!("the picture {} was deleted when its time was over", image.details.id);
    Problem::new(StatusCode::GONE, "gone", "Gone", detail)
}

fn no_such_variant(variant: Variant, image: &Image) -> Problem {
    let venue = &image.details.source.venue;
    let detail = format!("the variant {variant} was not made of this picture; the settings of {venue} say which are");
    let made: Vec<_> = image.variants.iter().map(|made| made.variant.as_str()).collect();
    Problem::new(StatusCode::NOT_FOUND, "no-such-variant", "No such variant", detail).with("variants", made)
}
