//! What is done again and again beside the storing of batches.

use std::time::Duration;

use citytrack_storage::{Database, Error};
use tokio_util::sync::CancellationToken;

/// After a round that failed.
const RETRY: Duration = Duration::from_secs(30);

/// One round at once and then every `interval`, until the process stops. A round that fails is told to `failed`, and made
/// again soon.
pub(crate) async fn run<F>(
    database: Database,
    interval: Duration,
    stop: CancellationToken,
    round: impl Fn() -> F,
    failed: impl Fn(&Error),
) where
    F: Future<Output = Result<(), Error>>,
{
    let mut schema_is_there = false;
    loop {
        let work = async {
            if !schema_is_there {
                // The other tasks may not have come round to it yet.
                database.migrate().await?;
                schema_is_there = true;
            }
            round().await
        };
        let wait = match stop.run_until_cancelled(work).await {
            None => return,
            Some(Ok(())) => interval,
            Some(Err(error)) => {
                failed(&error);
                RETRY.min(interval)
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
            return;
        }
    }
}
