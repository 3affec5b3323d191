//! Folding: what was appended to `rollup_delta` is added to the roll-ups and deleted, in one transaction.

use std::collections::{BTreeMap, HashMap};

use citytrack_domain::{Bucket, Heatmap, TrackSet};
use deadpool_postgres::Transaction;
use jiff::{Timestamp, tz::TimeZone};
use tokio_postgres::Row;
use tracing::error;

use super::{
    LOCK, Level, level, rebuild,
    tables::{self, ClassKey, Counts},
};
use crate::{Client, Database, Error};

/// Rows that one transaction folds, at most: a bound on its memory and on how long it takes.
pub(super) const MOST_AT_ONCE: i64 = 20_000;

/// What a fold did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Rows of `rollup_delta` that are in the roll-ups now.
    pub rows: u64,
    /// Venues whose roll-ups were made anew, as their time zone has changed or they had none.
    pub rebuilt: u64,
}

/// Folds everything that is there. `None` when another process is at it right now.
///
/// # Errors
/// When PostgreSQL is away or refuses; what was folded stays folded, and the rest is still counted by the readers.
pub async fn fold(database: &Database) -> Result<Option<Folded>, Error> {
    let mut client = database.dedicated().await?;
    let question = "select pg_try_advisory_lock($1)";
    if !client.query_one(question, &[&LOCK]).await?.get::<_, bool>(0) {
        return Ok(None);
    }
    let mut folded = Folded {
        rows: 0,
        rebuilt: rebuild::stale(&mut client).await?,
    };
    loop {
        let rows = round(&mut client).await?;
        folded.rows += rows;
        if rows < MOST_AT_ONCE.cast_unsigned() {
            // The connection is closed here, and the lock with it.
            return Ok(Some(folded));
        }
    }
}

/// Deltas of venues that have roll-ups already; those of others are rebuilt first, by the next fold.
async fn round(client: &mut Client) -> Result<u64, Error> {
    let transaction = client.transaction().await?;
    let take = "with taken as (
            delete from rollup_delta where ctid = any(array(
                select delta.ctid from rollup_delta as delta
                join camera on camera.id = delta.camera_id
                join node on node.id = camera.node_id
                join venue_rollup on venue_rollup.venue = node.venue
                limit $1))
            returning *)
        select taken.*, venue_rollup.time_zone from taken
        join camera on camera.id = taken.camera_id
        join node on node.id = camera.node_id
        join venue_rollup on venue_rollup.venue = node.venue";
    let rows = transaction.query(take, &[&MOST_AT_ONCE]).await?;
    let mut sums = Sums::default();
    for row in &rows {
        sums.add(row)?;
    }
    sums.add_to_tables(&transaction).await?;
    transaction.commit().await?;
    Ok(rows.len() as u64)
}

/// What many deltas come to.
#[derive(Default)]
pub(super) struct Sums {
    zones: HashMap<String, TimeZone>,
    cameras: [BTreeMap<(i32, Timestamp), Counts>; 2],
    classes: [BTreeMap<ClassKey, Counts>; 2],
    track_minutes: BTreeMap<ClassKey, TrackSet>,
    tracks: [BTreeMap<ClassKey, TrackSet>; 2],
    heat: BTreeMap<ClassKey, Heatmap>,
}

impl Sums {
    /// Adds a row of `rollup_delta`, joined with the time zone of its venue's roll-ups.
    fn add(&mut self, row: &Row) -> Result<(), Error> {
        let camera: i32 = row.try_get("camera_id")?;
        let minute: Timestamp = row.try_get("minute")?;
        let counts = Counts {
            frames: row.try_get("frames")?,
            detections: row.try_get::<_, i32>("detections")?.into(),
            peak: row.try_get("peak")?,
        };
        let zone = self.zone(row.try_get("time_zone")?)?;
        let starts = Level::ROLLED_UP.map(|level| start(level.bucket(), minute, &zone));
        let Some(class) = row.try_get::<_, Option<i32>>("class_id")? else {
            for (sums, start) in self.cameras.iter_mut().zip(starts) {
                sums.entry((camera, start)).or_default().add(counts);
            }
            return Ok(());
        };
        for (sums, start) in self.classes.iter_mut().zip(starts) {
            sums.entry((camera, class, start)).or_default().add(counts);
        }
        if let Some(tracks) = row.try_get::<_, Option<&[u8]>>("tracks")? {
            let levels = self.tracks.iter_mut().zip(starts);
            for (sums, start) in levels.chain([(&mut self.track_minutes, minute)]) {
                add_tracks(sums, (camera, class, start), tracks);
            }
        }
        self.add_heat(row, (camera, class, minute))
    }

    /// Adds only what minutes do not hold: grids and the tracks of a minute.
    pub(super) fn add_to_minutes(&mut self, row: &Row) -> Result<(), Error> {
        let (camera, minute) = (row.try_get("camera_id")?, row.try_get("minute")?);
        let Some(class) = row.try_get("class_id")? else {
            return Ok(());
        };
        if let Some(tracks) = row.try_get::<_, Option<&[u8]>>("tracks")? {
            add_tracks(&mut self.track_minutes, (camera, class, minute), tracks);
        }
        self.add_heat(row, (camera, class, minute))
    }

    fn add_heat(&mut self, row: &Row, (camera, class, minute): ClassKey) -> Result<(), Error> {
        if let Some(heat) = row.try_get::<_, Option<&[u8]>>("heat")? {
            let hour = start(Bucket::Hour, minute, &TimeZone::UTC);
            match tables::decoded(heat) {
                Ok(heat) => self.heat.entry((camera, class, hour)).or_default().merge(&heat),
                Err(error) => error!(camera, class, %minute, %error, "a heatmap is lost"),
            }
        }
        Ok(())
    }

    fn zone(&mut self, name: &str) -> Result<TimeZone, Error> {
        if let Some(zone) = self.zones.get(name) {
            return Ok(zone.clone());
        }
        let zone = level::zone(name)?;
        self.zones.insert(name.to_owned(), zone.clone());
        Ok(zone)
    }

    pub(super) async fn add_to_tables(self, transaction: &Transaction<'_>) -> Result<(), Error> {
        for (level, counts) in Level::ROLLED_UP.into_iter().zip(&self.cameras) {
            tables::add_to_cameras(transaction, level, counts).await?;
        }
        for (level, counts) in Level::ROLLED_UP.into_iter().zip(&self.classes) {
            tables::add_to_classes(transaction, level, counts).await?;
        }
        tables::merge_tracks(transaction, Level::Minute, self.track_minutes).await?;
        for (level, tracks) in Level::ROLLED_UP.into_iter().zip(self.tracks) {
            tables::merge_tracks(transaction, level, tracks).await?;
        }
        tables::merge_heat(transaction, self.heat).await
    }
}

/// A set that cannot be read is left out, and not tried again for ever: its counts are good, and so are the sets of others.
fn add_tracks(sums: &mut BTreeMap<ClassKey, TrackSet>, key: ClassKey, encoded: &[u8]) {
    if let Err(error) = sums.entry(key).or_default().merge_encoded(encoded) {
        let (camera, class, start) = key;
        error!(camera, class, %start, %error, "unique tracks are lost");
    }
}

/// A minute that was stored lies within the calendar; at its very ends it is its own hour and day.
fn start(bucket: Bucket, minute: Timestamp, zone: &TimeZone) -> Timestamp {
    bucket.start(minute, zone).unwrap_or(minute)
}
