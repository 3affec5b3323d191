//! `/api/v1/venues`

use actix_web::{HttpResponse, web};
use citytrack_access::Right;
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{Slug, VenueTimeZone};
use citytrack_storage::{
    Database, images,
    venues::{self, Venue},
};
use jiff::Timestamp;
use serde::Serialize;
use tracing::info;
use utoipa::ToSchema;

use super::{ListQuery, created, image_settings, venue_in};
use crate::{
    auth::Principal,
    body::{Body, display_name},
    error::problem,
    schema::{NewVenue, VenueChange},
};

#[derive(Serialize, ToSchema)]
#[schema(as = Venue)]
struct VenueBody {
    #[schema(value_type = Slug)]
    slug: String,
    name: String,
    time_zone: String,
    created_at: Timestamp,
    retired_at: Option<Timestamp>,
    images: image_settings::SettingsBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Venues)]
pub(super) struct VenuesBody {
    venues: Vec<VenueBody>,
}

impl From<Venue> for VenueBody {
    fn from(venue: Venue) -> Self {
        Self {
            slug: venue.slug.to_string(),
            name: venue.name,
            time_zone: venue.time_zone,
            created_at: venue.created_at,
            retired_at: venue.retired_at,
            images: venue.images.into(),
        }
    }
}

/// Venues
///
/// Those that whoever asks may see.
#[utoipa::path(
    get, path = "/api/v1/venues", operation_id = "venues", tag = "venues",
    params(ListQuery),
    responses((status = 200, body = VenuesBody)),
)]
pub(super) async fn list(
    principal: Principal,
    query: web::Query<ListQuery>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    let venues = venues::list(&database, query.retired).await.map_err(problem)?;
    let venues: Vec<VenueBody> = venues
        .into_iter()
        .filter(|venue| principal.sees(&venue.slug))
        .map(VenueBody::from)
        .collect();
    Ok(HttpResponse::Ok().json(VenuesBody { venues }))
}

/// New venue
///
/// Needs an admin of all venues.
#[utoipa::path(
    post, path = "/api/v1/venues", operation_id = "create_venue", tag = "venues",
    request_body = NewVenue,
    responses((status = 201, body = VenueBody, headers(("Location" = String))), (status = 409, description = "There is such a venue, or was.", content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn create(
    principal: Principal,
    database: web::Data<Database>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    principal.may_everywhere(Right::CreateVenues)?;
    let (slug, name, zone) = body.read(|fields| {
        let slug = fields.required("slug", Slug::new);
        let name = fields.required("name", display_name);
        let zone = fields.required("time_zone", VenueTimeZone::new);
        Ok((slug?, name?, zone?))
    })?;
    let change = principal.change(&database).await?;
    let venue = venues::create(&change, &slug, &name, &zone).await.map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(venue = slug.as_str(), "venue created");
    Ok(created(format!("/api/v1/venues/{slug}"), VenueBody::from(venue)))
}

/// A venue
#[utoipa::path(
    get, path = "/api/v1/venues/{venue}", operation_id = "venue", tag = "venues",
    params(("venue" = Slug, Path)),
    responses((status = 200, body = VenueBody)),
)]
pub(super) async fn get(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    let slug = venue_in(&path)?;
    principal.may(Right::SeeVenue, &slug)?;
    let venue = venues::get(&database, &slug).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(VenueBody::from(venue)))
}

/// Change a venue
///
/// Needs an admin of the venue. How long pictures are kept changes at once, what is made of them from the next one on.
#[utoipa::path(
    patch, path = "/api/v1/venues/{venue}", operation_id = "change_venue", tag = "venues",
    params(("venue" = Slug, Path)),
    request_body = VenueChange,
    responses((status = 200, body = VenueBody), (status = 409, description = "The venue is retired.", content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn update(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let slug = venue_in(&path)?;
    principal.may(Right::ChangeVenue, &slug)?;
    let (name, zone, settings) = body.read(|fields| {
        let name = fields.optional("name", display_name);
        let zone = fields.optional("time_zone", VenueTimeZone::new);
        let settings = image_settings::read(fields);
        Ok((name?, zone?, settings?))
    })?;
    let change = principal.change(&database).await?;
    if let Some(settings) = &settings {
        images::change_settings(&change, &slug, settings)
            .await
            .map_err(problem)?;
    }
    let venue = venues::update(&change, &slug, name.as_deref(), zone.as_ref())
        .await
        .map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(venue = slug.as_str(), "venue changed");
    Ok(HttpResponse::Ok().json(VenueBody::from(venue)))
}

/// Retire a venue
///
/// Needs an admin of the venue. What was counted stays; its nodes are refused from now on.
#[utoipa::path(
    delete, path = "/api/v1/venues/{venue}", operation_id = "retire_venue", tag = "venues",
    params(("venue" = Slug, Path)),
    responses((status = 204), (status = 409, description = "The venue is retired already.", content((ProblemSchema = "application/problem+json")))),
)]
pub(super) async fn retire(
    principal: Principal,
    path: web::Path<String>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    let slug = venue_in(&path)?;
    principal.may(Right::ChangeVenue, &slug)?;
    let change = principal.change(&database).await?;
    venues::retire(&change, &slug).await.map_err(problem)?;
    change.commit().await.map_err(problem)?;
    info!(venue = slug.as_str(), "venue retired");
    Ok(HttpResponse::NoContent().finish())
}
