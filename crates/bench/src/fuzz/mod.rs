//! `citytrack-bench fuzz-pictures`: uploads that are damaged at random, to see that each is answered as documented and that nothing
//! crashes, hangs or grows. The same seed makes the same requests.

mod case;
mod details;
mod form;
mod judge;
mod picture;
mod watch;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde::Serialize;
use uuid::Uuid;

use self::case::{Case, Material};
use self::watch::Processes;
use self::wire::{Reply, exchange};
use crate::clock::wall_millis;
use crate::fleet::Fleet;
use crate::target::Target;
use crate::watch::Database;

/// Which system to send damaged uploads to, and for how long
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where ingest-api answers; only this machine is driven
    #[arg(long)]
    base_url: String,
    /// The nodes whose keys are used, as `prepare` wrote them
    #[arg(long)]
    fleet: PathBuf,
    /// A folder with pictures; may be given more than once
    #[arg(long, required = true)]
    pictures: Vec<PathBuf>,
    /// For how long
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// What the random numbers begin with; a new one each time, if absent
    #[arg(long)]
    seed: Option<u64>,
    /// Only this request of the seed, to see a fault again
    #[arg(long)]
    only: Option<u64>,
    /// Requests under way at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    in_flight: u32,
    /// The folder of the pid files of the system
    #[arg(long)]
    pids: PathBuf,
    /// More than so many megabytes resident in a process are a fault
    #[arg(long, default_value_t = 256)]
    most_memory: u64,
    /// Where a request that was answered wrongly is kept, without its key
    #[arg(long)]
    findings: PathBuf,
    /// Where the pictures are stored
    #[arg(long, env = "CITYTRACK_DATABASE__URL", hide_env_values = true)]
    database_url: String,
}

#[derive(Debug, Default, Serialize)]
struct Outcome {
    kind: &'static str,
    seed: u64,
    seconds: f64,
    requests: u64,
    /// How often there was which answer.
    answers: BTreeMap<String, u64>,
    longest_ms: f64,
    /// The most that was ever resident, by process.
    peak_mb: BTreeMap<String, f64>,
    /// What became of the pictures that were accepted, by state.
    pictures: BTreeMap<String, i64>,
    faults: Vec<String>,
}

/// After so many faults there is enough to look at.
const ENOUGH: usize = 20;
/// As often as that an undamaged picture is sent, and the processes are looked at.
const LOOK_EVERY: u64 = 200;
/// Everything that was accepted is ready or failed by then.
const PATIENCE: Duration = Duration::from_mins(3);

/// Sends, and prints a JSON line. Fails when there was a fault.
#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(fuzz(args))?;
    println!("{}", serde_json::to_string(&outcome)?);
    ensure!(outcome.faults.is_empty(), "{} faults", outcome.faults.len());
    Ok(())
}

async fn fuzz(args: &Args) -> Result<Outcome> {
    let sender = Sender::new(args)?;
    let database = Database::connect(&args.database_url).await?;
    let mut found = Found::new(args, sender.material.seed)?;
    let start = Instant::now();
    let end = start + Duration::from_secs(args.seconds);
    let numbers = args.only.map_or(0..u64::MAX, |number| number..number + 1);
    let numbers = stream::iter(numbers).take_while(|_| ready(Instant::now() < end));
    let mut all = pin!(
        numbers
            .map(|number| sender.one(number))
            .buffer_unordered(args.in_flight as usize)
    );
    while found.outcome.faults.len() < ENOUGH
        && let Some((number, case, reply)) = all.next().await
    {
        found.note(number, &case, &reply)?;
    }
    found.outcome.seconds = start.elapsed().as_secs_f64();
    sender.settle(&database, &mut found).await?;
    found.look();
    found.outcome.peak_mb = found.processes.peaks_mb();
    Ok(found.outcome)
}

struct Sender {
    target: Target,
    material: Material,
}

impl Sender {
    fn new(args: &Args) -> Result<Self> {
        let target = Target::parse(&args.base_url)?;
        let nodes = Fleet::read(&args.fleet)?.nodes;
        Ok(Self {
            material: Material {
                pictures: picture::read(&args.pictures)?,
                keys: nodes.into_iter().map(|node| node.key).collect(),
                host: target.host.clone(),
                seed: args.seed.unwrap_or_else(rand::random),
            },
            target,
        })
    }

