//! The server is killed under its viewers; whoever started it starts it again. How long until all are back, and what they missed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::account::Account;
use super::flow::flow;
use super::row::Tally;
use super::{Load, Reach, joined};
use crate::latency::{Latencies, Summary};
use crate::ledger::Ledger;
use crate::processes::Root;

/// Which server, how many watch, and when it is killed
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Name of the run in the report
    #[arg(long, default_value = "run")]
    label: String,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    load: Load,
    /// The server's process, as NAME=PID. It is killed by SIGKILL at the end of the warm-up; its successor must come by itself
    #[arg(long)]
    process: Root,
    /// Viewers, each with a socket and one subscription
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=15_000))]
    viewers: u32,
}

#[derive(Debug, Serialize)]
struct Outcome {
    kind: &'static str,
    label: String,
    viewers: u32,
    rate: f64,
    batch: String,
    duration_s: f64,
    posts_accepted: u64,
    posts_requests: u32,
    /// From the kill until a viewer has a frame that was sent after it had subscribed again; the last one counts.
    current_s: Option<f64>,
    /// The same over all viewers, in milliseconds.
    current_ms: Summary,
    /// From the kill until the server said `subscribed`, in milliseconds.
    subscribed_ms: Summary,
    /// Viewers by what the server said when they came back.
    recovered: u64,
    unrecovered: u64,
    not_back: u64,
    attempts_most: u32,
    account: Account,
    generator_s: f64,
    faults: Vec<String>,
}

#[expect(clippy::print_stdout, reason = "the figure is what the program is for")]
pub(super) fn run(args: &Args) -> Result<()> {
    args.load.check()?;
    println!("{}", serde_json::to_string(&measure(args)?)?);
    Ok(())
}

fn measure(args: &Args) -> Result<Outcome> {
    let (posting, crowd) = args.reach.open(&args.load, args.viewers, 0, true)?;
    let ledger = crowd.audience().ledger.clone();
    let killed = std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            std::thread::sleep(Duration::from_secs_f64(args.load.warmup));
            kill(&args.process)
        });
        flow(posting, &args.load, &crowd)?;
        joined(killer)
    })?;
    let (account, tallies) = crowd.leave()?;
    Outcome::new(args, &ledger, killed, &tallies, account)
}

/// A crash: nothing is said, nothing is put away.
fn kill(process: &Root) -> Result<Instant> {
    let at = Instant::now();
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &process.pid.to_string()])
        .status();
    ensure!(
        killed.context("kill")?.success(),
        "process {} cannot be killed",
        process.pid
    );
    Ok(at)
}

impl Outcome {
    fn new(args: &Args, ledger: &Ledger, killed: Instant, tallies: &[Tally], account: Account) -> Result<Self> {
        let viewers = || tallies.iter().flat_map(|tally| &tally.viewers);
        let (mut current, mut subscribed) = (Latencies::new()?, Latencies::new()?);
        let (mut last, mut recovered, mut back_again) = (Duration::ZERO, 0, 0);
        for viewer in viewers() {
            let again = |at: Instant| at.saturating_duration_since(killed);
            let came_back = viewer.returns.last().and_then(|back| back.current.zip(back.subscribed));
            let Some((at, (told, _))) = came_back else { continue };
            back_again += 1;
            recovered += u64::from(
                viewer
                    .returns
                    .iter()
                    .all(|back| back.subscribed.is_none_or(|(_, recovered)| recovered)),
            );
            subscribed.record(again(told));
            current.record(again(at));
            last = last.max(again(at));
        }
        let not_back = u64::from(args.viewers) - back_again;
        let attempts = viewers().flat_map(|viewer| viewer.returns.iter().map(|back| back.attempts));
        let mut outcome = Self {
            kind: "live-restart",
            label: args.label.clone(),
            viewers: args.viewers,
            rate: args.load.rate,
            batch: args.load.batch.to_string(),
            duration_s: args.load.duration,
            posts_accepted: ledger.accepted(),
            posts_requests: ledger.issued(),
            current_s: (not_back == 0).then_some(last.as_secs_f64()),
            current_ms: current.summary(),
            subscribed_ms: subscribed.summary(),
            recovered,
            unrecovered: back_again - recovered,
            not_back,
            attempts_most: attempts.max().unwrap_or(0),
            account,
            generator_s: crate::processes::own_cpu()?,
            faults: Vec::new(),
        };
        outcome.faults = outcome.faults();
        Ok(outcome)
    }

    fn faults(&self) -> Vec<String> {
        let counts = [
            ("viewers not back", self.not_back),
            ("messages lost in silence", self.account.lost),
            ("messages doubled", self.account.doubled),
            ("messages malformed", self.account.malformed),
            (
                "batches not accepted",
                u64::from(self.posts_requests).saturating_sub(self.posts_accepted),
            ),
        ];
        let found = counts.into_iter().filter(|(_, count)| *count > 0);
        found.map(|(what, count)| format!("{what}: {count}")).collect()
    }
}
