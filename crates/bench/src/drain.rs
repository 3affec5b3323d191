//! `citytrack-bench drain`: how fast a backlog is caught up. It watches the table `batch` grow by as many batches as wait in the
//! queue; the worker is started by whoever started this, after this.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tokio::time::sleep;

use crate::processes::{Cost, Snapshot, of_pid_files};
use crate::watch::Database;

/// What waits in the queue, and where it goes
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The database to watch; nothing else may write to it meanwhile
    #[arg(long, env = "CITYTRACK_DATABASE__URL", hide_env_values = true)]
    database_url: String,
    /// Batches that wait
    #[arg(long)]
    batches: i64,
    /// Detections in them
    #[arg(long)]
    detections: i64,
    /// A folder with the pid files of the system, read again at the end: the worker is not there yet at the start
    #[arg(long)]
    pids: PathBuf,
    /// Seconds until it is given up
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=600))]
    within: u64,
}

#[derive(Debug, Serialize)]
struct Outcome {
    kind: &'static str,
    batches: i64,
    detections: i64,
    /// From the begin of the first transaction to the first look that found the last one committed.
    seconds: f64,
    detections_per_s: f64,
    cost: Cost,
    /// What must not be.
    faults: Vec<String>,
}

/// A look costs the system little, and makes the figure so much too low at most.
const EVERY: Duration = Duration::from_millis(10);

/// Waits until the backlog is stored and prints one JSON line.
#[expect(clippy::print_stdout, reason = "the figure is what the program is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(watch(args))?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

async fn watch(args: &Args) -> Result<Outcome> {
    let database = Database::connect(&args.database_url).await?;
    let ours = [database.pid];
    let before = Stored::read(&database).await?;
    let cost_before = Snapshot::take(&of_pid_files(&args.pids)?, &ours)?;
    let deadline = Instant::now() + Duration::from_secs(args.within);
    let count = database.client.prepare("SELECT count(*) FROM batch").await?;
    loop {
        let batches: i64 = database.client.query_one(&count, &[]).await?.get(0);
        if batches >= before.batches + args.batches {
            break;
        }
        ensure!(
            Instant::now() < deadline,
            "{} of {} batches were stored within {} s",
            batches - before.batches,
            args.batches,
            args.within
        );
        sleep(EVERY).await;
    }
    let seconds = database
        .client
        .query_one(SECONDS, &[&args.batches])
        .await?
        .try_get(0)
        .context("no batch was stored")?;
    let cost = Snapshot::take(&of_pid_files(&args.pids)?, &ours)?;
    let after = Stored::read(&database).await?;
    Ok(Outcome {
        kind: "backlog",
        batches: args.batches,
        detections: args.detections,
        seconds,
        detections_per_s: args.detections as f64 / seconds,
        cost: cost.cost_since(&cost_before, u64::try_from(args.detections)?),
        faults: after.faults_since(&before, args),
    })
}

/// The newest batches are those that waited.
const SECONDS: &str = "SELECT extract(epoch FROM clock_timestamp() - min(stored_at))::float8 \
                       FROM (SELECT stored_at FROM batch ORDER BY stored_at DESC LIMIT $1) AS newest";

struct Stored {
    batches: i64,
    detections: i64,
}

impl Stored {
    async fn read(database: &Database) -> Result<Self> {
        let row = database.client.query_one(STORED, &[]).await?;
        Ok(Self {
            batches: row.get(0),
            detections: row.get(1),
        })
    }

    fn faults_since(&self, before: &Self, args: &Args) -> Vec<String> {
        let counts = [
            ("batches", self.batches - before.batches, args.batches),
            ("detections", self.detections - before.detections, args.detections),
        ];
        let wrong = counts.iter().filter(|(_, found, wanted)| found != wanted);
        wrong
            .map(|(what, found, wanted)| format!("{what} stored: {found} of {wanted}"))
            .collect()
    }
}

const STORED: &str = "SELECT (SELECT count(*) FROM batch), \
                      (SELECT coalesce(sum(cardinality(classes)), 0)::int8 FROM frame)";