    /// Sends the request of this number.
    async fn one(&self, number: u64) -> (u64, Case, Reply) {
        let now = Timestamp::from_millisecond(wall_millis()).unwrap_or_default();
        let case = if number % LOOK_EVERY == LOOK_EVERY - 1 {
            self.material.good()
        } else {
            self.material.case(number, now)
        };
        let reply = exchange(&self.target, &case).await;
        (number, case, reply)
    }

    /// Waits until all pictures are ready or failed; then a good one must be answered as ever.
    async fn settle(&self, database: &Database, found: &mut Found) -> Result<()> {
        let all: Vec<Uuid> = found.accepted.iter().copied().collect();
        let question = "select state, count(*) from image where id = any($1) group by state";
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = database.client.query(question, &[&all]).await?;
            found.outcome.pictures = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            let settled = |state: &str| found.outcome.pictures.get(state).copied().unwrap_or(0);
            let missing = i64::try_from(all.len())? - settled("ready") - settled("failed");
            if missing == 0 {
                break;
            }
            if Instant::now() > deadline {
                let fault = format!("{missing} accepted pictures are neither ready nor failed");
                found.outcome.faults.push(fault);
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let good = self.material.good();
        let reply = exchange(&self.target, &good).await;
        let answer = judge::judge(&good, &reply);
        if answer.as_deref() != Ok("200") {
            found
                .outcome
                .faults
                .push(format!("an undamaged picture at the end: {answer:?}"));
        }
        Ok(())
    }
}

/// What is seen on the way.
struct Found {
    processes: Processes,
    findings: PathBuf,
    accepted: BTreeSet<Uuid>,
    outcome: Outcome,
}

impl Found {
    fn new(args: &Args, seed: u64) -> Result<Self> {
        std::fs::create_dir_all(&args.findings).with_context(|| args.findings.display().to_string())?;
        Ok(Self {
            processes: Processes::of(&args.pids, args.most_memory)?,
            findings: args.findings.clone(),
            accepted: BTreeSet::new(),
            outcome: Outcome {
                kind: "fuzz-pictures",
                seed,
                ..Outcome::default()
            },
        })
    }

    /// Counts an answer, or keeps the request that it is wrong for.
    fn note(&mut self, number: u64, case: &Case, reply: &Reply) -> Result<()> {
        let outcome = &mut self.outcome;
        outcome.requests += 1;
        outcome.longest_ms = outcome.longest_ms.max(reply.took.as_secs_f64() * 1000.0);
        self.accepted.extend(reply.answer.as_ref().and_then(judge::accepted));
        match judge::judge(case, reply) {
            Ok(name) => *outcome.answers.entry(name).or_default() += 1,
            Err(fault) => {
                outcome.faults.push(format!("request {number}: {fault}"));
                keep(&self.findings, &format!("{}-{number}", outcome.seed), case)?;
            }
        }
        if number.is_multiple_of(LOOK_EVERY) {
            self.look();
        }
        Ok(())
    }

    /// Are all processes still those that they were, and small enough?
    fn look(&mut self) {
        for fault in self.processes.faults() {
            if !self.outcome.faults.contains(&fault) {
                self.outcome.faults.push(fault);
            }
        }
    }
}

/// The picture, and the request without its key.
fn keep(folder: &Path, name: &str, case: &Case) -> Result<()> {
    std::fs::write(folder.join(format!("{name}.picture")), &case.picture)?;
    let secret = b"authorization:";
    let lines = case.head.split_inclusive(|byte| *byte == b'\n');
    let open = lines.filter(|line| !line.to_ascii_lowercase().starts_with(secret));
    let whole: Vec<u8> = open
        .chain(case.pieces.iter().map(Vec::as_slice))
        .flatten()
        .copied()
        .collect();
    std::fs::write(folder.join(format!("{name}.request")), whole)?;
    Ok(())
}

/// One of them; there are some.
fn pick<T: Copy>(random: &mut StdRng, all: &[T]) -> T {
    *one_of(random, all)
}

/// The same, where it is.
fn one_of<'a, T>(random: &mut StdRng, all: &'a [T]) -> &'a T {
    &all[random.random_range(0..all.len())]
}
