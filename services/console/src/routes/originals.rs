//! `/api/v1/originals/{id}`: seen and deleted by operators.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{CONTENT_DISPOSITION, X_CONTENT_TYPE_OPTIONS},
    },
    web,
};
use citytrack_access::Right;
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{Clock, ImageId, ImageState};
use citytrack_storage::{
    Database, Objects, audit,
    images::{self, Image},
};
use jiff::Timestamp;
use tracing::info;

use crate::{auth::Principal, error::problem};

/// A picture as it was uploaded
///
/// Needs an operator of the venue, as people can be recognised. Only where the venue keeps originals, and as long as it does. Each
/// answer is an entry of the audit log, and a file to be saved: the bytes are a stranger's, and no browser shows them by itself.
#[utoipa::path(
    get, path = "/api/v1/originals/{id}", operation_id = "original", tag = "venues",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The bytes that were uploaded.", content(
            (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"),
        )),
        (status = 410, description = "It was kept, but its time is over, or that of the picture.", content((ProblemSchema = "application/problem+json"))),
    ),
)]
pub(super) async fn get(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
    objects: web::Data<Objects>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, Problem> {
    let now = clock.now();
    let image = of_operator(&principal, &path, &database, now).await?;
    let (id, venue) = (image.details.id, &image.details.source.venue);
    let original = images::original(&database, id, now).await.map_err(problem)?;
    let original = original.ok_or_else(|| not_kept(&image))?;
    let bytes = original.content.read(&objects).await.map_err(problem)?;
    // Before it is shown: nobody sees one without an entry.
    let change = principal.change(&database).await?;
    audit::note(&change, "original.viewed", &id.to_string(), Some(venue), None)
        .await
        .map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(image.id = %id, venue = venue.as_str(), "original viewed");
    let name = format!("attachment; filename=\"{id}.{}\"", ending(&original.media_type));
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_DISPOSITION, name))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type(original.media_type)
        .body(bytes))
}

/// Delete the original of a picture
///
/// Needs an operator of the venue. The picture remains, with people made unrecognisable. The original cannot be seen any more; where
/// files are in an object store, it is gone from there within the hour. An entry of the audit log tells it.
#[utoipa::path(
    delete, path = "/api/v1/originals/{id}", operation_id = "delete_original", tag = "venues",
    params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "It is deleted."),
        (status = 410, description = "It was deleted before.", content((ProblemSchema = "application/problem+json"))),
    ),
)]
pub(super) async fn end(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, Problem> {
    let image = of_operator(&principal, &path, &database, clock.now()).await?;
    let (id, venue) = (image.details.id, &image.details.source.venue);
    let change = principal.change(&database).await?;
    if !images::end_original(&change, id).await.map_err(problem)? {
        return Err(not_kept(&image));
    }
    audit::note(&change, "original.deleted", &id.to_string(), Some(venue), None)
        .await
        .map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(image.id = %id, venue = venue.as_str(), "original deleted");
    Ok(HttpResponse::NoContent().finish())
}

/// A picture of a venue whose originals are the principal's to see.
async fn of_operator(principal: &Principal, path: &str, database: &Database, now: Timestamp) -> Result<Image, Problem> {
    principal.may_somewhere(Right::SeeOriginals)?;
    let unknown = || Problem::not_found(format!("there is no picture {path:?}"));
    let id = ImageId::parse(path).map_err(|_| unknown())?;
    let image = images::find(database, id, now).await.map_err(problem)?;
    let image = image.ok_or_else(unknown)?;
    let venue = &image.details.source.venue;
    if !principal.sees(venue) {
        return Err(unknown());
    }
    principal.may(Right::SeeOriginals, venue)?;
    Ok(image)
}

/// How the name of a file of such a media type ends.
fn ending(media_type: &str) -> &str {
    match media_type {
        "image/jpeg" => "jpg",
        other => other.rsplit('/').next().unwrap_or(other),
    }
}

/// Why there is no original.
fn not_kept(image: &Image) -> Problem {
    let id = image.details.id;
    if image.had_original || image.state == ImageState::Expired {
        let detail = format!("the original of the picture {id} was deleted, by an operator or as its time was over");
        return Problem::new(StatusCode::GONE, "gone", "Gone", detail);
    }
    Problem::not_found(format!("the original of the picture {id} is not kept"))
}
