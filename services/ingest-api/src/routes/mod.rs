//! The routes of the ingest API.

pub(crate) mod detections;

use actix_web::web;
use citytrack_common::http::only;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/api/v1/detections")
            .route(web::post().to(detections::submit))
            .default_service(only("POST")),
    );
}
