//! What the errors of the storage become on the wire.

use std::time::Duration;

use actix_web::http::StatusCode;
use citytrack_common::{Problem, lifecycle::chain};
use citytrack_storage::Error;
use tracing::{error, warn};

/// How long a client should wait for PostgreSQL to come back.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// For `.map_err(problem)`: the caller learns what it can change, the log learns the rest.
pub(crate) fn problem(error: Error) -> Problem {
    match error {
        Error::NotFound(detail) => Problem::not_found(detail),
        Error::Conflict(detail) => Problem::conflict(detail),
        Error::TooMuch(detail) => Problem::bad_request("too-much", "Too much at once", detail),
        error if error.is_timeout() => {
            warn!(error = chain(&error), "a question took too long");
            let detail = "this takes longer than a question may; ask for a shorter range or longer buckets";
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "took-too-long",
                "Took too long",
                detail,
            )
        }
        error if error.is_transient() => {
            warn!(error = chain(&error), "a request met an unavailable database");
            Problem::unavailable("the database is not available at the moment", RETRY_AFTER)
        }
        error @ (Error::Objects(_) | Error::Setting(_)) => {
            warn!(
                error = chain(&error),
                "a request met an object store that does not do its work"
            );
            Problem::unavailable("the store of pictures is not available at the moment", RETRY_AFTER)
        }
        error => {
            error!(error = chain(&error), "a request failed");
            Problem::internal()
        }
    }
}
