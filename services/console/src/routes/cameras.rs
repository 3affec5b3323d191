//! `/api/v1/venues/{venue}/cameras`

use actix_web::{HttpResponse, web};
use citytrack_access::Right;
use citytrack_common::Problem;
use citytrack_domain::{CameraName, Slug};
use citytrack_storage::{
    Database,
    cameras::{self, Camera},
};
use jiff::Timestamp;
use serde::Serialize;
use tracing::info;
use utoipa::ToSchema;
use uuid::Uuid;

use super::venue_in;
use crate::{
    auth::Principal,
    body::{Body, display_name},
    error::problem,
    schema::CameraChange,
};

#[derive(Serialize, ToSchema)]
#[schema(as = Camera)]
struct CameraBody {
    id: i32,
    node: Uuid,
    #[schema(value_type = Slug)]
    node_slug: String,
    #[schema(value_type = CameraName)]
    name: String,
    title: Option<String>,
    first_seen_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Cameras)]
pub(super) struct CamerasBody {
    cameras: Vec<CameraBody>,
}

impl From<Camera> for CameraBody {
    fn from(camera: Camera) -> Self {
        Self {
            id: camera.id,
            node: camera.node,
            node_slug: camera.node_slug.to_string(),
            name: camera.name.to_string(),
            title: camera.title,
            first_seen_at: camera.first_seen_at,
        }
    }
}

/// Cameras of a venue
///
/// They appear with their first frame.
#[utoipa::path(
    get, path = "/api/v1/venues/{venue}/cameras", operation_id = "cameras", tag = "venues",
    params(("venue" = Slug, Path)),
    responses((status = 200, body = CamerasBody)),
)]
pub(super) async fn list(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    let venue = venue_in(&path)?;
    principal.may(Right::SeeVenue, &venue)?;
    let cameras = cameras::list(&database, &venue).await.map_err(problem)?;
    let cameras: Vec<CameraBody> = cameras
        .into_iter()
        .filter(|camera| principal.sees_camera(&venue, &camera.node_slug, &camera.name))
        .map(CameraBody::from)
        .collect();
    Ok(HttpResponse::Ok().json(CamerasBody { cameras }))
}

/// Give a camera a title
///
/// Needs an operator of the venue.
#[utoipa::path(
    patch, path = "/api/v1/venues/{venue}/cameras/{camera}", operation_id = "change_camera", tag = "venues",
    params(("venue" = Slug, Path), ("camera" = i32, Path)),
    request_body = CameraChange,
    responses((status = 200, body = CameraBody)),
)]
pub(super) async fn update(
    principal: Principal,
    path: web::Path<(String, String)>,
    database: web::Data<Database>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (venue, id) = path.into_inner();
    let venue = venue_in(&venue)?;
    principal.may(Right::TitleCameras, &venue)?;
    let id = id
        .parse()
        .map_err(|_| Problem::not_found(format!("the venue {venue} has no camera {id:?}")))?;
    let title = body.read(|fields| fields.nullable("title", display_name))?;
    let change = principal.change(&database).await?;
    let camera = cameras::set_title(&change, &venue, id, title.as_deref())
        .await
        .map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(camera.id = id, venue = venue.as_str(), "camera renamed");
    Ok(HttpResponse::Ok().json(CameraBody::from(camera)))
}
