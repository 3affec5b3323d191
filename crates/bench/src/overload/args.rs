//! The settings of an overload.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::plan::Layout;
use crate::target::Target;

/// How much more is sent than the system can take, and what to watch
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where batches are posted; only this machine is driven
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(super) base_url: String,
    /// Venue, nodes and keys as `prepare` wrote them
    #[arg(long)]
    pub(super) fleet: PathBuf,
    /// Frames in a batch x detections in a frame
    #[arg(long, default_value = "1x10")]
    pub(super) batch: Layout,
    /// Requests a second of the overload, by the clock
    #[arg(long)]
    pub(super) rate: f64,
    /// Requests a second afterwards, which the system can well take
    #[arg(long)]
    pub(super) afterwards: f64,
    /// Seconds of overload, at most 120
    #[arg(long, default_value_t = 60.0)]
    pub(super) duration: f64,
    /// Connections, each with one request in flight: so many nodes send at once
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) connections: u32,
    /// Seconds that recovering may take, at most 600
    #[arg(long, default_value_t = 300.0)]
    pub(super) recovery: f64,
    /// Requests of a load, at most
    #[arg(long, default_value_t = 5_000_000)]
    pub(super) max_requests: u32,
    /// The database to audit
    #[arg(long, env = "CITYTRACK_DATABASE__URL", hide_env_values = true)]
    pub(super) database_url: String,
    /// The queue of what waits to be stored, in RabbitMQ's management API: `http://user:password@127.0.0.1:…/api/queues/%2f/…`
    #[arg(long, env = "CITYTRACK_BENCH_QUEUE", hide_env_values = true)]
    pub(super) queue: String,
    /// `/readyz` of each service, separated by commas
    #[arg(long, value_delimiter = ',')]
    pub(super) ready: Vec<String>,
    /// A folder with the pid files of the system, for its memory
    #[arg(long)]
    pub(super) pids: PathBuf,
    /// A file to write everything to, as one line of JSON
    #[arg(long)]
    pub(super) out: Option<PathBuf>,
}

impl Args {
    /// All that is asked is on this machine, and ends.
    pub(super) fn check(&self) -> Result<()> {
        let urls = self.ready.iter().chain([&self.base_url, &self.queue]);
        urls.map(|url| Target::parse(url))
            .try_for_each(|target| target.map(drop))?;
        for (name, value, most) in [
            ("rate", self.rate, 1e6),
            ("afterwards", self.afterwards, 1e6),
            ("duration", self.duration, 120.0),
            ("recovery", self.recovery, 600.0),
        ] {
            ensure!((0.1..=most).contains(&value), "--{name} {value}: wanted 0.1 to {most}");
        }
        Ok(())
    }
}
