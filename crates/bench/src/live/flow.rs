//! Frames at a fixed rate to many viewers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::account::{Account, in_words};
use super::crowd::Crowd;
use super::feed::System;
use super::posting::Posting;
use super::{Load, Reach};
use crate::latency::Summary;
use crate::ledger::Ledger;
use crate::load::{Posts, Schedule};
use crate::processes::{Cost, Snapshot};
use crate::target::Target;

/// How many watch, and how much is sent
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Name of the run in the report
    #[arg(long, default_value = "run")]
    label: String,
    /// What the run belongs to, for `table`
    #[arg(long, default_value = "")]
    section: String,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    load: Load,
    /// Viewers, each with a socket and one subscription
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=15_000))]
    viewers: u32,
    /// Of them, those that ask for persons only; all with the same filter
    #[arg(long, default_value_t = 0)]
    filtered: u32,
    /// The metrics of realtime-ws, for what it encoded: http://127.0.0.1:PORT/metrics
    #[arg(long)]
    metrics: Option<String>,
}

#[derive(Debug, Serialize)]
struct Outcome {
    kind: &'static str,
    section: String,
    label: String,
    setup: Setup,
    posts: Posted,
    /// Frames that were due within the measured time and came, over its length: never more than was posted. Whether they came in time
    /// is what the latencies say.
    delivered_per_s: f64,
    account: Account,
    /// From the end of the load to the last message.
    behind_s: f64,
    encoded: Option<Encoded>,
    /// Seconds over which the cost was taken: the whole run.
    seconds: f64,
    /// The generator's own, and that of each process of the system, for each delivered frame.
    cost: Cost,
    faults: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Setup {
    system: System,
    viewers: u32,
    filtered: u32,
    batch: String,
    rate: f64,
    frames_per_s: f64,
    warmup_s: f64,
    duration_s: f64,
}

#[derive(Debug, Serialize)]
struct Posted {
    accepted: u64,
    requests: u32,
    unsent: u32,
    statuses: BTreeMap<u16, u64>,
    latency_ms: Summary,
    late_start_ms: Summary,
    complaint: Option<String>,
}

#[derive(Debug, Serialize)]
struct Encoded {
    frames: f64,
    /// For each accepted frame: one for each distinct filter, however many watch.
    per_frame: f64,
}

#[expect(clippy::print_stdout, reason = "the figure is what the program is for")]
pub(super) fn run(args: &Args) -> Result<()> {
    args.load.check()?;
    ensure!(args.filtered <= args.viewers, "--filtered: more than --viewers");
    let outcome = measure(args)?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

/// What a run leaves.
pub(super) struct Flowed {
    pub(super) posts: Posts,
    pub(super) schedule: Schedule,
}

/// Sends the load and waits until everything has come, or for as long as that may take.
pub(super) fn flow(posting: Posting, load: &Load, crowd: &Crowd) -> Result<Flowed> {
    let schedule = Schedule {
        begin: Instant::now() + Duration::from_millis(50),
        warmup: Duration::from_secs_f64(load.warmup),
        duration: Duration::from_secs_f64(load.duration),
        rate: Some(load.rate),
    };
    let audience = crowd.audience();
    let posts = posting.send(audience.plan, &audience.ledger, schedule)?;
    let deadline = Instant::now() + Duration::from_secs_f64(load.drain);
    while crowd.received() < crowd.expected() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Flowed { posts, schedule })
}

fn measure(args: &Args) -> Result<Outcome> {
    let (posting, crowd) = args.reach.open(&args.load, args.viewers, args.filtered, false)?;
    let ledger = crowd.audience().ledger.clone();
    let (roots, encoded) = (args.reach.roots()?, args.encoded()?);
    let (before, begun) = (Snapshot::take(&roots, &[])?, Instant::now());
    let Flowed { posts, schedule } = flow(posting, &args.load, &crowd)?;
    let (after, seconds) = (Snapshot::take(&roots, &[])?, begun.elapsed().as_secs_f64());
    let encoded = encoded.zip(args.encoded()?).map(|(before, after)| after - before);
    let (account, tallies) = crowd.leave()?;
    let last = tallies.iter().filter_map(|tally| tally.last).max();
    let mut outcome = Outcome {
        kind: "live-flow",
        section: args.section.clone(),
        label: args.label.clone(),
        setup: args.setup(),
        delivered_per_s: account.measured as f64 / args.load.duration,
        behind_s: last.map_or(0.0, |last| last.saturating_duration_since(schedule.end()).as_secs_f64()),
        encoded: encoded.map(|frames| Encoded {
            frames,
            per_frame: frames / account.accepted.max(1) as f64,
        }),
        seconds,
        cost: after.cost_since(&before, account.received),
        posts: Posted::new(posts, &ledger, &schedule),
        account,
        faults: Vec::new(),
    };
    outcome.faults = outcome.faults();
    Ok(outcome)
}

impl Args {
    fn setup(&self) -> Setup {
        Setup {
            system: self.reach.system,
            viewers: self.viewers,
            filtered: self.filtered,
            batch: self.load.batch.to_string(),
            rate: self.load.rate,
            frames_per_s: self.load.rate * f64::from(self.load.batch.frames),
            warmup_s: self.load.warmup,
            duration_s: self.load.duration,
        }
    }

