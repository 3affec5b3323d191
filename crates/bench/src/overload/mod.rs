//! `citytrack-bench overload`: what a system does when far more comes than it can take. Sends at a fixed rate, whatever the answers
//! (an open loop with many connections), then waits until everything has recovered, then sends what the system can well take.
//!
//! What must hold is judged: answers are 202, or 429 or 503 with `Retry-After`; what was accepted is stored once; nothing
//! needs a hand afterwards.

mod args;
mod gauges;
mod outcome;
mod recovery;
mod sender;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::fleet::Fleet;
use crate::ledger::Ledger;
use crate::load::{Pace, Schedule, keep_pace};
use crate::plan::{Dialect, Plan};
use crate::processes::of_pid_files;
use crate::watch::{Audit, Database, audit};

pub(crate) use args::Args;
use gauges::Gauges;
use outcome::{Load, Outcome};
use recovery::Recovery;
use sender::Answers;

/// Afterwards there are as many connections as a benchmark of the ordinary load has.
const CONNECTIONS_AFTERWARDS: u32 = 64;
const SECONDS_AFTERWARDS: f64 = 10.0;

/// Sends, waits, sends again, and reports.
#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    args.check()?;
    let run = Run {
        args,
        fleet: Fleet::read(&args.fleet)?,
    };
    let outcome = run.measure()?;
    if let Some(file) = &args.out {
        let line = serde_json::to_string(&outcome)? + "\n";
        std::fs::write(file, line).with_context(|| format!("cannot write {}", file.display()))?;
    }
    print!("{outcome}");
    Ok(())
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

struct Run<'a> {
    args: &'a Args,
    fleet: Fleet,
}

/// A load that was sent.
struct Sent {
    plan: Plan,
    ledger: Arc<Ledger>,
    schedule: Schedule,
    answers: Answers,
}

impl Sent {
    /// Due, but not started when the load ended, because all connections were waiting for answers.
    fn unsent(&self) -> u32 {
        let planned = self.schedule.planned().unwrap_or(0);
        planned.saturating_sub(self.ledger.issued())
    }
}

impl Run<'_> {
    fn measure(&self) -> Result<Outcome> {
        let roots = of_pid_files(&self.args.pids)?;
        let stop = CancellationToken::new();
        let gauges = Gauges::new(roots, self.args.queue.clone());
        std::thread::scope(|scope| {
            let watching = scope.spawn(|| runtime()?.block_on(gauges.watch(&stop)));
            let result = self.sequence();
            stop.cancel(); // whatever failed
            let peaks = watching
                .join()
                .map_err(|_| anyhow::anyhow!("the thread of the gauges panicked"))??;
            let (overload, recovery, afterwards) = result?;
            Ok(Outcome::new(self.args, overload, recovery, afterwards, peaks))
        })
    }

    fn sequence(&self) -> Result<(Load, Recovery, Load)> {
        let sent = self.send(self.args.rate, self.args.connections, self.args.duration)?;
        let ended = Instant::now();
        let recovery = runtime()?.block_on(recovery::wait(self.args, &sent, ended))?;
        let overload = self.load(&sent)?;
        let sent = self.send(
            self.args.afterwards,
            CONNECTIONS_AFTERWARDS.min(self.args.connections),
            SECONDS_AFTERWARDS,
        )?;
        runtime()?.block_on(recovery::wait(self.args, &sent, Instant::now()))?;
        Ok((overload, recovery, self.load(&sent)?))
    }

    fn load(&self, sent: &Sent) -> Result<Load> {
        let stored: Audit = runtime()?.block_on(async {
            let database = Database::connect(&self.args.database_url).await?;
            let end = sent.ledger.since_start(sent.schedule.end());
            audit(&database, &sent.plan, &sent.ledger, Duration::ZERO..end).await
        })?;
        Ok(Load::new(sent, &stored))
    }

    fn send(&self, rate: f64, connections: u32, seconds: f64) -> Result<Sent> {
        let plan = Plan::new(
            Dialect::Citytrack,
            self.args.batch,
            self.args.max_requests,
            rand::random(),
        )?;
        let ledger = Arc::new(Ledger::new(self.args.max_requests));
        let lanes = sender::lanes(self.args, &self.fleet, connections)?;
        let schedule = Schedule {
            begin: Instant::now() + Duration::from_millis(20),
            warmup: Duration::ZERO,
            duration: Duration::from_secs_f64(seconds),
            rate: Some(rate),
        };
        let pace = Arc::new(Pace::new(schedule, None));
        let answers = std::thread::scope(|scope| {
            let pacer = scope.spawn(|| keep_pace(&pace, connections));
            let answers = runtime()?.block_on(sender::send_all(lanes, plan, &ledger, &pace));
            pacer
                .join()
                .map_err(|_| anyhow::anyhow!("the thread of the pace panicked"))??;
            answers
        })?;
        Ok(Sent {
            plan,
            ledger,
            schedule,
            answers,
        })
    }
}
