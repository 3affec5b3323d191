//! Batches that were refused for good, on their way into the loss ledger.
//!
//! Handlers only drop them into a bounded channel; a task of its own writes them, so that accepting never waits for PostgreSQL.
//! What this may lose is in decision 10.

use std::time::Duration;

use citytrack_common::{TaskError, lifecycle::chain};
use citytrack_storage::{
    Database,
    ledger::{self, Refusal},
};
use jiff::Timestamp;
use prometheus::IntCounter;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use crate::error::SubmitError;

/// Refusals that may wait, and again as many that may be in hand: at most 1 kB each.
const MOST: usize = 2_000;
/// How often they are written.
const INTERVAL: Duration = Duration::from_secs(1);

/// Where handlers put refusals.
pub(crate) struct Refusals {
    waiting: Sender<Refusal>,
    unrecorded: IntCounter,
}

impl Refusals {
    /// Notes that a batch of a node was refused, if that is for good. Never waits: what there is no room for is only counted.
    pub(crate) fn note(&self, node: Uuid, error: &SubmitError, at: Timestamp) {
        let Some(reason) = error.for_good() else {
            return;
        };
        let refusal = Refusal::new(node, error.position(), reason, &error.detail(), at);
        if self.waiting.try_send(refusal).is_err() {
            self.unrecorded.inc();
        }
    }
}

/// A place to put refusals, and the task that writes them; it ends when the place is gone.
pub(crate) fn start(
    database: Database,
    unrecorded: IntCounter,
    stop: CancellationToken,
) -> (Refusals, impl Future<Output = Result<(), TaskError>>) {
    let (waiting, receiver) = mpsc::channel(MOST);
    let task = write(receiver, database, unrecorded.clone(), stop);
    (Refusals { waiting, unrecorded }, task)
}

async fn write(
    mut waiting: Receiver<Refusal>,
    database: Database,
    unrecorded: IntCounter,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    let mut held = Vec::new();
    while !held.is_empty() || waiting.recv_many(&mut held, MOST).await > 0 {
        // More may come meanwhile; at the end of the process there is no time to lose.
        let _ = stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await;
        while held.len() < MOST
            && let Ok(refusal) = waiting.try_recv()
        {
            held.push(refusal);
        }
        match ledger::refuse(&database, &held).await {
            Ok(()) => held.clear(),
            Err(error) if error.is_transient() && !stop.is_cancelled() => {
                warn!(error = %chain(&error), refusals = held.len(), "refusals are held until the database takes them");
            }
            Err(error) => {
                warn!(error = %chain(&error), refusals = held.len(), "refusals are missing in the loss ledger");
                unrecorded.inc_by(held.len() as u64);
                held.clear();
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use citytrack_storage::DatabaseOptions;

    use super::*;

    #[test]
    fn refusals_beyond_the_bound_are_counted_and_not_kept() {
        let nowhere = DatabaseOptions {
            url: "postgres://nobody@127.0.0.1:1/nothing".to_owned(),
            pool_size: 1,
            wait: INTERVAL,
            statement_timeout: INTERVAL,
            read_only: false,
            application_name: "citytrack-test",
        };
        let unrecorded = IntCounter::new("unrecorded", "refusals").unwrap();
        let database = Database::connect(&nowhere).unwrap();
        let (refusals, _never_run) = start(database, unrecorded.clone(), CancellationToken::new());
        for _ in 0..MOST + 3 {
            refusals.note(Uuid::nil(), &SubmitError::TooLarge(1), Timestamp::UNIX_EPOCH);
        }
        refusals.note(Uuid::nil(), &SubmitError::NoRoom, Timestamp::UNIX_EPOCH);
        assert_eq!(unrecorded.get(), 3, "and what may be tried again is none");
    }
}
