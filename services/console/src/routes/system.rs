//! `/api/v1/system`: how the services are.

use actix_web::{HttpResponse, web};
use citytrack_access::Right;
use citytrack_common::Problem;
use citytrack_domain::Clock;

use crate::{
    auth::Principal,
    system::{Status, System},
};

/// How the services are
///
/// What their admin listeners say, a few seconds old at most. An operator of any venue may see it.
#[utoipa::path(
    get, path = "/api/v1/system", operation_id = "system", tag = "system",
    responses((status = 200, body = Status)),
)]
pub(super) async fn get(
    principal: Principal,
    system: web::Data<System>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, Problem> {
    principal.may_somewhere(Right::SeeSystem)?;
    Ok(HttpResponse::Ok().json(system.status(clock.now()).await))
}
