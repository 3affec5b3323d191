//! `citytrack-bench ingest`: one measured run.

mod args;
mod sending;
mod sums;
#[cfg(test)]
mod tests;
mod watching;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub(crate) use args::Args;

use crate::fleet::Fleet;
use crate::ledger::Ledger;
use crate::load::Schedule;
use crate::plan::Plan;
use crate::processes::{Root, Snapshot};
use crate::report::Report;
use crate::watch::{self, Audit, Database};
use sums::Outcome;

/// Makes one run and prints what it found.
#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let report = Run::new(args)?.measure()?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

/// A run that is about to start.
struct Run<'a> {
    args: &'a Args,
    plan: Plan,
    ledger: Arc<Ledger>,
    fleet: Fleet,
    roots: Vec<Root>,
    received: Arc<AtomicU64>,
    /// How many more batches may be sent before one is committed; without a bound if none.
    room: Option<Arc<Semaphore>>,
    stop: CancellationToken,
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// Waits for a thread's result.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread
        .join()
        .map_err(|_| anyhow!("a thread of the generator panicked"))?
}

impl<'a> Run<'a> {
    fn new(args: &'a Args) -> Result<Self> {
        args.check()?;
        let fleet = args.fleet()?;
        Ok(Self {
            args,
            plan: Plan::new(args.dialect, args.batch, args.max_requests, rand::random())?
                .with_lapse(args.lapse(&fleet)),
            ledger: Arc::new(Ledger::new(args.max_requests)),
            fleet,
            roots: args.roots()?,
            received: Arc::default(),
            room: args.max_behind.map(|most| Arc::new(Semaphore::new(most as usize))),
            stop: CancellationToken::new(),
        })
    }

    fn measure(&self) -> Result<Report> {
        let lanes = self.lanes()?;
        let watching = self.watching()?;
        let ours: Vec<i32> = watching.rows.iter().map(|(_, watcher)| watcher.pid()).collect();
        let ours = [ours, watching.audit.iter().map(|(_, database)| database.pid).collect()].concat();
        let before = Snapshot::take(&self.roots, &ours)?;
        let schedule = Schedule {
            begin: Instant::now() + Duration::from_millis(20),
            warmup: Duration::from_secs_f64(self.args.warmup),
            duration: Duration::from_secs_f64(self.args.duration),
            rate: self.args.rate,
        };
        std::thread::scope(|scope| {
            let (live_runtime, subscribers) = watching.live;
            let live = scope.spawn(move || live_runtime.block_on(subscribers.join()));
            let stop = &self.stop;
            let rows = watching
                .rows
                .map(|(runtime, watcher)| scope.spawn(move || runtime.block_on(watcher.run(stop.clone()))));
            let posts = self.load(lanes, schedule);
            let drained = self.drain(watching.audit.as_ref());
            let after = Snapshot::take(&self.roots, &ours);
            self.stop.cancel(); // whatever failed: the watchers have to end
            let (posts, after) = (drained.and(posts)?, after?);
            let audit = watching
                .audit
                .map(|(runtime, database)| self.audit(&runtime, &database, &schedule))
                .transpose()?;
            let (seen, visibility) = (joined(live)?, rows.map(joined).transpose()?);
            self.report(Outcome {
                schedule,
                posts,
                seen,
                visibility,
                audit,
                before,
                after,
            })
        })
    }

    /// Waits until all that was accepted has arrived everywhere, or for as long as that may take.
    fn drain(&self, database: Option<&(Runtime, Database)>) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs_f64(self.args.drain);
        let accepted = self.ledger.accepted();
        let messages = accepted * self.plan.parts() * u64::from(self.args.subscribers);
        let mut stored = database.is_none();
        while Instant::now() < deadline && !(stored && self.received.load(Relaxed) >= messages) {
            std::thread::sleep(Duration::from_millis(100));
            if let Some((runtime, database)) = database.filter(|_| !stored) {
                stored = runtime.block_on(watch::count(database, &self.ledger))? >= accepted;
            }
        }
        Ok(())
    }

    fn audit(&self, runtime: &Runtime, database: &Database, schedule: &Schedule) -> Result<Audit> {
        let measured = self.ledger.since_start(schedule.measure_from())..self.ledger.since_start(schedule.end());
        runtime
            .block_on(watch::audit(database, &self.plan, &self.ledger, measured))
            .context("audit")
    }
}
