//! What open sockets cost the server in memory while nothing comes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;

use super::account::{Account, in_words};
use super::feed::System;
use super::flow::flow;
use super::{Load, Reach};
use crate::processes::{Root, proportional, resident};

/// Which server, and how many sockets
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Name of the run in the report
    #[arg(long, default_value = "run")]
    label: String,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    load: Load,
    /// The server's process, as NAME=PID; started a moment ago, or memory that it has free already hides the cost
    #[arg(long)]
    process: Root,
    /// Sockets, each with one subscription
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=15_000))]
    viewers: u32,
    /// Seconds that they lie idle before the memory is read
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    settle: u64,
}

#[derive(Debug, Serialize)]
struct Outcome {
    kind: &'static str,
    label: String,
    system: System,
    viewers: u32,
    /// Before the first socket.
    before: Memory,
    /// With all of them subscribed and idle.
    idle: Memory,
    /// After a few frames, which must have come on each of them.
    used: Memory,
    /// The difference of `idle` and `before`, for each socket.
    pss_kb_each: f64,
    rss_kb_each: f64,
    used_kb_each: f64,
    /// How long it took to open all.
    open_s: f64,
    account: Account,
    faults: Vec<String>,
}

/// Of the process, in MB: shared memory divided among its users, and counted in full.
#[derive(Clone, Copy, Debug, Serialize)]
struct Memory {
    pss_mb: f64,
    rss_mb: f64,
}

impl Memory {
    fn of(pid: i32) -> Result<Self> {
        let memory = Self {
            pss_mb: proportional(pid) as f64 / 1e6,
            rss_mb: resident(pid) as f64 / 1e6,
        };
        ensure!(memory.rss_mb > 0.0, "the memory of process {pid} cannot be read");
        Ok(memory)
    }
}

#[expect(clippy::print_stdout, reason = "the figure is what the program is for")]
pub(super) fn run(args: &Args) -> Result<()> {
    args.load.check()?;
    println!("{}", serde_json::to_string(&measure(args)?)?);
    Ok(())
}

fn measure(args: &Args) -> Result<Outcome> {
    let before = Memory::of(args.process.pid)?;
    let begun = Instant::now();
    let (posting, crowd) = args.reach.open(&args.load, args.viewers, 0, false)?;
    let open_s = begun.elapsed().as_secs_f64();
    std::thread::sleep(Duration::from_secs(args.settle));
    let idle = Memory::of(args.process.pid)?;
    // Each must be alive.
    flow(posting, &args.load, &crowd)?;
    let used = Memory::of(args.process.pid)?;
    let (account, _) = crowd.leave()?;
    let each = |after: f64, before: f64| (after - before) * 1000.0 / f64::from(args.viewers);
    let faulty = account.received < account.expected || account.cut_off > 0;
    Ok(Outcome {
        kind: "live-idle",
        label: args.label.clone(),
        system: args.reach.system,
        viewers: args.viewers,
        before,
        idle,
        used,
        pss_kb_each: each(idle.pss_mb, before.pss_mb),
        rss_kb_each: each(idle.rss_mb, before.rss_mb),
        used_kb_each: each(used.pss_mb, before.pss_mb),
        open_s,
        faults: faulty
            .then(|| {
                format!(
                    "messages that came: {} of {}, viewers cut off: {} ({})",
                    account.received,
                    account.expected,
                    account.cut_off,
                    in_words(&account.complaints).join("; ")
                )
            })
            .into_iter()
            .collect(),
        account,
    })
}
