//! `citytrack-bench copy-limit`: what the machine itself allows. The rows of table `frame`, with its indexes, by binary COPY and
//! nothing else: no HTTP, no broker, no check for repeated batches, no buckets.

use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

use crate::clock::wall_millis;
use crate::scene::Scene;
use crate::watch::Database;

/// Which database to write to, and how
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// A database with CityTrack's tables; a schema of its own is made in it, and dropped at the end
    #[arg(long, env = "CITYTRACK_DATABASE__URL", hide_env_values = true)]
    database_url: String,
    /// Connections that write at once
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
    /// Frames in a transaction
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    frames: u32,
    /// Detections in a frame
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=500))]
    per_frame: u32,
    /// Seconds, at most 600
    #[arg(long, default_value_t = 10.0)]
    duration: f64,
    /// Print one JSON line instead of a sentence
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Outcome {
    kind: &'static str,
    connections: u32,
    frames_per_transaction: u32,
    detections_per_frame: u32,
    seconds: f64,
    frames_per_s: f64,
    detections_per_s: f64,
    bytes_per_detection: f64,
}

const SCHEMA: &str = "bench_copy_limit";

/// Writes for the given time and prints how much went in.
#[expect(clippy::print_stdout, reason = "the figure is what the program is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(
        (0.1..=600.0).contains(&args.duration),
        "--duration {}: wanted 0.1 to 600",
        args.duration
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(measure(args))?;
    if args.json {
        println!("{}", serde_json::to_string(&outcome)?);
    } else {
        println!(
            "{:.0} frames/s, {:.0} detections/s by {} connections in {:.1} s; {:.1} bytes a detection with indexes",
            outcome.frames_per_s,
            outcome.detections_per_s,
            outcome.connections,
            outcome.seconds,
            outcome.bytes_per_detection
        );
    }
    Ok(())
}

async fn measure(args: &Args) -> Result<Outcome> {
    let database = Database::connect(&args.database_url).await?;
    let create = format!(
        "DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}; \
         CREATE TABLE {SCHEMA}.frame (LIKE public.frame INCLUDING ALL)"
    );
    database
        .client
        .batch_execute(&create)
        .await
        .context("a schema of our own")?;
    let outcome = write(args, &database).await;
    database
        .client
        .batch_execute(&format!("DROP SCHEMA {SCHEMA} CASCADE"))
        .await?;
    outcome
}

async fn write(args: &Args, database: &Database) -> Result<Outcome> {
    let start = Instant::now();
    let end = start + Duration::from_secs_f64(args.duration);
    let mut writers = JoinSet::new();
    for writer in 0..args.connections {
        writers.spawn(copy_until(end, writer, args.clone()));
    }
    let mut frames = 0;
    while let Some(written) = writers.join_next().await {
        frames += written??;
    }
    let seconds = start.elapsed().as_secs_f64();
    let size = format!("SELECT pg_total_relation_size('{SCHEMA}.frame')");
    let size: i64 = database.client.query_one(&size, &[]).await?.get(0);
    let detections = frames as f64 * f64::from(args.per_frame);
    Ok(Outcome {
        kind: "copy-limit",
        connections: args.connections,
        frames_per_transaction: args.frames,
        detections_per_frame: args.per_frame,
        seconds,
        frames_per_s: frames as f64 / seconds,
        detections_per_s: detections / seconds,
        bytes_per_detection: size as f64 / detections,
    })
}

/// Transactions of frames, one after the other; says how many frames went in.
async fn copy_until(end: Instant, writer: u32, args: Args) -> Result<u64> {
    let mut database = Database::connect(&args.database_url).await?;
    let scene = Scene::walk();
    let mut frames = 0;
    while Instant::now() < end {
        copy(&mut database, &scene, writer, frames, &args).await?;
        frames += u64::from(args.frames);
    }
    Ok(frames)
}

const COLUMNS: [Type; 10] = [
    Type::INT4,
    Type::INT8,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
    Type::INT4,
    Type::INT4,
    Type::INT4_ARRAY,
    Type::FLOAT4_ARRAY,
    Type::FLOAT4_ARRAY,
    Type::INT8_ARRAY,
];

async fn copy(database: &mut Database, scene: &Scene, writer: u32, first: u64, args: &Args) -> Result<()> {
    let statement = format!(
        "COPY {SCHEMA}.frame (camera_id, number, captured_at, received_at, width, height, classes, confidences, boxes, \
         track_ids) FROM STDIN (FORMAT BINARY)"
    );
    let transaction = database.client.transaction().await?;
    let sink = transaction.copy_in(&statement).await?;
    let mut rows = pin!(BinaryCopyInWriter::new(sink, &COLUMNS));
    let now = jiff::Timestamp::from_millisecond(wall_millis())?;
    for number in first..first + u64::from(args.frames) {
        let number = i64::try_from(number)?;
        let camera = i32::try_from(writer * 32 + u32::try_from(number % 32)?)?;
        let seen: Vec<_> = scene
            .cut(usize::try_from(number)? * 7, args.per_frame as usize)
            .collect();
        let classes: Vec<i32> = seen
            .iter()
            .map(|seen| if seen.class == "person" { 1 } else { 2 })
            .collect();
        let confidences: Vec<f32> = seen.iter().map(|seen| narrow(seen.confidence)).collect();
        let boxes: Vec<f32> = seen.iter().flat_map(|seen| seen.area.map(narrow)).collect();
        let tracks: Vec<i64> = seen.iter().filter_map(|seen| i64::try_from(seen.track).ok()).collect();
        rows.as_mut()
            .write(&[
                &camera,
                &number,
                &now,
                &now,
                &1920,
                &1080,
                &classes,
                &confidences,
                &boxes,
                &tracks,
            ])
            .await?;
    }
    rows.finish().await?;
    transaction.commit().await?;
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the table holds numbers of half the width"
)]
fn narrow(number: f64) -> f32 {
    number as f32
}
