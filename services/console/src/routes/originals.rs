//! `/api/v1/originals/{id}`

use actix_web::{HttpResponse, web};
use citytrack_access::Right;
use citytrack_common::Problem;
use citytrack_domain::{Clock, ImageId};
use citytrack_storage::{Database, Objects, audit, images};
use tracing::info;

use crate::{auth::Principal, error::problem};

/// A picture as it was uploaded
///
/// Needs an operator of the venue, as people can be recognised. Only where the venue keeps originals, and as long as it does. Each
/// answer is an entry of the audit log.
#[utoipa::path(
    get, path = "/api/v1/originals/{id}", operation_id = "original", tag = "venues",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The bytes that were uploaded.", content(
        (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"),
    ))),
)]
pub(super) async fn get(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
    objects: web::Data<Objects>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, Problem> {
    principal.may_somewhere(Right::SeeOriginals)?;
    let now = clock.now();
    let unknown = || Problem::not_found(format!("there is no picture {path:?}"));
    let id = ImageId::parse(&path).map_err(|_| unknown())?;
    let image = images::find(&database, id, now).await.map_err(problem)?;
    let venue = image.ok_or_else(unknown)?.details.source.venue;
    if !principal.sees(&venue) {
        return Err(unknown());
    }
    principal.may(Right::SeeOriginals, &venue)?;
    let original = images::original(&database, id, now).await.map_err(problem)?;
    let original =
        original.ok_or_else(|| Problem::not_found(format!("the original of the picture {id} is not kept")))?;
    let bytes = original.content.read(&objects).await.map_err(problem)?;
    // Before it is shown: nobody sees one without an entry.
    let change = principal.change(&database).await?;
    audit::note(&change, "original.viewed", &id.to_string(), Some(&venue), None)
        .await
        .map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(image.id = %id, venue = venue.as_str(), "original viewed");
    Ok(HttpResponse::Ok().content_type(original.media_type).body(bytes))
}
