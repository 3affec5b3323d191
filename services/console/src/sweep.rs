//! What has ended is forgotten: sessions, and attempts to sign in.

use std::time::Duration;

use citytrack_common::{TaskError, lifecycle::chain};
use citytrack_domain::Clock;
use citytrack_storage::{Database, Error, sessions, sign_in};
use tokio_util::sync::CancellationToken;
use tracing::warn;

const PAUSE: Duration = Duration::from_mins(1);

/// Sweeps now and then, until the process stops. Sessions end after the time `idle` without use. Nothing depends on it but
/// the size of the tables.
pub(crate) async fn keep(
    database: Database,
    clock: Clock,
    idle: Duration,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    while stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_some() {
        if let Err(error) = sweep(&database, &clock, idle).await {
            warn!(error = chain(&error), "sessions that have ended could not be forgotten");
        }
    }
    Ok(())
}

async fn sweep(database: &Database, clock: &Clock, idle: Duration) -> Result<(), Error> {
    sessions::sweep(database, clock.now(), idle).await?;
    sign_in::sweep(database, clock.now()).await?;
    Ok(())
}
