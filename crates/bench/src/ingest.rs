//! `citytrack-bench ingest`: one measured run.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::fleet::Fleet;
use crate::ledger::{Fate, Ledger};
use crate::load::{Lane, Pace, Posts, Recipe, Schedule, Template, keep_pace, send};
use crate::plan::{Dialect, Layout, Plan};
use crate::processes::{Root, Snapshot, of_pid_files};
use crate::report::{Live, Posted, Report, Setup, Stored};
use crate::scene::Scene;
use crate::target::Target;
use crate::watch::{self, Account, Audit, Database, Feed, Seen, Subscribers, Visibility, Watcher};

/// What to drive, how hard, and what to watch
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Name of the run in the report
    #[arg(long, default_value = "run")]
    label: String,
    /// The API that is driven
    #[arg(long, value_enum, default_value = "citytrack")]
    dialect: Dialect,
    /// Where batches are posted; only this machine is driven
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    base_url: String,
    /// The live feed [default: the API's path at the base URL]
    #[arg(long)]
    live_url: Option<String>,
    /// Venue, nodes and keys as `prepare` wrote them [default with a peer: its own test keys]
    #[arg(long)]
    fleet: Option<PathBuf>,
    /// Nodes to send as, at most; each connection is one of them
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    nodes: u32,
    /// Cameras of each node
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    cameras: u32,
    /// Frames in a batch x detections in a frame
    #[arg(long, default_value = "1x1")]
    batch: Layout,
    /// Connections, each with one request in flight
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Requests a second by the clock (open loop) [default: as fast as answers come (closed loop)]
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds of load that is not measured, but checked for loss, at most 60
    #[arg(long, default_value_t = 3.0)]
    warmup: f64,
    /// Seconds of measured load, at most 600
    #[arg(long, default_value_t = 15.0)]
    duration: f64,
    /// Seconds to wait at the end for what has not arrived yet, at most 300
    #[arg(long, default_value_t = 60.0)]
    drain: f64,
    /// Requests in all, at most
    #[arg(long, default_value_t = 5_000_000)]
    max_requests: u32,
    /// Subscribers of the live feed
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    subscribers: u32,
    /// The database to watch and to audit; left out with a peer, which answers after its commit
    #[arg(long, env = "CITYTRACK_DATABASE__URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Watch every n-th batch become visible [default: every one in an open loop, every 16th in a closed loop]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    watch_every: Option<u32>,
    /// A folder with the pid files of the system, for its CPU time and memory
    #[arg(long)]
    pids: Option<PathBuf>,
    /// A process of the system, as NAME=PID
    #[arg(long = "process")]
    processes: Vec<Root>,
    /// A MOT text file to take the boxes from [default: generated walkers]
    #[arg(long)]
    recording: Option<PathBuf>,
    /// Threads that send
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    threads: u32,
    /// Print one JSON line instead of a table
    #[arg(long)]
    json: bool,
}

/// Different bodies that each connection sends in turn.
const VARIANTS: u32 = 8;

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

impl Args {
    fn check(&self) -> Result<()> {
        let within = |name, value: f64, low: f64, high: f64| {
            ensure!(
                (low..=high).contains(&value),
                "--{name} {value}: wanted {low} to {high}"
            );
            Ok(())
        };
        within("warmup", self.warmup, 0.0, 60.0)?;
        within("duration", self.duration, 0.1, 600.0)?;
        within("drain", self.drain, 0.0, 300.0)?;
        within("rate", self.rate.unwrap_or(1.0), 0.1, 1e6)
    }

    fn roots(&self) -> Result<Vec<Root>> {
        let mut roots = self.pids.as_deref().map(of_pid_files).transpose()?.unwrap_or_default();
        roots.extend(self.processes.iter().cloned());
        Ok(roots)
    }

    fn fleet(&self) -> Result<Fleet> {
        let mut fleet = match (&self.fleet, self.dialect) {
            (Some(path), _) => Fleet::read(path)?,
            (None, Dialect::Peer) => Fleet::of_a_peer(self.nodes),
            (None, Dialect::Citytrack) => return Err(anyhow!("--fleet is missing: `prepare` writes one")),
        };
        fleet.nodes.truncate(self.nodes as usize);
        Ok(fleet)
    }

    fn feed(&self, fleet: &Fleet) -> Result<Feed> {
        let path = match self.dialect {
            Dialect::Citytrack => "/api/v1/live",
            Dialect::Peer => "/ws/live",
        };
        let target = match &self.live_url {
            Some(url) => Target::parse(url)?,
            None => Target {
                path: path.to_owned(),
                ..Target::parse(&self.base_url)?
            },
        };
        let (venue, token) = (fleet.venue.clone(), fleet.viewer_token.clone());
        Ok(Feed {
            target,
            dialect: self.dialect,
            venue,
            token,
        })
    }
}

