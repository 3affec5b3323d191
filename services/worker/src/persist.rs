//! The role `persist`: broker → PostgreSQL.
//!
//! Takes what is in the queue up to a limit, stores it in one transaction, then acknowledges. While PostgreSQL is away it
//! holds what it took and the broker keeps the rest. What can never be stored goes to the dead letters.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use bytes::Bytes;
use citytrack_broker::{Delivery, Inbox};
use citytrack_common::{Check, TaskError, lifecycle::chain};
use citytrack_domain::{Batch, Clock, Window};
use citytrack_messages::{SCHEMA, encode, read, routing_key};
use citytrack_storage::{
    Database, Error,
    batches::{BatchWriter, Stored},
    ledger::{self, Reason, Refusal},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    dead_letters::{DeadLetters, Letter},
    metrics::PersistMetrics,
};

/// The first wait after an attempt to store failed; it doubles up to the setting.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

pub(crate) struct Persist {
    pub(crate) inbox: Inbox,
    pub(crate) database: Database,
    pub(crate) writer: BatchWriter,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) database_check: Check,
    pub(crate) clock: Clock,
    pub(crate) prefetch: usize,
    /// Bytes.
    pub(crate) max_take: usize,
    /// Shortest time between the starts of two transactions.
    pub(crate) gather: Duration,
    pub(crate) ping_interval: Duration,
    pub(crate) max_backoff: Duration,
    /// How long the ids of stored batches are kept.
    pub(crate) ids_kept: Duration,
    pub(crate) metrics: PersistMetrics,
    pub(crate) stop: CancellationToken,
}

/// The process stops before everything in hand is settled; the broker will deliver it again.
struct Stopped;

/// PostgreSQL will not store these batches together as they are.
struct Refused(Error);

impl Persist {
    /// Works until the process stops.
    pub(crate) async fn run(mut self) -> Result<(), TaskError> {
        if self.prepare_schema().await.is_err() {
            return Ok(());
        }
        while let Some(deliveries) = self.take().await {
            let full = deliveries.len() == self.prefetch;
            let next_take = tokio::time::Instant::now() + self.gather;
            let settled = self.settle(&deliveries).await;
            self.metrics.held.set(0);
            if settled.is_err() {
                break;
            }
            self.inbox.settle().await;
            // A transaction costs far more than a row in it: under load, the next one waits for company, unless there is as much
            // as there can be.
            if !full
                && self
                    .stop
                    .run_until_cancelled(tokio::time::sleep_until(next_take))
                    .await
                    .is_none()
            {
                break;
            }
        }
        self.inbox.close().await;
        Ok(())
    }

