//! The options, by what they are about.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use reqwest::Url;

use crate::geometry::ImageSize;
use crate::session::WhenFull;
use crate::spool::SyncPolicy;
use crate::timeline::Loops;
use crate::values::{self, Speed};

/// Where and how to send.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Address of CityTrack
    #[arg(
        long,
        env = "CITYTRACK_SERVER",
        default_value = "http://127.0.0.1:8080",
        visible_alias = "url",
        value_name = "URL"
    )]
    pub server: Url,
    /// File that holds the node key, instead of `CITYTRACK_NODE_KEY`
    #[arg(long, env = "CITYTRACK_NODE_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// How long one attempt may take
    #[arg(long, env = "CITYTRACK_TIMEOUT", default_value = "30s", value_parser = values::positive_duration, value_name = "TIME")]
    pub timeout: Duration,
    /// Give up on a batch when it has become this old without an answer [default: try for ever]
    #[arg(long, env = "CITYTRACK_RETRY_FOR", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub retry_for: Option<Duration>,
    /// Compress bodies above this size (gzip)
    #[arg(long, env = "CITYTRACK_GZIP_ABOVE", default_value = "1KiB", value_name = "SIZE")]
    pub gzip_above: ByteSize,
}

/// How to read MOT files, which say little about themselves.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading MOT files")]
pub struct ReadingArgs {
    /// Size of the images in pixels. Needed for MOT files
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    pub size: Option<ImageSize>,
    /// Frames per second
    #[arg(long, default_value = "25", value_parser = values::positive_number, value_name = "NUMBER")]
    pub fps: f64,
    /// What the boxes show
    #[arg(long, default_value = "person", value_parser = values::class)]
    pub class: String,
}

/// How to play.
#[derive(Debug, Args)]
#[command(next_help_heading = "Playing")]
pub struct PlayingArgs {
    /// How many times as fast as recorded. `max`: as fast as the server takes it, dated as if it had been played at its own speed
    /// and had ended now
    #[arg(long, default_value = "1", value_parser = Speed::parse, value_name = "NUMBER|max")]
    pub speed: Speed,
    /// Play again and again, or so many times in all
    #[arg(long = "loop", num_args = 0..=1, require_equals = true, default_value = "1", default_missing_value = "forever",
          hide_default_value = true, value_parser = values::loops, value_name = "TIMES")]
    pub loops: Loops,
    /// With `--speed max`: date the first frame so, instead (the server takes up to 7 days back)
    #[arg(long, value_name = "TIME")]
    pub start_at: Option<Timestamp>,
    /// With `--spool`: play from the beginning, also if this replay was played before
    #[arg(long)]
    pub from_start: bool,
    /// Print the frames as JSON lines instead of sending them. Needs no server and no key
    #[arg(long)]
    pub dry_run: bool,
}

/// How to batch.
#[derive(Debug, Args)]
#[command(next_help_heading = "Batching")]
pub struct BatchingArgs {
    /// Send together what came in this time
    #[arg(long, default_value = "1s", value_parser = values::positive_duration, value_name = "TIME")]
    pub batch_interval: Duration,
    /// But at most so many frames (the server takes 1,000)
    #[arg(long, default_value = "500", value_parser = values::at_least_one, value_name = "NUMBER")]
    pub batch_frames: usize,
    /// Without a spool: batches that may wait in memory
    #[arg(long, default_value = "100", value_parser = values::at_least_one, value_name = "NUMBER")]
    pub max_pending: usize,
    /// When too many wait, or the spool is full [default: wait; for `send` with a spool: drop-oldest]
    #[arg(long, value_name = "WHAT")]
    pub when_full: Option<WhenFull>,
    /// Batches of this age are backlog: they do not hold up newer ones
    #[arg(long, env = "CITYTRACK_LIVE_FOR", default_value = "1m", value_parser = values::positive_duration, value_name = "TIME")]
    pub live_for: Duration,
    /// After Ctrl-C, SIGTERM or the end of a pipe, go on sending what waits for so long
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub stop_within: Duration,
}

/// Where to keep what waits.
#[derive(Debug, Args)]
#[command(next_help_heading = "Spool")]
pub struct SpoolArgs {
    /// Folder in which batches are kept until the server has them, also over a restart [default: in memory only]
    #[arg(long = "spool", env = "CITYTRACK_SPOOL", value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// The most that the spool takes on disk; then the oldest batches make room (1 MiB or more)
    #[arg(long, env = "CITYTRACK_SPOOL_SIZE", default_value = "1GiB", value_parser = values::spool_size, value_name = "SIZE")]
    pub spool_size: ByteSize,
    /// The most that pictures take in the spool, beside the batches; then the oldest make room
    #[arg(long, env = "CITYTRACK_IMAGE_SPOOL_SIZE", default_value = "256MiB", value_parser = values::spool_size, value_name = "SIZE")]
    pub image_spool_size: ByteSize,
    /// When the spool is brought to the disk itself, against power cuts
    #[arg(long, env = "CITYTRACK_SPOOL_SYNC", default_value = "always", value_name = "WHEN")]
    pub spool_sync: SyncPolicy,
}

/// What to tell.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Tell only of trouble, and the summary
    #[arg(long)]
    pub quiet: bool,
    /// Summary at the end, on standard output (with --dry-run: on standard error)
    #[arg(long, default_value = "text", value_name = "FORM")]
    pub summary: Summary,
}

/// The form of the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Summary {
    /// For people
    Text,
    /// One line for programs
    Json,
    /// No summary
    None,
}
