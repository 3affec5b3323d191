//! The command line: what can be set, and nothing of what is done with it.

mod groups;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use groups::{BatchingArgs, ConnectionArgs, OutputArgs, PlayingArgs, ReadingArgs, SpoolArgs, Summary};

use crate::values::RecordingArg;

/// The variable that holds the node key. There is no flag for the key itself: everybody on the machine can read the flags of
/// a running program.
pub const KEY_VARIABLE: &str = "CITYTRACK_NODE_KEY";

const AFTER_HELP: &str = "\
The node key is read from the environment variable CITYTRACK_NODE_KEY, or from the file of --key-file.

Exit codes: 0 the server has everything; 1 it could not go on (the key is refused, for instance); 2 bad settings, or a file \
that cannot be read: nothing was sent; 3 it went through, but something was refused, dropped or, without a spool, unsent; \
4 nothing was lost, but a backlog is left in the spool.

Examples:
  citytrack-node replay entrance.txt --size 640x480 --loop
  citytrack-node replay TUD-Campus/gt.txt:campus TUD-Stadtmitte/gt.txt:plaza --size 640x480 --speed 4
  citytrack-node replay yesterday.jsonl --speed max --summary json
  citytrack-node replay yesterday.jsonl --speed max --spool /var/lib/citytrack-node
  citytrack-node replay entrance.txt --size 640x480 --fps 7 --dry-run | head";

const AFTER_SEND_HELP: &str = "\
Each line is one frame, in the shape in which frames are posted:
  {\"camera\":\"entrance\",\"captured_at\":\"2026-11-22T10:00:00.04Z\",\"detections\":[{\"class\":\"person\",\"confidence\":0.91,\"box\":[0.12,0.3,0.05,0.2]}]}
A line may name the file of the picture that it is about, \"image\":\"path\"; that needs a spool, and the picture is read at once.
A line that is no frame is reported with its number, counted and left out.

The node key is read from the environment variable CITYTRACK_NODE_KEY, or from the file of --key-file.

Exit codes: 0 the server has everything; 1 it could not go on (the spool cannot be written, for instance); 2 bad settings; \
3 something was lost: refused, dropped, a bad line or, without a spool, unsent; 4 nothing was lost, but a backlog is left in \
the spool: the next `send`, or `spool flush`, sends it.

Examples:
  detector | citytrack-node send --server https://citytrack.example.org --key-file node.key --spool /var/lib/citytrack-node
  citytrack-node send --spool spool < yesterday.jsonl
  citytrack-node send --spool spool --images snapshots:entrance < /dev/null";

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
    /// Send the frames that a detector writes to standard input, as JSON lines
    #[command(after_help = AFTER_SEND_HELP)]
    Send(Box<SendArgs>),
    /// Look after a spool
    #[command(subcommand)]
    Spool(SpoolCommand),
}

/// `citytrack-node replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Recordings: MOT text or JSON lines. Several are played side by side. A MOT file is one camera, named after the file or by
    /// what follows the colon; JSON lines name their cameras themselves. Pictures that they name (`image`) are not sent: `send` does that
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
    /// Where to keep what waits.
    #[command(flatten)]
    pub spool: SpoolArgs,
    /// What to tell.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `citytrack-node send`
#[derive(Debug, Args)]
pub struct SendArgs {
    /// Folder whose pictures are sent as they appear in it, and removed when the spool has them. May be given again. What follows
    /// the colon is the camera that took them
    #[arg(long, value_name = "FOLDER[:CAMERA]", value_parser = RecordingArg::parse)]
    pub images: Vec<RecordingArg>,

    /// Where and how to send.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// How to batch.
    #[command(flatten)]
    pub batching: BatchingArgs,
    /// Where to keep what waits.
    #[command(flatten)]
    pub spool: SpoolArgs,
    /// What to tell.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `citytrack-node spool`
#[derive(Debug, Subcommand)]
pub enum SpoolCommand {
    /// Show what waits in a spool, and what was lost over its life. Also while another process uses it
    Status(StatusArgs),
    /// Send what waits in a spool, and end. Exit codes are those of `send`
    Flush(Box<SendArgs>),
}

/// `citytrack-node spool status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The spool's folder
    #[arg(long = "spool", env = "CITYTRACK_SPOOL", value_name = "FOLDER")]
    pub folder: PathBuf,
    /// As one line for programs
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::timeline::Loops;
    use crate::values::Speed;

    fn parse(arguments: &str) -> Result<ReplayArgs, clap::Error> {
        let Command::Replay(replay) = Cli::try_parse_from(arguments.split(' '))?.command else {
            panic!("{arguments} is no replay")
        };
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
            "--spool-size 1kB",
            "--spool-sync sometimes",
        ] {
            assert!(parse(&format!("citytrack-node replay a.txt {bad}")).is_err(), "{bad}");
        }
        assert_eq!(
            parse("citytrack-node replay a.txt --speed max").unwrap().playing.speed,
            Speed::Max
        );
    }
}
