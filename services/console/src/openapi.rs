//! The OpenAPI document of the control API, made from its handlers.

use citytrack_common::openapi::{self, Access};
use citytrack_domain::Class;
use utoipa::OpenApi;

use crate::routes::{
    api_tokens, audit, cameras, imports, journal, keys, ledger, nodes, nodes_overview, originals, session, system,
    upload_tokens, users, venues, viewer_tokens,
};

/// The document is served under this name.
pub(crate) const SERVICE: &str = "console";

const TOKENS: &str =
    "The administrator token of the settings, an API token (`ct_…`), or a viewer token, which only lets see.";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "CityTrack: control",
        description = "Venues, nodes and their keys, users, tokens. Errors are problem documents (RFC 9457); every GET answers \
                       HEAD, too. Who may do what depends on the role: `viewer`, `operator` or `admin`, of a venue or of all."
    ),
    paths(
        venues::list, venues::create, venues::get, venues::update, venues::retire,
        cameras::list, cameras::update,
        nodes_overview::list,
        nodes::list, nodes::create, nodes::get, nodes::update, nodes::retire,
        keys::list, keys::create, keys::revoke,
        ledger::get,
        viewer_tokens::create,
        upload_tokens::create,
        originals::get,
        originals::end,
        imports::create,
        system::get,
        journal::list,
        api_tokens::list, api_tokens::create, api_tokens::revoke,
        audit::list,
        session::create, session::get, session::end, session::change_password,
        users::list, users::create, users::get, users::update,
    ),
    components(schemas(Class)),
    tags(
        (name = "venues", description = "Places with a time zone, and the cameras that were seen there."),
        (name = "nodes", description = "Programs that detect: their keys, and the batches that are missing."),
        (name = "tokens", description = "What others show to be let in."),
        (name = "session", description = "Signing in and out in a browser."),
        (name = "users", description = "Who may sign in, and do what."),
        (name = "system", description = "How the services are."),
        (name = "audit", description = "Who did what."),
    )
)]
struct Handlers;

/// The whole document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    openapi::complete(Handlers::openapi(), Access::TokenOrSession(TOKENS))
}
