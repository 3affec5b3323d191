//! Keeps partitions ahead of time, drops those that are over, and keeps the loss ledger and the audit log small.

use std::time::Duration;

use citytrack_common::{TaskError, lifecycle::chain};
use citytrack_domain::Clock;
use citytrack_storage::{
    Database, Error, audit, ledger,
    partitions::{self, Retention},
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{metrics::PersistMetrics, rounds};

/// One round at once and then every `interval`. Of several workers one does it; a round that fails is made again soon.
pub(crate) async fn run(
    database: Database,
    retention: Retention,
    interval: Duration,
    clock: Clock,
    metrics: PersistMetrics,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    let failed = |error: &Error| {
        metrics.maintenance_failures.inc();
        warn!(error = %chain(error), "partition maintenance failed; it is tried again soon");
    };
    let round = || round(&database, &retention, clock.now(), &metrics);
    rounds::run(database.clone(), interval, stop, round, failed).await;
    Ok(())
}

/// Fails when the partitions are not in order. The ledger and the audit log do not need a round of their own: what could not
/// be forgotten can wait for the next.
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
    for (what, forgotten) in [
        ("streams of the loss ledger", ledger::forget(database).await),
        (
            "entries of the audit log",
            audit::forget(database, retention.audit, now).await,
        ),
    ] {
        match forgotten {
            Ok(forgotten) => info!(what, forgotten, "what is old is forgotten"),
            Err(error) => {
                metrics.maintenance_failures.inc();
                warn!(what, error = %chain(&error), "what is old cannot be forgotten; it is tried again with the next round");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use citytrack_testkit::TestDatabase;
    use prometheus::Registry;

    use super::*;

    const RETENTION: Retention = Retention {
        frames: Duration::from_hours(90 * 24),
        batches: Duration::from_hours(14 * 24),
        audit: Duration::from_hours(730 * 24),
        days_ahead: 3,
    };

    #[tokio::test]
    async fn a_ledger_that_cannot_be_kept_small_leaves_the_partitions_in_order() {
        let test = TestDatabase::create().await;
        let client = test.database.client().await.unwrap();
        client
            .batch_execute("alter table stream rename to elsewhere")
            .await
            .unwrap();
        let metrics = PersistMetrics::new(&Registry::new()).unwrap();
        round(&test.database, &RETENTION, Clock::System.now(), &metrics)
            .await
            .unwrap();
        assert!(metrics.partitions.with_label_values(&["created"]).get() > 0);
        assert_eq!(metrics.maintenance_failures.get(), 1);
    }

    #[tokio::test]
    async fn entries_of_the_audit_log_go_when_their_time_is_over() {
        let test = TestDatabase::create().await;
        let client = test.database.client().await.unwrap();
        let noted = "insert into audit_entry (at, actor_kind, actor_name, action, subject)
                     select now() - days * interval '1 day', 'command', 'test', 'venue.updated', days::text
                     from unnest(array[1, 729, 731]) as days";
        client.batch_execute(noted).await.unwrap();
        let metrics = PersistMetrics::new(&Registry::new()).unwrap();
        round(&test.database, &RETENTION, Clock::System.now(), &metrics)
            .await
            .unwrap();
        let rows = client
            .query("select subject from audit_entry order by id", &[])
            .await
            .unwrap();
        let kept: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(kept, ["1", "729"]);
    }
}
