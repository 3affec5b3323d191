//! Readiness: whether PostgreSQL is there and has the schema that this build knows.

use std::time::Duration;

use citytrack_common::{Check, TaskError, lifecycle::chain};
use citytrack_storage::Database;
use tokio_util::sync::CancellationToken;
use tracing::warn;

const REFRESH: Duration = Duration::from_secs(2);

/// Keeps `check` true to the facts until the process stops.
pub(crate) async fn watch(database: Database, check: Check, stop: CancellationToken) -> Result<(), TaskError> {
    loop {
        match database.schema_is_current().await {
            Ok(true) => check.ok(),
            Ok(false) => check.fail("the schema is older than this build; a worker or console brings it up to date"),
            Err(error) => {
                let reason = chain(&error);
                warn!(error = reason, "the database is not available");
                check.fail(reason);
            }
        }
        if stop.run_until_cancelled(tokio::time::sleep(REFRESH)).await.is_none() {
            return Ok(());
        }
    }
}
