//! Folds what was stored into the roll-ups that long ranges are read from.

use std::time::{Duration, Instant};

use citytrack_common::{TaskError, lifecycle::chain};
use citytrack_storage::{Database, Error, rollup};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{metrics::RollupMetrics, rounds};

/// One round at once and then every `interval`. Of several workers one does it. Nothing is wrong while it fails, but counts
/// of long ranges are read more slowly the longer it does.
pub(crate) async fn run(
    database: Database,
    interval: Duration,
    metrics: RollupMetrics,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    let failed = |error: &Error| {
        metrics.failures.inc();
        warn!(error = %chain(error), "the roll-ups could not be brought up to date; it is tried again soon");
    };
    let round = || round(&database, &metrics);
    rounds::run(database.clone(), interval, stop, round, failed).await;
    Ok(())
}

async fn round(database: &Database, metrics: &RollupMetrics) -> Result<(), Error> {
    let start = Instant::now();
    if let Some(folded) = rollup::fold(database).await? {
        metrics.rows.inc_by(folded.rows);
        metrics.seconds.observe(start.elapsed().as_secs_f64());
        debug!(
            rollup.rows = folded.rows,
            rollup.rebuilt = folded.rebuilt,
            "the roll-ups are up to date"
        );
    }
    Ok(())
}
