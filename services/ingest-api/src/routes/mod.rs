//! The routes of the ingest API.

pub(crate) mod detections;
pub(crate) mod images;

use actix_web::web;
use citytrack_common::http::only;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/api/v1/detections")
            .route(web::post().to(detections::submit))
            .default_service(only("POST")),
    );
    config.service(
        web::resource("/api/v1/images")
            .route(web::post().to(images::upload))
            .default_service(only("POST")),
    );
}
