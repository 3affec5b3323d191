//! Keeps partitions ahead of time, drops those that are over, and keeps the loss ledger small.

use std::time::Duration;

use citytrack_common::{TaskError, lifecycle::chain};
use citytrack_domain::Clock;
use citytrack_storage::{
    Database, Error, ledger,
    partitions::{self, Retention},
};
use jiff::Timestamp;
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
            round(&database, &retention, clock.now(), &metrics).await
        };
        let wait = match stop.run_until_cancelled(round).await {
            None => return Ok(()),
            Some(Ok(())) => interval,
            Some(Err(error)) => {
                metrics.maintenance_failures.inc();
                warn!(error = %chain(&error), "partition maintenance failed; it is tried again soon");
                RETRY.min(interval)
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
            return Ok(());
        }
    }
}

/// Fails when the partitions are not in order. The ledger does not need a round of its own: what could not be forgotten can
/// wait for the next.
async fn round(
    database: &Database,
    retention: &Retention,
    now: Timestamp,
    metrics: &PersistMetrics,
) -> Result<(), Error> {
    let Some(done) = partitions::maintain(database, retention, now).await? else {
        return Ok(());
    };
    let count = |action| metrics.partitions.with_label_values(&[action]);
    count("created").inc_by(done.created as u64);
    count("dropped").inc_by(done.dropped.len() as u64);
    info!(partitions.created = done.created, partitions.dropped = ?done.dropped, "partitions are in order");
    match ledger::forget(database).await {
        Ok(forgotten) => info!(streams.forgotten = forgotten, "the loss ledger is in order"),
        Err(error) => {
            metrics.maintenance_failures.inc();
            warn!(error = %chain(&error), "cannot forget old streams of the loss ledger; it is tried again with the next round");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use citytrack_testkit::TestDatabase;
    use prometheus::Registry;

    use super::*;

    #[tokio::test]
    async fn a_ledger_that_cannot_be_kept_small_leaves_the_partitions_in_order() {
        let test = TestDatabase::create().await;
        let client = test.database.client().await.unwrap();
        client
            .batch_execute("alter table stream rename to elsewhere")
            .await
            .unwrap();
        let days = |days: u64| Duration::from_secs(days * 24 * 3_600);
        let retention = Retention {
            frames: days(90),
            batches: days(14),
            days_ahead: 3,
        };
        let metrics = PersistMetrics::new(&Registry::new()).unwrap();
        round(&test.database, &retention, Clock::System.now(), &metrics)
            .await
            .unwrap();
        assert!(metrics.partitions.with_label_values(&["created"]).get() > 0);
        assert_eq!(metrics.maintenance_failures.get(), 1);
    }
}
