//! Keeps partitions ahead of time and drops those that are over.

use std::time::Duration;

use citytrack_common::{TaskError, lifecycle::chain};
use citytrack_domain::Clock;
use citytrack_storage::{
    Database, Error, ledger,
    partitions::{self, Retention},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::metrics::PersistMetrics;

/// After a round that failed.
const RETRY: Duration = Duration::from_secs(30);

/// One round at once and then every `interval`. Of several workers one does it; a round that fails is made again soon.
pub(crate) async fn run(
    database: Database,
    retention: Retention,
    interval: Duration,
    clock: Clock,
    metrics: PersistMetrics,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    let mut schema_is_there = false;
    loop {
        let round = async {
            if !schema_is_there {
                // The other task may not have come round to it yet.
                database.migrate().await?;
                schema_is_there = true;
            }
            let now = clock.now();
            let done = partitions::maintain(&database, &retention, now).await?;
            if done.is_some() {
                // Batches of a stream have ids; when those are forgotten, nothing new can come of it.
                let forgotten = ledger::forget(&database, retention.batches, now).await?;
                info!(streams.forgotten = forgotten, "the loss ledger is in order");
            }
            Ok::<_, Error>(done)
        };
        let wait = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            result = round => match result {
                Ok(done) => {
                    if let Some(done) = done {
                        metrics.partitions.with_label_values(&["created"]).inc_by(done.created as u64);
                        metrics.partitions.with_label_values(&["dropped"]).inc_by(done.dropped.len() as u64);
                        info!(partitions.created = done.created, partitions.dropped = ?done.dropped, "partitions are in order");
                    }
                    interval
                }
                Err(error) => {
                    metrics.maintenance_failures.inc();
                    warn!(error = %chain(&error), "partition maintenance failed; it is tried again soon");
                    RETRY.min(interval)
                }
            },
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
    }
}
