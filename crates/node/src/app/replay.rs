//! `citytrack-node replay`

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{conclude, setup, stop_on_signals, summary};
use crate::cli::{PlayingArgs, ReplayArgs};
use crate::client::Client;
use crate::clock::Moment;
use crate::outbox::Outbox;
use crate::pace::Pace;
use crate::recording::{Notes, ReadOptions, Recording};
use crate::replay::{Replay, Resume};
use crate::report::Report;
use crate::session::WhenFull;
use crate::spool::{ReplayMark, Spool};
use crate::timeline::{self, Loops};
use crate::values::Speed;

/// Everything that can be wrong before the first frame is wrong before the first `await`.
pub(super) async fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    check(args)?;
    let report = Report::new(args.output.quiet);
    let client = if args.playing.dry_run {
        None
    } else {
        Some(setup::client(&args.connection)?)
    };
    let recordings = open(args)?;
    let notes = recordings
        .iter()
        .fold(Notes::default(), |notes, recording| notes.plus(recording.notes));
    report.changed(notes);
    let Some(client) = client else {
        let replay = build(args, recordings, Moment::now())?;
        report.note(&introduction(args, &replay, notes, None));
        return print(args, &replay, &report);
    };
    let mut spool = setup::spool(&args.spool, &report)?;
    // The clock of the replay starts here, after the reading.
    let mut replay = build(args, recordings, Moment::now())?;
    if let Some(spool) = &mut spool {
        resume(args, &mut replay, spool, &report)?;
    }
    report.note(&introduction(args, &replay, notes, Some(&client)));
    let outbox = setup::outbox(spool, &args.spool, &args.batching, &args.connection);
    let played = play(args, &replay, &outbox, &client, &report).await;
    Ok(conclude(
        &report,
        args.output.summary,
        args.spool.folder.is_some(),
        &played,
    ))
}

fn check(args: &ReplayArgs) -> anyhow::Result<()> {
    let playing = &args.playing;
    if args.batching.when_full == Some(WhenFull::DropOldest) && playing.speed == Speed::Max {
        bail!("--when-full drop-oldest would drop nearly everything with --speed max, which never waits otherwise");
    }
    if playing.start_at.is_some() && playing.speed != Speed::Max {
        bail!("--start-at goes with --speed max only: at any other speed, frames are dated when they are played");
    }
    Ok(())
}

/// Goes on where this replay stopped, if it is the one that fed the spool last.
fn resume(args: &ReplayArgs, replay: &mut Replay, spool: &mut Spool, report: &Report) -> anyhow::Result<()> {
    let fingerprint = fingerprint(&replay.recordings, replay.loops);
    let known = spool
        .replay()
        .filter(|mark| mark.fingerprint == fingerprint && !args.playing.from_start);
    if let Some(mark) = known {
        let played = spool.progress().saturating_sub(mark.origin);
        replay.resume = Resume {
            origin: mark.origin,
            played,
        };
        if let Pace::Unpaced { start } = &mut replay.pace {
            *start = mark.start;
        }
        report.note(&format!(
            "{played} frames were played before; going on after them (--from-start plays all again)"
        ));
        return Ok(());
    }
    let origin = spool.progress();
    replay.resume = Resume { origin, played: 0 };
    let start = match replay.pace {
        Pace::Unpaced { start } => start,
        Pace::Live(_) => Moment::now().utc,
    };
    spool.set_replay(ReplayMark {
        fingerprint,
        origin,
        start,
    })?;
    Ok(())
}

/// What makes two replays the same: the same frames in the same order.
fn fingerprint(recordings: &[Recording], loops: Loops) -> String {
    let each: Vec<String> = recordings
        .iter()
        .map(|recording| format!("{:08x}", recording.fingerprint()))
        .collect();
    format!("{} {loops:?}", each.join(" "))
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
        limits: setup::limits(batching),
        when_full: batching.when_full.unwrap_or(WhenFull::Wait),
        stop_within: batching.stop_within,
        resume: Resume::default(),
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

async fn play(
    args: &ReplayArgs,
    replay: &Replay,
    outbox: &Outbox,
    client: &Client,
    report: &Report,
) -> anyhow::Result<()> {
    let delivery = setup::delivery(outbox, client, &args.connection, report);
    let stop = CancellationToken::new();
    tokio::select! {
        result = replay.run(&delivery, &stop) => Ok(result?),
        result = stop_on_signals(&stop, report) => result,
    }
}

fn print(args: &ReplayArgs, replay: &Replay, report: &Report) -> anyhow::Result<ExitCode> {
    match replay.print(report, io::stdout().lock()) {
        // `| head` has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        result => result.context("cannot write")?,
    }
    let _ = io::stderr().write_all(summary(&report.totals(), args.output.summary).as_bytes());
    Ok(ExitCode::SUCCESS)
}
