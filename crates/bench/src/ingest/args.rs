//! The settings of a run.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};

use crate::clock::wall_millis;
use crate::fleet::Fleet;
use crate::plan::{Dialect, Lapse, Layout};
use crate::processes::{Root, of_pid_files};
use crate::target::Target;
use crate::watch::Feed;

/// What to drive, how hard, and what to watch
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Name of the run in the report
    #[arg(long, default_value = "run")]
    pub(super) label: String,
    /// What the run belongs to, for `table`
    #[arg(long, default_value = "")]
    pub(super) section: String,
    /// The API that is driven
    #[arg(long, value_enum, default_value = "citytrack")]
    pub(super) dialect: Dialect,
    /// Where batches are posted; only this machine is driven. Given several times, connections take turns
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(super) base_url: Vec<String>,
    /// The live feed [default: the API's path at the first base URL]
    #[arg(long)]
    pub(super) live_url: Option<String>,
    /// Venue, nodes and keys as `prepare` wrote them [default with a peer: its own test keys]
    #[arg(long)]
    pub(super) fleet: Option<PathBuf>,
    /// Nodes to send as, at most
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) nodes: u32,
    /// Cameras of each node
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(super) cameras: u32,
    /// Frames in a batch x detections in a frame
    #[arg(long, default_value = "1x1")]
    pub(super) batch: Layout,
    /// Connections, each with one request in flight
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) connections: u32,
    /// Requests a second by the clock (open loop) [default: as fast as answers come (closed loop)]
    #[arg(long)]
    pub(super) rate: Option<f64>,
    /// Send only while no more than about so many batches wait to be committed: the queue cannot grow, and the rate that comes out is
    /// the one that is sustained (closed loop, with a database)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20_000), conflicts_with_all = ["rate", "watch_every"])]
    pub(super) max_behind: Option<u32>,
    /// Frames a second of each camera. Captured times then run with the frames and not with the clock, from an hour ago, as if
    /// real cameras had seen all that [default: the clock; the frames of a batch lie as at 25 frames a second]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) camera_rate: Option<u32>,
    /// Seconds of load that is not measured, but checked for loss, at most 60
    #[arg(long, default_value_t = 3.0)]
    pub(super) warmup: f64,
    /// Seconds of measured load, at most 600
    #[arg(long, default_value_t = 15.0)]
    pub(super) duration: f64,
    /// Seconds to wait at the end for what has not arrived yet, at most 300
    #[arg(long, default_value_t = 60.0)]
    pub(super) drain: f64,
    /// Requests in all, at most
    #[arg(long, default_value_t = 5_000_000)]
    pub(super) max_requests: u32,
    /// Subscribers of the live feed
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(super) subscribers: u32,
    /// The database to watch and to audit; left out with a peer, which answers after its commit
    #[arg(long, env = "CITYTRACK_DATABASE__URL", hide_env_values = true)]
    pub(super) database_url: Option<String>,
    /// Watch every n-th batch become visible [default: every one in an open loop, every 16th in a closed loop]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) watch_every: Option<u32>,
    /// A folder with the pid files of the system, for its CPU time and memory
    #[arg(long)]
    pub(super) pids: Option<PathBuf>,
    /// A process of the system, as NAME=PID
    #[arg(long = "process")]
    pub(super) processes: Vec<Root>,
    /// A MOT text file to take the boxes from [default: generated walkers]
    #[arg(long)]
    pub(super) recording: Option<PathBuf>,
    /// Number the batches, as nodes do that want to know what was lost
    #[arg(long)]
    pub(super) ledger: bool,
    /// Threads that send
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(super) threads: u32,
    /// Print one JSON line instead of a table
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    pub(super) fn check(&self) -> Result<()> {
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
        within("rate", self.rate.unwrap_or(1.0), 0.1, 1e6)?;
        ensure!(
            self.max_behind.is_none() || self.database().is_some(),
            "--max-behind needs a database to watch"
        );
        Ok(())
    }

    /// The database to watch, if any.
    pub(super) fn database(&self) -> Option<&str> {
        let url = self.database_url.as_deref().filter(|url| !url.is_empty());
        url.filter(|_| self.dialect == Dialect::Citytrack)
    }

    /// Every how many requests one is watched. Where it holds the load back, none waits in vain for its turn to be asked for.
    pub(super) fn watch_every(&self) -> u32 {
        match (self.watch_every, self.max_behind, self.rate) {
            (Some(every), ..) => every,
            (None, Some(most), _) => (most / 200).max(1),
            (None, None, Some(_)) => 1,
            (None, None, None) => 16,
        }
    }

    /// Between two frames of a camera.
    pub(super) fn frame_millis(&self) -> i64 {
        1000 / i64::from(self.camera_rate.unwrap_or(25))
    }

    pub(super) fn lapse(&self, fleet: &Fleet) -> Option<Lapse> {
        let cameras = fleet.nodes.len() as f64 * f64::from(self.cameras);
        self.camera_rate.map(|rate| Lapse {
            start: wall_millis() - 3_600_000,
            millis_per_batch: f64::from(self.batch.frames) * 1000.0 / (cameras * f64::from(rate)),
        })
    }

    pub(super) fn roots(&self) -> Result<Vec<Root>> {
        let mut roots = self.pids.as_deref().map(of_pid_files).transpose()?.unwrap_or_default();
        roots.extend(self.processes.iter().cloned());
        Ok(roots)
    }

    pub(super) fn fleet(&self) -> Result<Fleet> {
        let mut fleet = match (&self.fleet, self.dialect) {
            (Some(path), _) => Fleet::read(path)?,
            (None, Dialect::Peer) => Fleet::of_a_peer(self.nodes),
            (None, Dialect::Citytrack) => return Err(anyhow!("--fleet is missing: `prepare` writes one")),
        };
        fleet.nodes.truncate(self.nodes as usize);
        ensure!(
            fleet.venues == 1 || self.subscribers == 0,
            "a subscriber watches one venue: --subscribers 0 with a fleet of several"
        );
        Ok(fleet)
    }

    pub(super) fn feed(&self, fleet: &Fleet) -> Result<Feed> {
        let path = match self.dialect {
            Dialect::Citytrack => "/api/v1/live",
            Dialect::Peer => "/ws/live",
        };
        let target = match &self.live_url {
            Some(url) => Target::parse(url)?,
            None => Target {
                path: path.to_owned(),
                ..Target::parse(self.base_url.first().context("--base-url is missing")?)?
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
