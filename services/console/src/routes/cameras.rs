//! `/api/v1/venues/{venue}/cameras`

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use citytrack_access::Right;
use citytrack_common::Problem;
use citytrack_storage::{
    Database,
    cameras::{self, Camera},
};
use jiff::Timestamp;
use serde::Serialize;
use tracing::info;
use uuid::Uuid;

use super::venue_in;
use crate::{
    auth::Principal,
    body::{Body, display_name},
    error::problem,
};

#[derive(Serialize)]
struct CameraBody {
    id: i32,
    node: Uuid,
    node_slug: String,
    name: String,
    title: Option<String>,
    first_seen_at: Timestamp,
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
    Ok(HttpResponse::Ok().json(BTreeMap::from([("cameras", cameras)])))
}

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
