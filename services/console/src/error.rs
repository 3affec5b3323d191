//! What the errors of the storage become on the wire.

use std::time::Duration;

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
