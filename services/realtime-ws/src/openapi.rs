//! The OpenAPI document of the service, made from its handlers. What goes over a socket is described by AsyncAPI
//! (`proto-schemas/live`).

use citytrack_common::openapi::{self, Access};
use citytrack_domain::{CameraPattern, Class, Slug};
use utoipa::OpenApi;

use crate::{handshake, presence::route};

/// The document is served under this name.
pub(crate) const SERVICE: &str = "realtime-ws";

const TOKENS: &str = "A viewer token; for presence also the administrator token.";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "CityTrack: live",
        description = "What is seen now. Errors are problem documents (RFC 9457). The messages on a WebSocket and in a stream \
                       of events are described by the AsyncAPI document in `proto-schemas/live`."
    ),
    paths(handshake::live, route::presence),
    components(schemas(CameraPattern, Class, Slug)),
    tags((name = "live", description = "Frames and counts as they come, and who watches."))
)]
struct Handlers;

/// The whole document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    openapi::complete(Handlers::openapi(), Access::Token(TOKENS))
}
