//! `citytrack-bench live`: many viewers of a live feed. They share two cores with the server that they watch, so they cost as little as
//! can be: a connection is a socket and a few dozen bytes, messages are looked at in the read buffer, and of a frame only its number
//! is read. What they cost all the same is reported apart.
//!
//! How the parts fit: a `crowd` of viewers (`viewer`) opens its sockets (`wire`, `websocket`, `mqtt`) to a `feed`, `posting` sends frames
//! at a fixed rate, and `account` compares what was accepted with what each viewer saw.

mod account;
mod crowd;
mod feed;
mod flow;
mod idle;
mod mqtt;
mod posting;
mod restart;
mod row;
mod viewer;
mod websocket;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::fleet::Fleet;
use crate::ledger::Ledger;
use crate::plan::Layout;
use crate::processes::{Root, of_pid_files};
use crate::scene::Scene;
use crowd::{Audience, Crowd};
use feed::{Feed, System};
use posting::Posting;

/// What to measure of a live feed
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Frames at a fixed rate to many viewers: how many arrive, how late, and what it costs
    Flow(flow::Args),
    /// What open sockets cost the server in memory while nothing comes
    Idle(idle::Args),
    /// Kill the server under its viewers: how long until all are back, and whether each has every frame once
    Restart(restart::Args),
}

pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Flow(args) => flow::run(args),
        Command::Idle(args) => idle::run(args),
        Command::Restart(args) => restart::run(args),
    }
}

/// Where frames go in and come out; all of it on this machine
#[derive(clap::Args, Debug)]
struct Reach {
    /// Whose live feed it is
    #[arg(long, value_enum, default_value = "citytrack")]
    system: System,
    /// Where frames are posted; for MQTT the address of the broker, as http://127.0.0.1:PORT
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    base_url: String,
    /// The live feed, with its path
    #[arg(long, default_value = "ws://127.0.0.1:8080/api/v1/live")]
    live_url: String,
    /// Venue, nodes and keys as `prepare` wrote them [default with another system: its own test keys]
    #[arg(long)]
    fleet: Option<PathBuf>,
    /// NAME:PASSWORD of the MQTT broker
    #[arg(long, env = "CITYTRACK_BENCH_MQTT_ACCOUNT", hide_env_values = true, value_parser = account_of)]
    #[arg(default_value = ":")]
    account: mqtt::Account,
    /// Threads that the viewers share
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=8))]
    threads: u32,
    /// A folder with the pid files of the system, for its CPU time and memory
    #[arg(long)]
    pids: Option<PathBuf>,
    /// Seconds until all sockets must be open
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    open_within: u64,
}

fn account_of(text: &str) -> Result<mqtt::Account> {
    let (name, password) = text.split_once(':').context("wanted NAME:PASSWORD")?;
    Ok(mqtt::Account {
        name: name.to_owned(),
        password: password.to_owned(),
    })
}

impl Reach {
    fn fleet(&self) -> Result<Fleet> {
        match (&self.fleet, self.system) {
            (Some(path), _) => Fleet::read(path),
            (None, System::Citytrack) => anyhow::bail!("--fleet is missing: `prepare` writes one"),
            (None, _) => Ok(Fleet::of_a_peer(16)),
        }
    }

    /// Who posts, and viewers whose sockets are all open.
    fn open(&self, load: &Load, viewers: u32, filtered: u32, come_back: bool) -> Result<(Posting, Crowd)> {
        let feed = Feed::new(self)?;
        let posting = Posting::new(self, &feed, load)?;
        let audience = Audience {
            plan: feed.system.plan(load.batch, load.most_requests())?,
            feed,
            ledger: Arc::new(Ledger::new(load.most_requests())),
            viewers,
            filtered,
            threads: self.threads,
            come_back,
        };
        let crowd = Crowd::open(audience, Duration::from_secs(self.open_within))?;
        Ok((posting, crowd))
    }

    fn roots(&self) -> Result<Vec<Root>> {
        Ok(self.pids.as_deref().map(of_pid_files).transpose()?.unwrap_or_default())
    }
}

/// What is posted
#[derive(clap::Args, Debug)]
struct Load {
    /// Frames in a batch x detections in a frame; recordings of pedestrians have five a frame
    #[arg(long, default_value = "1x5")]
    batch: Layout,
    /// Batches a second, by the clock
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// Connections that post in turn, each with one request in flight
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,
    /// Seconds of load that is not measured, but checked for loss, at most 60
    #[arg(long, default_value_t = 2.0)]
    warmup: f64,
    /// Seconds of measured load, at most 600
    #[arg(long, default_value_t = 10.0)]
    duration: f64,
    /// Seconds to wait at the end for what has not arrived yet, at most 120
    #[arg(long, default_value_t = 10.0)]
    drain: f64,
    /// A MOT text file to take the boxes from [default: generated walkers, of whom one in five cycles]
    #[arg(long)]
    recording: Option<PathBuf>,
}

impl Load {
    fn check(&self) -> Result<()> {
        for (name, value, low, high) in [
            ("rate", self.rate, 0.1, 1e5),
            ("warmup", self.warmup, 0.0, 60.0),
            ("duration", self.duration, 0.1, 600.0),
            ("drain", self.drain, 0.0, 120.0),
        ] {
            ensure!(
                (low..=high).contains(&value),
                "--{name} {value}: wanted {low} to {high}"
            );
        }
        Ok(())
    }

    fn scene(&self) -> Result<Scene> {
        self.recording
            .as_deref()
            .map_or_else(|| Ok(Scene::walk()), Scene::recording)
    }

    /// The most requests that it can come to.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of requests, bounded by `check`"
    )]
    fn most_requests(&self) -> u32 {
        ((self.warmup + self.duration) * self.rate).ceil() as u32 + 1
    }
}

/// Waits for a thread's result.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread
        .join()
        .map_err(|_| anyhow::anyhow!("a thread of the generator panicked"))?
}
