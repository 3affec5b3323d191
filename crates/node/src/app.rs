//! The program: from its settings to its exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::batch::BatchLimits;
use crate::cli::{Cli, Command, ConnectionArgs, KEY_VARIABLE, PlayingArgs, ReplayArgs, Summary};
use crate::client::{Client, ClientOptions};
use crate::clock::Moment;
use crate::delivery::Delivery;
use crate::pace::Pace;
use crate::recording::{Notes, ReadOptions, Recording};
use crate::replay::{Replay, WhenFull};
use crate::report::Report;
use crate::retry::Backoff;
use crate::timeline;
use crate::totals::Totals;
use crate::values::Speed;

/// Detections at which a batch is closed: about 1.5 MB of JSON, well below the 4 MiB that the server takes.
const BATCH_DETECTIONS: usize = 10_000;

const FAILURE: u8 = 1;
const BAD_SETTINGS: u8 = 2;
const INCOMPLETE: u8 = 3;

/// Does what the command line says.
pub async fn run(cli: Cli) -> ExitCode {
    let Command::Replay(args) = cli.command;
    let (client, replay, report) = match prepare(&args) {
        Ok(prepared) => prepared,
        Err(error) => {
            complain(&error);
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    let played = match &client {
        Some(client) => send(&args, &replay, client, &report).await,
        None => print(&replay, &report),
    };
    report.clear_progress();
    conclude(&args, &report.totals(), &played)
}

/// Everything that can be wrong before the first frame is wrong here.
fn prepare(args: &ReplayArgs) -> anyhow::Result<(Option<Client>, Replay, Report)> {
    let playing = &args.playing;
    if args.batching.when_full == WhenFull::DropOldest && playing.speed == Speed::Max {
        bail!("--when-full drop-oldest would drop nearly everything with --speed max, which never waits otherwise");
    }
    if playing.start_at.is_some() && playing.speed != Speed::Max {
        bail!("--start-at goes with --speed max only: at any other speed, frames are dated when they are played");
    }
    let client = if playing.dry_run {
        None
    } else {
        Some(client(&args.connection)?)
    };
    let recordings = open(args)?;
    let notes = recordings
        .iter()
        .fold(Notes::default(), |notes, recording| notes.plus(recording.notes));
    let report = Report::new(args.output.quiet, notes);
    // The clock of the replay starts here, after the reading.
    let replay = build(args, recordings, Moment::now())?;
    report.note(&introduction(args, &replay, notes, client.as_ref()));
    Ok((client, replay, report))
}

fn client(connection: &ConnectionArgs) -> anyhow::Result<Client> {
    let options = ClientOptions {
        server: connection.server.clone(),
        key: key(connection)?,
        timeout: connection.timeout,
        gzip_above: usize::try_from(connection.gzip_above.as_u64()).unwrap_or(usize::MAX),
    };
    Ok(Client::new(options)?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the key must not be a flag, and clap reads variables only for flags"
)]
fn key(connection: &ConnectionArgs) -> anyhow::Result<SecretString> {
    let key = match &connection.key_file {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("--key-file {}", file.display()))?,
        None => match std::env::var(KEY_VARIABLE) {
            Ok(key) => key,
            Err(_) => bail!("no node key: set {KEY_VARIABLE}, or name a file with --key-file"),
        },
    };
    match key.trim() {
        "" => bail!("the node key ({KEY_VARIABLE} or --key-file) is empty"),
        key => Ok(key.into()),
    }
}

fn open(args: &ReplayArgs) -> anyhow::Result<Vec<Recording>> {
    let reading = &args.reading;
    let options = ReadOptions {
        size: reading.size,
        fps: reading.fps,
        class: reading.class.clone(),
    };
    let mut recordings = Vec::new();
    let mut cameras: Vec<String> = Vec::new();
    for argument in &args.files {
        let recording = Recording::open(&argument.file, argument.camera.as_deref(), &options)?;
        let own: Vec<String> = recording.cameras().into_iter().map(str::to_owned).collect();
        if let Some(twice) = own.iter().find(|camera| cameras.contains(camera)) {
            bail!(
                "two files are camera {twice:?}: name one of them, {}:CAMERA",
                argument.file.display()
            );
        }
        cameras.extend(own);
        recordings.push(recording);
    }
    Ok(recordings)
}

fn build(args: &ReplayArgs, recordings: Vec<Recording>, now: Moment) -> anyhow::Result<Replay> {
    let batching = &args.batching;
    Ok(Replay {
        loops: args.playing.loops,
        pace: pace(&args.playing, &recordings, now)?,
        recordings,
        limits: BatchLimits {
            interval: batching.batch_interval,
            frames: batching.batch_frames,
            detections: BATCH_DETECTIONS,
        },
        max_pending: batching.max_pending,
        when_full: batching.when_full,
        stop_within: batching.stop_within,
    })
}

fn pace(playing: &PlayingArgs, recordings: &[Recording], now: Moment) -> anyhow::Result<Pace> {
    let start = match (playing.speed, playing.start_at) {
        (Speed::Times(speed), _) => return Ok(Pace::live(speed, now)),
        (Speed::Max, Some(start)) => start,
        (Speed::Max, None) => {
            let Some(length) = timeline::length(recordings, playing.loops) else {
                bail!(
                    "--speed max with an endless --loop has no end: say how many times, --loop=TIMES, or give --start-at"
                );
            };
            now.utc.checked_sub(length).unwrap_or(Timestamp::MIN)
        }
    };
    Ok(Pace::Unpaced { start })
}

/// What is about to be done, in one line.
fn introduction(args: &ReplayArgs, replay: &Replay, notes: Notes, client: Option<&Client>) -> String {
    let cameras: Vec<&str> = replay.recordings.iter().flat_map(Recording::cameras).collect();
    let frames: usize = replay.recordings.iter().map(|recording| recording.frames.len()).sum();
    let detections: usize = replay.recordings.iter().map(Recording::detections).sum();
    let speed = match args.playing.speed {
        Speed::Times(times) => format!("speed {times}"),
        Speed::Max => "full speed".to_owned(),
    };
    let changes = [
        (notes.clipped, "cut off at the edge of the image"),
        (notes.outside, "outside the image left out"),
        (notes.unscored, "without a confidence sent as certain"),
    ];
    let changes = changes.iter().filter(|(boxes, _)| *boxes > 0);
    let changes: Vec<String> = changes.map(|(boxes, what)| format!("; {boxes} boxes {what}")).collect();
    let destination = client.map_or("standard output", |client| client.destination().as_str());
    let cameras = cameras.join(", ");
    format!(
        "{frames} frames, {detections} detections of {cameras} at {speed} to {destination}{}",
        changes.concat()
    )
}

async fn send(args: &ReplayArgs, replay: &Replay, client: &Client, report: &Report) -> anyhow::Result<()> {
    let retry_for = args.connection.retry_for;
    let delivery = Delivery {
        client,
        backoff: Backoff::default(),
        retry_for,
        report,
    };
    let stop = CancellationToken::new();
    tokio::select! {
        result = replay.run(&delivery, &stop) => result.context("stopped, no batch would be accepted"),
        result = stop_on_signals(&stop, report) => result,
    }
}

/// The first signal asks the replay to end well; the second one ends it.
async fn stop_on_signals(stop: &CancellationToken, report: &Report) -> anyhow::Result<()> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let mut next = async || {
        tokio::select! { _ = interrupts.recv() => {}, _ = terminations.recv() => {} }
    };
    next().await;
    report.note("stopping: sending what was collected (again to stop at once)");
    stop.cancel();
    next().await;
    bail!("stopped at once");
}

fn print(replay: &Replay, report: &Report) -> anyhow::Result<()> {
    match replay.print(report, io::stdout().lock()) {
        // `| head` has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write"),
    }
}

fn conclude(args: &ReplayArgs, totals: &Totals, played: &anyhow::Result<()>) -> ExitCode {
    let summary = match args.output.summary {
        Summary::Text => totals.as_text() + "\n",
        Summary::Json => totals.as_json() + "\n",
        Summary::None => String::new(),
    };
    if let Err(error) = played {
        complain(error);
    }
    let dry = args.playing.dry_run;
    let _ = if dry {
        io::stderr().write_all(summary.as_bytes())
    } else {
        io::stdout().write_all(summary.as_bytes())
    };
    match played {
        Err(_) => ExitCode::from(FAILURE),
        Ok(()) if dry || totals.all_accepted() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(INCOMPLETE),
    }
}

fn complain(error: &anyhow::Error) {
    let _ = writeln!(io::stderr(), "citytrack-node: {error:#}");
}
