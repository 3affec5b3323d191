//! `citytrack-bench images`: pictures from the upload to the moment at which everybody can see them, so many under way at once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::fleet::Fleet;
use crate::latency::{Latencies, Summary};
use crate::processes::{Cost, Snapshot, of_pid_files};
use crate::watch::Database;

/// Which system to send pictures to, and how
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What the row of the table is called
    #[arg(long, default_value = "CityTrack")]
    label: String,
    /// Where ingest-api answers, or a peer that takes pictures in the same way
    #[arg(long)]
    base_url: String,
    /// The nodes whose keys are used, as `prepare` wrote them
    #[arg(long)]
    fleet: PathBuf,
    /// A folder with pictures (*.jpg), and with boxes.json, the boxes that go with each
    #[arg(long)]
    pictures: PathBuf,
    /// For how many seconds to send; what is under way then is waited for and counts
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// How many to send before, which are not measured
    #[arg(long, default_value_t = 20)]
    warmup: u32,
    /// How many may be under way at once: sent, and not ready
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    in_flight: u32,
    /// How many `worker transform`, or processes of Celery, run: said in the report
    #[arg(long)]
    workers: u32,
    /// The folder of the pid files of the system
    #[arg(long)]
    pids: PathBuf,
    /// How the names of those pid files begin whose processes, with all that they started, do the work: `transform`, say
    #[arg(long, value_delimiter = ',', required = true)]
    servers: Vec<String>,
    /// Where the pictures are stored, in a table `image` with `id` and `state`
    #[arg(long, env = "CITYTRACK_DATABASE__URL", hide_env_values = true)]
    database_url: String,
}

#[derive(Debug, Serialize)]
struct Outcome {
    kind: &'static str,
    label: String,
    workers: u32,
    in_flight: u32,
    pictures: u64,
    seconds: f64,
    pictures_per_s: f64,
    /// From the first byte sent to the moment at which the picture is found in the database.
    latency_ms: Summary,
    /// CPU time of the processes that do the work (`--servers`), for a picture.
    cpu_ms: f64,
    /// CPU time of PostgreSQL and RabbitMQ, for a picture; what the generator asks of PostgreSQL is left out.
    stores_cpu_ms: f64,
    /// CPU seconds of everything else on the machine meanwhile: much means that the figures are disturbed.
    others_s: f64,
    faults: Vec<String>,
}

/// How often the database is asked which pictures are ready.
const EVERY: Duration = Duration::from_millis(4);
/// No picture takes so long.
const PATIENCE: Duration = Duration::from_mins(2);
/// How the names of the pid files of PostgreSQL and RabbitMQ begin.
const STORES: [&str; 3] = ["postgres", "rabbitmq", "epmd"];

/// Measures, and prints a JSON line.
#[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(measure(args))?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

async fn measure(args: &Args) -> Result<Outcome> {
    let database = Database::connect(&args.database_url).await?;
    let (ours, roots) = ([database.pid], of_pid_files(&args.pids)?);
    let sender = Sender::new(args)?;
    let watching = sender.watch(&database);
    let sending = async {
        sender.send(args, args.warmup as usize, PATIENCE).await?;
        let before = Snapshot::take(&roots, &ours)?;
        let start = Instant::now();
        let time = Duration::from_secs(args.seconds.into());
        let latencies = sender.send(args, usize::MAX, time).await?;
        let seconds = start.elapsed().as_secs_f64();
        let cost = Snapshot::take(&roots, &ours)?.cost_since(&before, 1);
        Ok(outcome(args, seconds, &latencies, &cost))
    };
    tokio::select! { outcome = sending => outcome, failed = watching => failed.and(Err(anyhow::anyhow!("the watch ended"))) }
}

