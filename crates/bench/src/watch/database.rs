//! When batches become visible in the database, seen from outside.
//!
//! `batch.stored_at` is taken inside the transaction, before its commit: it would leave the commit's flush to disk out. So one
//! connection asks every 2 ms for those ids that were sent and not yet seen, by primary key; what it finds is committed. The figure
//! is late by up to one interval, never early. Where batches come too fast to ask for each, every n-th is asked for. What our own
//! server process costs is left out of the system's CPU time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_postgres::{Client, NoTls, Statement};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::latency::Latencies;
use crate::ledger::{Fate, Ledger};
use crate::plan::Plan;

const EVERY: Duration = Duration::from_millis(2);
/// Ids in one question; with a long backlog the oldest are asked for first.
const MOST_IDS: usize = 500;

/// A connection, with the task that serves it.
pub(crate) struct Database {
    pub(crate) client: Client,
    /// Of the server process that works for us.
    pub(crate) pid: i32,
    _connection: JoinSet<()>,
}

impl Database {
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("database")?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let _ = connection.await; // its errors also come to whoever asked
        });
        let pid = client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        Ok(Self {
            client,
            pid,
            _connection: tasks,
        })
    }
}

/// What was seen while the run went on.
pub(crate) struct Visibility {
    /// From sending to the first look that found the batch.
    pub(crate) latency: Latencies,
    /// Batches that were asked for.
    pub(crate) watched: u64,
}

/// Watches batches become visible.
pub(crate) struct Watcher {
    database: Database,
    find: Statement,
    plan: Plan,
    ledger: Arc<Ledger>,
    /// Every how many requests one is watched.
    sample: u32,
    next: u32,
    waiting: Vec<(u32, Uuid)>,
    /// Where each batch that has left `waiting` gives back its permit, and those of the ones that are not watched.
    room: Option<Arc<Semaphore>>,
    seen: Visibility,
}

impl Watcher {
    pub(crate) async fn new(
        url: &str,
        plan: Plan,
        ledger: Arc<Ledger>,
        sample: u32,
        room: Option<Arc<Semaphore>>,
    ) -> Result<Self> {
        let database = Database::connect(url).await?;
        let find = database
            .client
            .prepare("SELECT id FROM batch WHERE id = ANY($1)")
            .await
            .context("table batch")?;
        let seen = Visibility {
            latency: Latencies::new()?,
            watched: 0,
        };
        Ok(Self {
            database,
            find,
            plan,
            ledger,
            sample,
            next: 0,
            waiting: Vec::new(),
            room,
            seen,
        })
    }

    pub(crate) fn pid(&self) -> i32 {
        self.database.pid
    }

    /// Looks until `stop`, and then for as long as that finds something.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<Visibility> {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let stopped = stop.is_cancelled();
            if self.look().await? == 0 && stopped {
                return Ok(self.seen);
            }
            ticks.tick().await;
        }
    }

    /// Asks once; says how many batches it found.
    async fn look(&mut self) -> Result<usize> {
        self.take_new();
        if self.waiting.is_empty() {
            return Ok(0);
        }
        let ids: Vec<Uuid> = self.waiting.iter().take(MOST_IDS).map(|(_, id)| *id).collect();
        let rows = self.database.client.query(&self.find, &[&ids]).await?;
        let now = self.ledger.since_start(Instant::now());
        let mut found: Vec<u32> = rows.iter().filter_map(|row| self.plan.ids.number(row.get(0))).collect();
        found.sort_unstable();
        for entry in found
            .iter()
            .filter_map(|&request| self.ledger.entry(request))
            .filter(|entry| entry.measured)
        {
            self.seen.latency.record(now.saturating_sub(entry.sent));
        }
        let ledger = &self.ledger;
        let refused = |request| ledger.entry(request).is_some_and(|entry| entry.fate == Fate::Refused);
        let before = self.waiting.len();
        self.waiting
            .retain(|(request, _)| found.binary_search(request).is_err() && !refused(*request));
        if let Some(room) = &self.room {
            room.add_permits((before - self.waiting.len()) * self.sample as usize);
        }
        Ok(found.len())
    }

    /// Adds the requests sent since the last look.
    fn take_new(&mut self) {
        while let Some(entry) = self.ledger.entry(self.next) {
            let millis = self.ledger.millis_at(entry.sent);
            self.waiting.push((self.next, self.plan.ids.id(self.next, millis)));
            self.seen.watched += 1;
            self.next = self.next.saturating_add(self.sample);
        }
    }
}
