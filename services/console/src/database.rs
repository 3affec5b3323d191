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
    let mut availability = Availability { check, was_there: true };
    while let Err(error) = database.migrate().await {
        if !error.is_transient() {
            return Err(error.into());
        }
        availability.lost(&error);
        if pause(RETRY, &stop).await.is_none() {
            return Ok(());
        }
    }
    info!("the schema is up to date");
    loop {
        match database.ping().await {
            Ok(()) => availability.there(),
            Err(error) => availability.lost(&error),
        }
        if pause(REFRESH, &stop).await.is_none() {
            return Ok(());
        }
    }
}

/// Tells the readiness always, the log only when something has changed.
struct Availability {
    check: Check,
    was_there: bool,
}

impl Availability {
    fn there(&mut self) {
        self.check.ok();
        if !self.was_there {
            info!("the database is available again");
        }
        self.was_there = true;
    }

    fn lost(&mut self, error: &Error) {
        let reason = chain(error);
        if self.was_there {
            warn!(error = reason, "the database is not available");
        }
        self.check.fail(reason);
        self.was_there = false;
    }
}

/// `None` when the process should stop.
async fn pause(time: Duration, stop: &CancellationToken) -> Option<()> {
    stop.run_until_cancelled(tokio::time::sleep(time)).await
}
