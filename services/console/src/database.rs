//! The schema at start, and readiness from then on.

use std::time::Duration;

use citytrack_common::{Check, TaskError, lifecycle::chain};
use citytrack_storage::{Database, Error};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

const RETRY: Duration = Duration::from_secs(1);
const REFRESH: Duration = Duration::from_secs(2);

/// Brings the schema up to date, waiting for PostgreSQL as long as it is away, and then keeps `check` true to the facts.
pub(crate) async fn keep(database: Database, check: Check, stop: CancellationToken) -> Result<(), TaskError> {
    // A migration that has begun is finished, also during shutdown.
    while let Err(error) = database.migrate().await {
        if !error.is_transient() {
            return Err(error.into());
        }
        report(&check, &error);
        if pause(RETRY, &stop).await.is_none() {
            return Ok(());
        }
    }
    info!("the schema is up to date");
    loop {
        match database.ping().await {
            Ok(()) => check.ok(),
            Err(error) => report(&check, &error),
        }
        if pause(REFRESH, &stop).await.is_none() {
            return Ok(());
        }
    }
}

fn report(check: &Check, error: &Error) {
    let reason = chain(error);
    warn!(error = reason, "the database is not available");
    check.fail(reason);
}

/// `None` when the process should stop.
async fn pause(time: Duration, stop: &CancellationToken) -> Option<()> {
    stop.run_until_cancelled(tokio::time::sleep(time)).await
}
