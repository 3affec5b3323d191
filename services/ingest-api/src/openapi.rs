//! The OpenAPI document of the service, made from its handlers.

use citytrack_common::openapi::{self, Access};
use utoipa::OpenApi;

use crate::{
    body::Packing,
    routes::{detections, images},
};

/// The document is served under this name.
pub(crate) const SERVICE: &str = "ingest-api";

const TOKENS: &str = "A node key (`ctn_…`); for pictures also an upload token of the console.";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "CityTrack: ingest",
        description = "What detection nodes post. Errors are problem documents (RFC 9457)."
    ),
    paths(detections::submit, images::upload),
    components(schemas(Packing)),
    tags(
        (name = "detections", description = "Batches of frames with what was detected in them."),
        (name = "images", description = "Pictures."),
    )
)]
struct Handlers;

/// The whole document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    openapi::complete(Handlers::openapi(), Access::Token(TOKENS))
}