    /// What is in the queue, as soon as there is something; `None` when the process stops.
    async fn take(&mut self) -> Option<Vec<Delivery>> {
        let mut next = pin!(self.inbox.next(self.prefetch, self.max_take));
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                deliveries = &mut next => return Some(deliveries),
                // Readiness must show an outage also while there is nothing to store.
                () = tokio::time::sleep(self.ping_interval) => ping(&self.database, &self.database_check).await,
            }
        }
    }

    /// Nothing is taken from the queue before there is somewhere to put it.
    async fn prepare_schema(&mut self) -> Result<(), Stopped> {
        let mut backoff = FIRST_BACKOFF;
        while let Err(error) = self.database.migrate().await {
            self.hold(&error, "the schema cannot be brought up to date", &mut backoff)
                .await?;
        }
        self.database_check.ok();
        Ok(())
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

    /// Brings every delivery to its end: stored, recognised as a repetition, or put aside. Storing comes first: while RabbitMQ
    /// takes no messages, nothing can be put aside, but what can be stored is.
    async fn settle(&mut self, deliveries: &[Delivery]) -> Result<(), Stopped> {
        let (mut batches, mut unreadable) = (Vec::with_capacity(deliveries.len()), Vec::new());
        for delivery in deliveries {
            let (read, bad) = read(delivery.kind.as_deref(), &delivery.payload);
            if read.is_empty() && bad.is_empty() {
                // Nobody sends that; bytes of another kind may be read so.
                let payload = Bytes::copy_from_slice(&delivery.payload);
                unreadable.push((delivery, payload, "it holds no batch".to_owned()));
            }
            batches.extend(read);
            unreadable.extend(bad.into_iter().map(|bad| (delivery, bad.payload, chain(&bad.error))));
        }
        let (batches, mut refused) = self.split_forgotten(batches);
        self.metrics.held.set(i64::try_from(batches.len()).unwrap_or(i64::MAX));
        // Halves of what PostgreSQL refuses, until the bad batch is alone.
        let mut parts = vec![batches];
        while let Some(mut part) = parts.pop() {
            let Err(Refused(error)) = self.store(&part).await? else {
                continue;
            };
            if part.len() > 1 {
                let second = part.split_off(part.len() / 2);
                parts.extend([second, part]);
            } else if let Some(batch) = part.pop() {
                refused.push((batch, chain(&error)));
            }
        }
        for (delivery, payload, reason) in unreadable {
            self.put_aside(Letter {
                route: &delivery.route,
                kind: delivery.kind.as_deref().unwrap_or_default(),
                payload,
                reason: &reason,
            })
            .await?;
        }
        for (batch, reason) in refused {
            self.refuse(&batch, &reason).await?;
        }
        Ok(())
    }

    /// A batch that waited longer than ids are kept may have been stored before, and nobody would know: an operator decides.
    fn split_forgotten(&self, batches: Vec<Batch>) -> (Vec<Batch>, Vec<(Batch, String)>) {
        let window = Window {
            back: self.ids_kept,
            ahead: Duration::MAX,
        };
        let now = self.clock.now();
        let (batches, forgotten): (Vec<_>, Vec<_>) = batches
            .into_iter()
            .partition(|batch| window.check(batch.id.time(), now).is_ok());
        let reason = "its id is older than ids are kept, so that it cannot be told from a repetition";
        let forgotten = forgotten.into_iter().map(|batch| (batch, reason.to_owned()));
        (batches, forgotten.collect())
    }

    /// Stores the batches, trying until PostgreSQL has them. Only what it refuses because of the values themselves, or what
    /// takes too long at once, is given back: everything else passes, or an operator puts it right.
    async fn store(&mut self, batches: &[Batch]) -> Result<Result<(), Refused>, Stopped> {
        let mut backoff = FIRST_BACKOFF;
        while !batches.is_empty() {
            let started = Instant::now();
            match self.writer.insert(batches).await {
                Ok(stored) => {
                    self.database_check.ok();
                    self.count(batches, stored, started.elapsed());
                    break;
                }
                Err(error) if error.refuses_data() => return Ok(Err(Refused(error))),
                Err(error) if error.is_timeout() && batches.len() > 1 => {
                    self.hold(
                        &error,
                        "storing fewer batches at once, since these took too long",
                        &mut backoff,
                    )
                    .await?;
                    return Ok(Err(Refused(error)));
                }
                Err(error) => {
                    self.hold(&error, "holding batches until PostgreSQL takes them", &mut backoff)
                        .await?;
                }
            }
        }
        Ok(Ok(()))
    }

    fn count(&self, batches: &[Batch], stored: Stored, took: Duration) {
        debug!(?stored, ?took, "stored");
        let outcome = |name| self.metrics.batches.with_label_values(&[name]);
        outcome("stored").inc_by(stored.batches as u64);
        outcome("duplicate").inc_by(stored.duplicates as u64);
        self.metrics.frames.inc_by(stored.frames as u64);
        self.metrics.detections.inc_by(stored.detections as u64);
        self.metrics.transaction.observe(took.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        self.metrics.batches_per_transaction.observe(batches.len() as f64);
        let now = self.clock.now();
        for batch in batches {
            self.metrics
                .event_age
                .observe(now.duration_since(batch.received_at).as_secs_f64().max(0.0));
        }
    }

    /// Puts a batch aside, and tells the loss ledger that it is no longer on its way.
    async fn refuse(&mut self, batch: &Batch, reason: &str) -> Result<(), Stopped> {
        self.put_aside(Letter {
            route: &routing_key(&batch.source.venue),
            kind: SCHEMA,
            payload: encode(batch),
            reason,
        })
        .await?;
        let (node, position, at) = (batch.source.id, batch.position, batch.received_at);
        let refusal = [Refusal::new(node, position, Reason::DeadLetter, reason, at)];
        let mut backoff = FIRST_BACKOFF;
        while let Err(error) = ledger::refuse(&self.database, &refusal).await {
            if !error.is_transient() {
                warn!(error = %chain(&error), "cannot enter a dead letter into the loss ledger");
                break;
            }
            self.hold(&error, "the loss ledger waits for PostgreSQL", &mut backoff)
                .await?;
        }
        Ok(())
    }

    async fn put_aside(&mut self, letter: Letter<'_>) -> Result<(), Stopped> {
        if !self.dead_letters.put(letter, &self.stop).await {
            return Err(Stopped);
        }
        self.metrics.batches.with_label_values(&["dead_lettered"]).inc();
        Ok(())
    }
}

async fn ping(database: &Database, check: &Check) {
    match database.ping().await {
        Ok(()) => check.ok(),
        Err(error) => check.fail(chain(&error)),
    }
}