fn outcome(args: &Args, seconds: f64, latencies: &Latencies, cost: &Cost) -> Outcome {
    let latency_ms = latencies.summary();
    let pictures = latency_ms.count as f64;
    let cpu_ms = |names: &[&str]| {
        let processes = cost.processes.iter();
        let of = processes.filter(|process| names.iter().any(|name| process.name.starts_with(name)));
        of.map(|process| process.cpu_s).sum::<f64>() * 1000.0 / pictures
    };
    let servers: Vec<&str> = args.servers.iter().map(String::as_str).collect();
    Outcome {
        kind: "images",
        label: args.label.clone(),
        workers: args.workers,
        in_flight: args.in_flight,
        pictures: latency_ms.count,
        seconds,
        pictures_per_s: pictures / seconds,
        latency_ms,
        cpu_ms: cpu_ms(&servers),
        stores_cpu_ms: cpu_ms(&STORES),
        others_s: cost.others_s,
        faults: Vec::new(),
    }
}

/// A picture, and the boxes on it as JSON.
struct Picture {
    bytes: Vec<u8>,
    boxes: String,
}

struct Sender {
    http: reqwest::Client,
    url: String,
    fleet: Fleet,
    pictures: Vec<Picture>,
    /// Those that are under way, and who waits for them.
    waiting: Mutex<HashMap<Uuid, oneshot::Sender<bool>>>,
}

impl Sender {
    fn new(args: &Args) -> Result<Self> {
        Ok(Self {
            http: reqwest::Client::new(),
            url: format!("{}/api/v1/images", args.base_url),
            fleet: Fleet::read(&args.fleet)?,
            pictures: read(&args.pictures)?,
            waiting: Mutex::default(),
        })
    }

    /// Sends pictures in turn, so many at most and for so long; says how long each took until it was ready.
    async fn send(&self, args: &Args, count: usize, time: Duration) -> Result<Latencies> {
        let start = Instant::now();
        let numbers = stream::iter((0..count).take_while(|_| start.elapsed() < time));
        let each = numbers
            .map(|number| self.one(number))
            .buffer_unordered(args.in_flight as usize);
        let took: Vec<Duration> = each.try_collect().await?;
        let mut latencies = Latencies::new()?;
        for took in took {
            latencies.record(took);
        }
        Ok(latencies)
    }

    async fn one(&self, number: usize) -> Result<Duration> {
        let picture = &self.pictures[number % self.pictures.len()];
        let node = &self.fleet.nodes[number % self.fleet.nodes.len()];
        let id = Uuid::now_v7();
        let (ready, seen) = oneshot::channel();
        self.lock().insert(id, ready);
        let start = Instant::now();
        let request = self
            .http
            .post(reqwest::Url::parse_with_params(
                &self.url,
                [("camera", "bench"), ("boxes", &picture.boxes)],
            )?)
            .bearer_auth(&node.key)
            .header("idempotency-key", id.to_string());
        let answer = request.body(picture.bytes.clone()).send().await?;
        if answer.status() != 202 {
            bail!(
                "a picture was answered with {}: {}",
                answer.status(),
                answer.text().await?
            );
        }
        let made = timeout(PATIENCE, seen).await.context("a picture is not ready")??;
        ensure!(made, "the picture {id} failed");
        Ok(start.elapsed())
    }

    /// Asks the database again and again which pictures are ready. Ends with an error only.
    async fn watch(&self, database: &Database) -> Result<()> {
        let question = "select id, state = 'ready' from image where id = any($1) and state in ('ready', 'failed')";
        let question = database.client.prepare(question).await?;
        loop {
            let ids: Vec<Uuid> = self.lock().keys().copied().collect();
            if !ids.is_empty() {
                for row in database.client.query(&question, &[&ids]).await? {
                    if let Some(waits) = self.lock().remove(&row.get(0)) {
                        // Whoever waited may have given up.
                        let _ = waits.send(row.get(1));
                    }
                }
            }
            sleep(EVERY).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, oneshot::Sender<bool>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(folder: &Path) -> Result<Vec<Picture>> {
    let boxes =
        std::fs::read(folder.join("boxes.json")).with_context(|| format!("no boxes.json in {}", folder.display()))?;
    let boxes: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&boxes)?;
    let mut pictures = Vec::new();
    for (name, boxes) in boxes {
        pictures.push(Picture {
            bytes: std::fs::read(folder.join(&name)).with_context(|| format!("cannot read {name}"))?,
            boxes: boxes.to_string(),
        });
    }
    ensure!(!pictures.is_empty(), "no pictures in {}", folder.display());
    Ok(pictures)
}
