//! Adding to the tables of the roll-ups.

use std::collections::BTreeMap;

use citytrack_domain::{Heatmap, TrackSet};
use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;

use super::Level;
use crate::Error;

/// A camera, a class of detections, and the start of a row.
pub(super) type ClassKey = (i32, i32, Timestamp);

/// What a row of counts gains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) frames: i32,
    pub(super) detections: i64,
    pub(super) peak: i32,
}

impl Counts {
    pub(super) fn add(&mut self, more: Self) {
        self.frames = self.frames.saturating_add(more.frames);
        self.detections += more.detections;
        self.peak = self.peak.max(more.peak);
    }
}

/// The columns of many counts.
type Columns = (Vec<i32>, Vec<i64>, Vec<i32>);

fn columns<'a>(counts: impl Iterator<Item = &'a Counts>) -> Columns {
    let mut columns = Columns::default();
    for count in counts {
        columns.0.push(count.frames);
        columns.1.push(count.detections);
        columns.2.push(count.peak);
    }
    columns
}

/// Adds to `camera_hour` or `camera_day`.
pub(super) async fn add_to_cameras(
    transaction: &Transaction<'_>,
    level: Level,
    counts: &BTreeMap<(i32, Timestamp), Counts>,
) -> Result<(), Error> {
    let (cameras, starts): (Vec<i32>, Vec<Timestamp>) = counts.keys().copied().unzip();
    let (frames, detections, peaks) = columns(counts.values());
    let table = format!("camera_{}", level.name());
    let statement = format!(
        "insert into {table} as known (camera_id, start, frames, detections, peak)
         select * from unnest($1::int[], $2::timestamptz[], $3::int[], $4::bigint[], $5::int[])
         on conflict (camera_id, start) do update set {ADDED}"
    );
    let statement = transaction.prepare_cached(&statement).await?;
    transaction
        .execute(&statement, &[&cameras, &starts, &frames, &detections, &peaks])
        .await?;
    Ok(())
}

/// Adds to `class_hour` or `class_day`.
pub(super) async fn add_to_classes(
    transaction: &Transaction<'_>,
    level: Level,
    counts: &BTreeMap<ClassKey, Counts>,
) -> Result<(), Error> {
    let (cameras, classes, starts) = keys(counts.keys());
    let (frames, detections, peaks) = columns(counts.values());
    let table = format!("class_{}", level.name());
    let statement = format!(
        "insert into {table} as known (camera_id, class_id, start, frames, detections, peak)
         select * from unnest($1::int[], $2::int[], $3::timestamptz[], $4::int[], $5::bigint[], $6::int[])
         on conflict (camera_id, class_id, start) do update set {ADDED}"
    );
    let statement = transaction.prepare_cached(&statement).await?;
    transaction
        .execute(&statement, &[&cameras, &classes, &starts, &frames, &detections, &peaks])
        .await?;
    Ok(())
}

const ADDED: &str = "frames = known.frames + excluded.frames,
                     detections = known.detections + excluded.detections,
                     peak = greatest(known.peak, excluded.peak)";

/// Merges sets of tracks into `track_minute`, `track_hour` or `track_day`.
pub(super) async fn merge_tracks(
    transaction: &Transaction<'_>,
    level: Level,
    mut tracks: BTreeMap<ClassKey, TrackSet>,
) -> Result<(), Error> {
    let table = format!("track_{}", level.name());
    for row in known(transaction, &table, ["start", "tracks"], tracks.keys()).await? {
        if let Some(set) = tracks.get_mut(&key(&row)?) {
            set.merge_encoded(row.try_get("value")?)
                .map_err(|error| Error::Corrupt(format!("{table}: {error}")))?;
        }
    }
    let encoded: Vec<_> = tracks.values().map(TrackSet::encode).collect();
    put(transaction, &table, ["start", "tracks"], tracks.keys(), &encoded).await
}

/// Merges grids into `heat_hour`.
pub(super) async fn merge_heat(
    transaction: &Transaction<'_>,
    mut heat: BTreeMap<ClassKey, Heatmap>,
) -> Result<(), Error> {
    for row in known(transaction, "heat_hour", ["hour", "cells"], heat.keys()).await? {
        if let Some(grid) = heat.get_mut(&key(&row)?) {
            grid.merge(&decoded(row.try_get("value")?)?);
        }
    }
    let encoded: Vec<_> = heat.values().map(Heatmap::encode).collect();
    put(transaction, "heat_hour", ["hour", "cells"], heat.keys(), &encoded).await
}

/// A grid as it was stored.
pub(super) fn decoded(bytes: &[u8]) -> Result<Heatmap, Error> {
    Heatmap::decode(bytes).ok_or_else(|| Error::Corrupt("these bytes are no heatmap".to_owned()))
}

/// The rows that there are already for these keys.
async fn known<'a>(
    transaction: &Transaction<'_>,
    table: &str,
    [start, value]: [&str; 2],
    wanted: impl Iterator<Item = &'a ClassKey>,
) -> Result<Vec<Row>, Error> {
    let (cameras, classes, starts) = keys(wanted);
    let question = format!(
        "select camera_id, class_id, known.{start} as start, {value} as value from {table} as known
         join unnest($1::int[], $2::int[], $3::timestamptz[]) as wanted (camera_id, class_id, {start})
             using (camera_id, class_id, {start})"
    );
    let statement = transaction.prepare_cached(&question).await?;
    Ok(transaction.query(&statement, &[&cameras, &classes, &starts]).await?)
}

async fn put<'a>(
    transaction: &Transaction<'_>,
    table: &str,
    [start, value]: [&str; 2],
    wanted: impl Iterator<Item = &'a ClassKey>,
    values: &[Vec<u8>],
) -> Result<(), Error> {
    let (cameras, classes, starts) = keys(wanted);
    let statement = format!(
        "insert into {table} (camera_id, class_id, {start}, {value})
         select * from unnest($1::int[], $2::int[], $3::timestamptz[], $4::bytea[])
         on conflict (camera_id, class_id, {start}) do update set {value} = excluded.{value}"
    );
    let statement = transaction.prepare_cached(&statement).await?;
    transaction
        .execute(&statement, &[&cameras, &classes, &starts, &values])
        .await?;
    Ok(())
}

fn key(row: &Row) -> Result<ClassKey, Error> {
    Ok((
        row.try_get("camera_id")?,
        row.try_get("class_id")?,
        row.try_get("start")?,
    ))
}

fn keys<'a>(keys: impl Iterator<Item = &'a ClassKey>) -> (Vec<i32>, Vec<i32>, Vec<Timestamp>) {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for (camera, class, start) in keys {
        columns.0.push(*camera);
        columns.1.push(*class);
        columns.2.push(*start);
    }
    columns
}
