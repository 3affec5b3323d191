//! `/livez` and `/readyz`, which every service has.

use std::collections::BTreeMap;

use utoipa::{OpenApi, ToSchema, openapi::Paths};

pub(super) const TAG: &str = "health";

#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `admin` answers")]
struct Live {
    /// Always: a process that is not alive answers nothing.
    live: bool,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `admin` answers")]
struct Ready {
    ready: bool,
    /// By name: `ok`, or why not.
    #[schema(example = json!({"database": "ok"}))]
    checks: BTreeMap<String, String>,
}

/// Is the process alive?
///
/// The gateway passes this on to the console; operators ask each service itself.
#[utoipa::path(get, path = "/livez", tag = TAG, security(()), responses((status = 200, body = inline(Live))))]
#[expect(dead_code, reason = "describes what `admin` answers")]
fn livez() {}

/// Can the process do its work now?
#[utoipa::path(
    get, path = "/readyz", tag = TAG, security(()),
    responses(
        (status = 200, description = "It can.", body = inline(Ready)),
        (status = 503, description = "It cannot; `checks` says why.", content(
            (inline(Ready) = "application/json"),
            (super::ProblemSchema = "application/problem+json"),
        )),
    )
)]
#[expect(dead_code, reason = "describes what `admin` answers")]
fn readyz() {}

#[derive(OpenApi)]
#[openapi(paths(livez, readyz))]
struct Health;

pub(super) fn paths() -> Paths {
    Health::openapi().paths
}