/// A run that is about to start.
struct Run<'a> {
    args: &'a Args,
    plan: Plan,
    ledger: Arc<Ledger>,
    fleet: Fleet,
    roots: Vec<Root>,
    received: Arc<AtomicU64>,
    stop: CancellationToken,
}

/// Those who watch, each with a runtime of its own that a thread will drive.
struct Watching {
    live: (Runtime, Subscribers),
    rows: Option<(Runtime, Watcher)>,
    audit: Option<(Runtime, Database)>,
}

/// What came of a run, before it is put into words.
struct Outcome {
    schedule: Schedule,
    posts: Posts,
    seen: Vec<Seen>,
    visibility: Option<Visibility>,
    audit: Option<Audit>,
    before: Snapshot,
    after: Snapshot,
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
        Ok(Self {
            args,
            plan: Plan::new(args.dialect, args.batch, args.max_requests, rand::random())?,
            ledger: Arc::new(Ledger::new(args.max_requests)),
            fleet: args.fleet()?,
            roots: args.roots()?,
            received: Arc::default(),
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

    fn watching(&self) -> Result<Watching> {
        let runtime_live = runtime()?;
        let feed = self.args.feed(&self.fleet)?;
        let (count, plan) = (self.args.subscribers, self.plan);
        let subscribers = watch::subscribe(&feed, count, plan, &self.ledger, &self.received, &self.stop);
        let subscribers = runtime_live.block_on(subscribers)?;
        let (mut rows, mut audit) = (None, None);
        if let Some(url) = self
            .args
            .database_url
            .as_deref()
            .filter(|_| self.args.dialect == Dialect::Citytrack)
        {
            let sample = self
                .args
                .watch_every
                .unwrap_or(if self.args.rate.is_some() { 1 } else { 16 });
            let (first, second) = (runtime()?, runtime()?);
            let watcher = first.block_on(Watcher::new(url, self.plan, self.ledger.clone(), sample))?;
            let database = second.block_on(Database::connect(url))?;
            (rows, audit) = (Some((first, watcher)), Some((second, database)));
        }
        Ok(Watching {
            live: (runtime_live, subscribers),
            rows,
            audit,
        })
    }

    /// The connections, each with its bodies, by the thread that will drive them.
    fn lanes(&self) -> Result<Vec<Vec<Lane>>> {
        let target = Target::parse(&self.args.base_url)?;
        let target = Arc::new(Target {
            path: "/api/v1/detections".to_owned(),
            ..target
        });
        let scene = self
            .args
            .recording
            .as_deref()
            .map_or_else(|| Ok(Scene::walk()), Scene::recording)?;
        let mut threads: Vec<Vec<Lane>> = (0..self.args.threads).map(|_| Vec::new()).collect();
        for connection in 0..self.args.connections {
            let node = &self.fleet.nodes[connection as usize % self.fleet.nodes.len()];
            let template = |variant| {
                Template::new(&Recipe {
                    target: &target,
                    dialect: self.args.dialect,
                    layout: self.args.batch,
                    node: &node.slug,
                    key: &node.key,
                    cameras: self.args.cameras,
                    scene: &scene,
                    variant: connection + variant,
                })
            };
            let templates = (0..VARIANTS).map(template).collect::<Result<Vec<_>>>()?;
            threads[(connection % self.args.threads) as usize].push(Lane {
                target: target.clone(),
                templates,
            });
        }
        Ok(threads)
    }

    /// Sends the whole load.
    fn load(&self, lanes: Vec<Vec<Lane>>, schedule: Schedule) -> Result<Posts> {
        let pace = Arc::new(Pace::new(schedule));
        std::thread::scope(|scope| {
            let pacer = scope.spawn(|| keep_pace(&pace, self.args.connections));
            let sender = |lanes: Vec<Lane>| {
                let (plan, ledger, pace) = (self.plan, self.ledger.clone(), pace.clone());
                move || {
                    runtime()?.block_on(async {
                        let tasks = lanes
                            .into_iter()
                            .map(|lane| send(lane, plan, ledger.clone(), pace.clone()));
                        let mut tasks: JoinSet<_> = tasks.collect();
                        let mut all = Posts::new()?;
                        while let Some(posts) = tasks.join_next().await {
                            all.add(posts??)?;
                        }
                        anyhow::Ok(all)
                    })
                }
            };
            let senders: Vec<_> = lanes.into_iter().map(|lanes| scope.spawn(sender(lanes))).collect();
            let mut all = Posts::new()?;
            for sender in senders {
                all.add(joined(sender)?)?;
            }
            joined(pacer)?;
            Ok(all)
        })
    }

    /// Waits until all that was accepted has arrived everywhere, or for as long as that may take.
    fn drain(&self, database: Option<&(Runtime, Database)>) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs_f64(self.args.drain);
        let accepted = self.accepted();
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

    fn accepted(&self) -> u64 {
        let entries = (0..self.ledger.issued()).filter_map(|request| self.ledger.entry(request));
        entries.map(|entry| u64::from(entry.fate == Fate::Accepted)).sum()
    }

    fn audit(&self, runtime: &Runtime, database: &Database, schedule: &Schedule) -> Result<Audit> {
        let measured = self.ledger.since_start(schedule.measure_from())..self.ledger.since_start(schedule.end());
        runtime
            .block_on(watch::audit(database, &self.plan, &self.ledger, measured))
            .context("audit")
    }

    fn report(&self, outcome: Outcome) -> Result<Report> {
        let Outcome {
            schedule,
            posts,
            seen,
            visibility,
            audit,
            before,
            after,
        } = outcome;
        let detections = u64::from(self.args.batch.detections());
        let accepted = self.accepted();
        let end = self.ledger.since_start(schedule.end());
        let mut report = Report {
            label: self.args.label.clone(),
            setup: self.setup(),
            posts: self.posted(posts, &schedule, accepted),
            live: (self.args.subscribers > 0).then(|| self.live(&seen, end)).transpose()?,
            stored: audit
                .zip(visibility)
                .map(|(audit, visibility)| self.stored(&audit, &visibility, end)),
            cost: after.cost_since(&before, &self.roots, accepted * detections),
            faults: Vec::new(),
        };
        report.judge();
        Ok(report)
    }

    fn setup(&self) -> Setup {
        Setup {
            dialect: self.args.dialect,
            batch: self.args.batch.to_string(),
            rate: self.args.rate,
            connections: self.args.connections,
            nodes: self.fleet.nodes.len().min(self.args.connections as usize),
            subscribers: self.args.subscribers,
            warmup_s: self.args.warmup,
            duration_s: self.args.duration,
        }
    }

    fn posted(&self, posts: Posts, schedule: &Schedule, accepted: u64) -> Posted {
        let per_s = posts.accepted_in_time as f64 / self.args.duration;
        let requests = self.ledger.issued();
        Posted {
            accepted_per_s: per_s,
            detections_per_s: per_s * f64::from(self.args.batch.detections()),
            latency_ms: posts.latency.summary(),
            late_start_ms: self.args.rate.map(|_| posts.lateness.summary()),
            requests,
            accepted,
            statuses: posts.statuses,
            failures: posts.failures,
            timeouts: posts.timeouts,
            unsent: schedule.planned().map_or(0, |planned| planned.saturating_sub(requests)),
            complaint: posts.complaint,
        }
    }

    fn live(&self, seen: &[Seen], end: Duration) -> Result<Live> {
        let account = Account::draw(&self.plan, &self.ledger, seen);
        let mut latency = crate::latency::Latencies::new()?;
        seen.iter().try_for_each(|seen| latency.merge(&seen.latency))?;
        let latency = latency.summary();
        let last = seen.iter().map(|seen| seen.last).max().unwrap_or_default();
        Ok(Live {
            messages_per_s: latency.count as f64 / self.args.duration.max(last.as_secs_f64() - self.args.warmup),
            latency_ms: latency,
            expected: account.expected,
            received: account.received,
            lost: account.lost(),
            doubled: account.doubled,
            unexpected: account.strangers + account.unasked,
            malformed: account.malformed,
            dropped: account.dropped,
            cut_off: account.cut_off,
            behind_s: last.saturating_sub(end).as_secs_f64(),
        })
    }

    fn stored(&self, audit: &Audit, visibility: &Visibility, end: Duration) -> Stored {
        let detections = audit.in_time as f64 * f64::from(self.args.batch.detections());
        Stored {
            detections_per_s: detections / self.args.duration,
            visible_ms: visibility.latency.summary(),
            stamped_ms: audit.stamped.summary(),
            watched: visibility.watched,
            batches: audit.batches,
            frames: audit.frames,
            detections: audit.detections,
            missing: audit.missing,
            wrong: audit.wrong,
            unasked: audit.unasked,
            behind_s: audit.last.saturating_sub(end).as_secs_f64(),
        }
    }
}
