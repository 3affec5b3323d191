//! The command line.

use anyhow::Result;

use crate::{ask, copy_limit, disk, drain, fuzz, idle, images, ingest, live, overload, prepare, table};

/// Measures a running CityTrack, or a system to compare it with, on this machine
#[derive(clap::Parser, Debug)]
#[command(name = "citytrack-bench", version, args_override_self = true)]
pub enum Command {
    /// Post batches, watch the live feed and the database, and report rates, latencies, losses and costs
    Ingest(Box<ingest::Args>),
    /// Make a venue (or several) with nodes and keys through the control API, and write them to a file for `ingest`
    Prepare(prepare::Args),
    /// Ask the read API questions from standard input again and again, and print how long the answers take
    Ask(ask::Args),
    /// Write the rows of the frame table by bare binary COPY: the limit that the machine itself sets
    CopyLimit(copy_limit::Args),
    /// Watch a backlog being stored: how fast, and at what cost
    Drain(drain::Args),
    /// What the detections in the database take on disk, by table and index
    Disk(disk::Args),
    /// Send damaged uploads of pictures, and see that each is answered and nothing crashes, hangs or grows
    FuzzPictures(fuzz::Args),
    /// What open connections that do nothing cost a server in memory
    Idle(idle::Args),
    /// Send pictures, so many under way at once, and see how soon they are ready
    Images(images::Args),
    /// Watch a live feed with many viewers, CityTrack's or another
    #[command(subcommand)]
    Live(live::Command),
    /// Send far more than the system can take, and see how it answers, what it costs in memory, and how it recovers
    Overload(overload::Args),
    /// Turn JSON lines of several runs into a Markdown table of medians and spreads
    Table(table::Args),
}

impl Command {
    /// Runs the command to its end.
    pub fn run(self) -> Result<()> {
        match self {
            Self::Ingest(args) => ingest::run(&args),
            Self::Prepare(args) => prepare::run(&args),
            Self::Ask(args) => ask::run(&args),
            Self::CopyLimit(args) => copy_limit::run(&args),
            Self::Drain(args) => drain::run(&args),
            Self::Disk(args) => disk::run(&args),
            Self::FuzzPictures(args) => fuzz::run(&args),
            Self::Idle(args) => idle::run(&args),
            Self::Images(args) => images::run(&args),
            Self::Live(command) => live::run(&command),
            Self::Overload(args) => overload::run(&args),
            Self::Table(args) => table::run(&args),
        }
    }
}