    /// Frames that the server has encoded up to now.
    fn encoded(&self) -> Result<Option<f64>> {
        let Some(url) = &self.metrics else { return Ok(None) };
        Target::parse(url)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let text = runtime.block_on(async { reqwest::get(url).await?.error_for_status()?.text().await });
        sum_of(&text.context("metrics")?, "citytrack_live_frames_encoded_total").map(Some)
    }
}

/// A metric of Prometheus' text format, over all its labels.
fn sum_of(text: &str, name: &str) -> Result<f64> {
    let lines = text.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with([' ', '{']))
    });
    let values = lines.map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<f64>());
    let values = values.collect::<Result<Vec<_>, _>>()?;
    ensure!(!values.is_empty(), "no metric {name}");
    Ok(values.iter().sum())
}

impl Posted {
    fn new(posts: Posts, ledger: &Ledger, schedule: &Schedule) -> Self {
        Self {
            accepted: ledger.accepted(),
            requests: ledger.issued(),
            unsent: schedule.planned().unwrap_or(0).saturating_sub(ledger.issued()),
            statuses: posts.statuses,
            latency_ms: posts.latency.summary(),
            late_start_ms: posts.lateness.summary(),
            complaint: posts.complaint,
        }
    }
}

impl Outcome {
    /// What must not be.
    fn faults(&self) -> Vec<String> {
        let Self { posts, account, .. } = self;
        let counts = [
            (
                "batches not accepted",
                u64::from(posts.requests).saturating_sub(posts.accepted),
            ),
            ("batches not sent", posts.unsent.into()),
            ("messages lost", account.lost),
            ("messages left out by the server, which said so", account.told),
            ("messages doubled", account.doubled),
            ("messages that were not ours", account.strangers),
            ("messages malformed", account.malformed),
            ("viewers cut off", account.cut_off),
        ];
        let found = counts.into_iter().filter(|(_, count)| *count > 0);
        let found = found.map(|(what, count)| format!("{what}: {count}"));
        let complaints = posts.complaint.iter().cloned().chain(in_words(&account.complaints));
        found.chain(complaints).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_added_up() {
        let text = "# HELP a_total x\na_total{x=\"1 2\"} 3\na_total{x=\"2\"} 4.5\na_total_b 9\n";
        assert_eq!(sum_of(text, "a_total").unwrap(), 7.5);
        assert_eq!(sum_of(text, "a_total_b").unwrap(), 9.0);
        assert!(sum_of(text, "b").is_err());
    }
}
