//! The OpenAPI document of the service, made from its handlers.

use citytrack_common::openapi::{self, Access};
use utoipa::OpenApi;

use crate::{counts, export, heatmap, images, occupancy, venue_counts};

/// The document is served under this name.
pub(crate) const SERVICE: &str = "stats";

const TOKENS: &str = "A viewer token, or an API token (`ct_…`).";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "CityTrack: statistics",
        description = "What was counted, and pictures. Errors are problem documents (RFC 9457); every GET answers HEAD, too."
    ),
    paths(
        counts::get, venue_counts::get, export::get, heatmap::get, occupancy::now, occupancy::history::history,
        images::get, images::details, images::list,
    ),
    tags(
        (name = "counts", description = "How many detections there were, in buckets of time."),
        (name = "detections", description = "What was seen, one by one."),
        (name = "heatmap", description = "Where on the image of a camera people stand."),
        (name = "images", description = "Pictures, and what is known about them."),
        (name = "occupancy", description = "How many there are."),
    )
)]
struct Handlers;

/// The whole document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    openapi::complete(Handlers::openapi(), Access::Token(TOKENS))
}
