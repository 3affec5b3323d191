//! Readiness: whether PostgreSQL is there and has the schema that this build knows.

use std::time::Duration;

use citytrack_common::{Check, TaskError, lifecycle::chain};
use citytrack_storage::Database;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

const REFRESH: Duration = Duration::from_secs(2);
const OLD_SCHEMA: &str = "the schema is older than this build; a worker or console brings it up to date";

/// Keeps `check` true to the facts until the process stops.
pub(crate) async fn watch(database: Database, check: Check, stop: CancellationToken) -> Result<(), TaskError> {
    let mut logged = None;
    loop {
        let trouble = match database.schema_is_current().await {
            Ok(true) => None,
            Ok(false) => Some(OLD_SCHEMA.to_owned()),
            Err(error) => Some(chain(&error)),
        };
        if trouble != logged {
            match &trouble {
                None => info!("the database is available"),
                Some(reason) => warn!(reason, "the database cannot be used"),
            }
        }
        match &trouble {
            None => check.ok(),
            Some(reason) => check.fail(reason),
        }
        logged = trouble;
        if stop.run_until_cancelled(tokio::time::sleep(REFRESH)).await.is_none() {
            return Ok(());
        }
    }
}
