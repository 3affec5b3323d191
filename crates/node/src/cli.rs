//! The command line: what can be set, and nothing of what is done with it.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use reqwest::Url;

use crate::geometry::ImageSize;
use crate::replay::WhenFull;
use crate::timeline::Loops;
use crate::values::{self, RecordingArg, Speed};

/// The variable that holds the node key. There is no flag for the key itself: everybody on the machine can read the flags of
/// a running program.
pub const KEY_VARIABLE: &str = "CITYTRACK_NODE_KEY";

const AFTER_HELP: &str = "\
The node key is read from the environment variable CITYTRACK_NODE_KEY, or from the file of --key-file.

Exit codes: 0 everything played was accepted (after Ctrl-C: everything played until then); 1 it could not go on (the key \
is refused, for instance); 2 bad settings, or a file that cannot be read: nothing was sent; 3 it went through, but something \
was refused, dropped or unsent.

Examples:
  citytrack-node replay entrance.txt --size 640x480 --loop
  citytrack-node replay TUD-Campus/gt.txt:campus TUD-Stadtmitte/gt.txt:plaza --size 640x480 --speed 4
  citytrack-node replay yesterday.jsonl --speed max --summary json
  citytrack-node replay entrance.txt --size 640x480 --fps 7 --dry-run | head";

/// A CityTrack node.
#[derive(Debug, Parser)]
#[command(name = "citytrack-node", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the node can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play recordings to the server as if a camera saw them now
    #[command(after_help = AFTER_HELP)]
    Replay(Box<ReplayArgs>),
}

/// `citytrack-node replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Recordings: MOT text or JSON lines. Several are played side by side. A MOT file is one camera, named after the file or by
    /// what follows the colon; JSON lines name their cameras themselves
    #[arg(required = true, value_name = "FILE[:CAMERA]", value_parser = RecordingArg::parse)]
    pub files: Vec<RecordingArg>,

    /// Where and how to send.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// How to read MOT files.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// How to play.
    #[command(flatten)]
    pub playing: PlayingArgs,
    /// How to batch.
    #[command(flatten)]
    pub batching: BatchingArgs,
    /// What to tell.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Where and how to send.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Address of CityTrack
    #[arg(
        long,
        env = "CITYTRACK_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    pub server: Url,
    /// File that holds the node key, instead of `CITYTRACK_NODE_KEY`
    #[arg(long, env = "CITYTRACK_NODE_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// How long one attempt may take
    #[arg(long, env = "CITYTRACK_TIMEOUT", default_value = "30s", value_parser = values::positive_duration, value_name = "TIME")]
    pub timeout: Duration,
    /// Give up on a batch after so long without an answer [default: try for ever]
    #[arg(long, env = "CITYTRACK_RETRY_FOR", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub retry_for: Option<Duration>,
    /// Compress bodies above this size
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
    /// Batches that may wait to be sent
    #[arg(long, default_value = "100", value_parser = values::at_least_one, value_name = "NUMBER")]
    pub max_pending: usize,
    /// What happens to one more
    #[arg(long, default_value = "wait", value_name = "WHAT")]
    pub when_full: WhenFull,
    /// After Ctrl-C or SIGTERM, go on sending what was collected for so long
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub stop_within: Duration,
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &str) -> Result<ReplayArgs, clap::Error> {
        let Cli {
            command: Command::Replay(replay),
        } = Cli::try_parse_from(arguments.split(' '))?;
        Ok(*replay)
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn recordings_may_name_their_camera() {
        let replay = parse("citytrack-node replay a/gt.txt:campus b.txt").unwrap();
        let named = RecordingArg {
            file: "a/gt.txt".into(),
            camera: Some("campus".to_owned()),
        };
        assert_eq!(
            replay.files,
            [
                named,
                RecordingArg {
                    file: "b.txt".into(),
                    camera: None
                }
            ]
        );
        assert!(
            parse("citytrack-node replay gt.txt:north.gate/1").is_ok(),
            "no name of a camera: a file"
        );
        assert!(parse("citytrack-node replay gt.txt:nörd").is_err());
        assert!(parse("citytrack-node replay").is_err());
    }

    #[test]
    fn loop_takes_a_number_or_none() {
        let loops =
            |rest: &str| parse(&format!("citytrack-node replay a.txt{rest}")).map(|replay| replay.playing.loops);
        assert_eq!(loops("").unwrap(), Loops::Times(1));
        assert_eq!(loops(" --loop").unwrap(), Loops::Forever);
        assert_eq!(loops(" --loop=3").unwrap(), Loops::Times(3));
        assert!(loops(" --loop=0").is_err());
    }

    #[test]
    fn figures_have_limits() {
        for bad in [
            "--speed 0",
            "--speed fast",
            "--fps nan",
            "--batch-frames 0",
            "--batch-interval 0s",
            "--class Person",
        ] {
            assert!(parse(&format!("citytrack-node replay a.txt {bad}")).is_err(), "{bad}");
        }
        assert_eq!(
            parse("citytrack-node replay a.txt --speed max").unwrap().playing.speed,
            Speed::Max
        );
    }
}
