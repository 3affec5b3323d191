//! Broker → journal.
//!
//! Takes what is in the queue, forgets the bodies, writes the rest in one transaction, then acknowledges. While PostgreSQL is
//! away it holds what it took; the queue keeps some of the rest, and drops the oldest.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use citytrack_broker::{Delivery, Inbox};
use citytrack_common::{Check, TaskError, lifecycle::chain};
use citytrack_domain::Clock;
use citytrack_storage::{
    Database, Error,
    journal::{JournalWriter, Note},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{metrics::JournalMetrics, note::note};

/// The first wait after an attempt that failed; it doubles up to the setting.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

pub(super) struct Keeper {
    pub(super) inbox: Inbox,
    pub(super) database: Database,
    pub(super) writer: JournalWriter,
    pub(super) database_check: Check,
    pub(super) clock: Clock,
    pub(super) prefetch: usize,
    /// Shortest time between the starts of two transactions.
    pub(super) gather: Duration,
    pub(super) ping_interval: Duration,
    pub(super) max_backoff: Duration,
    pub(super) metrics: JournalMetrics,
    pub(super) stop: CancellationToken,
}

/// The process stops before everything in hand is noted; the broker will deliver it again.
struct Stopped;

impl Keeper {
    /// Works until the process stops.
    pub(super) async fn run(mut self) -> Result<(), TaskError> {
        if self.prepare_schema().await.is_err() {
            return Ok(());
        }
        while let Some(deliveries) = self.take().await {
            let full = deliveries.len() == self.prefetch;
            let next_take = tokio::time::Instant::now() + self.gather;
            let doubtful = deliveries.iter().any(|delivery| delivery.redelivered);
            let now = self.clock.now();
            let notes = deliveries.iter().map(|delivery| note(delivery, now)).collect();
            drop(deliveries);
            if self.write(notes, doubtful).await.is_err() {
                break;
            }
            self.inbox.settle().await;
            let rest = tokio::time::sleep_until(next_take);
            if !full && self.stop.run_until_cancelled(rest).await.is_none() {
                break;
            }
        }
        self.inbox.close().await;
        Ok(())
    }

    /// What is in the queue, as soon as there is something; `None` when the process stops.
    async fn take(&mut self) -> Option<Vec<Delivery>> {
        let mut next = pin!(self.inbox.next(self.prefetch, usize::MAX));
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                deliveries = &mut next => return Some(deliveries),
                // Says that messages are being noted, also while there are none.
                () = tokio::time::sleep(self.ping_interval) => match self.writer.write(&[]).await {
                    Ok(()) => self.database_check.ok(),
                    Err(error) => self.database_check.fail(chain(&error)),
                },
            }
        }
    }

    /// Nothing is taken from the queue before there is somewhere to put it.
    async fn prepare_schema(&mut self) -> Result<(), Stopped> {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let prepare = async {
                self.database.migrate().await?;
                self.writer.write(&[]).await
            };
            let Err(error) = prepare.await else { break };
            self.hold(&error, "the journal cannot be opened", &mut backoff).await?;
        }
        self.database_check.ok();
        Ok(())
    }

    /// Writes the notes, trying until PostgreSQL has them. Some of them may be there already when the messages came again, or
    /// when it is not known how an attempt ended.
    async fn write(&mut self, notes: Vec<Note>, mut doubtful: bool) -> Result<(), Stopped> {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let started = Instant::now();
            match self.try_write(&notes, doubtful).await {
                Ok(()) => {
                    self.database_check.ok();
                    self.metrics.transaction.observe(started.elapsed().as_secs_f64());
                    return Ok(());
                }
                Err(error) if error.refuses_data() => {
                    error!(error = %chain(&error), messages = notes.len(), "these messages cannot be noted");
                    self.count("refused", notes.len());
                    return Ok(());
                }
                Err(error) => {
                    doubtful = true;
                    let what = "holding the journal until PostgreSQL takes it";
                    self.hold(&error, what, &mut backoff).await?;
                }
            }
        }
    }

    async fn try_write(&mut self, notes: &[Note], doubtful: bool) -> Result<(), Error> {
        if !doubtful {
            self.writer.write(notes).await?;
            self.count("noted", notes.len());
            return Ok(());
        }
        let known = self.writer.known(notes).await?;
        let new = notes.iter().zip(known).filter(|(_, known)| !known);
        let new: Vec<Note> = new.map(|(note, _)| note.clone()).collect();
        self.writer.write(&new).await?;
        self.count("noted", new.len());
        self.count("known", notes.len() - new.len());
        Ok(())
    }

    fn count(&self, outcome: &str, messages: usize) {
        self.metrics
            .messages
            .with_label_values(&[outcome])
            .inc_by(messages as u64);
    }

    /// Says that PostgreSQL does not do what it should, and waits until it is worth trying again.
    async fn hold(&mut self, error: &Error, what: &str, backoff: &mut Duration) -> Result<(), Stopped> {
        warn!(error = %chain(error), retry.after = ?*backoff, "{what}");
        self.database_check.fail(chain(error));
        self.metrics.retries.inc();
        let waited = self.stop.run_until_cancelled(tokio::time::sleep(*backoff)).await;
        *backoff = (*backoff * 2).min(self.max_backoff);
        waited.ok_or(Stopped)
    }
}
