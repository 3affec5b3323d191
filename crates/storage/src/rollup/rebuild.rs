//! Making the roll-ups of a venue anew, from its minutes: the first time, and when it was moved to another time zone.

use std::collections::BTreeMap;

use citytrack_domain::{Bucket, TrackSet};
use deadpool_postgres::Transaction;
use jiff::{Timestamp, tz::TimeZone};
use tokio_postgres::IsolationLevel;
use tracing::{error, info};

use super::{
    Level,
    fold::{MOST_AT_ONCE, Sums},
    imported, level,
    tables::{self, ClassKey},
};
use crate::{Client, Error};

/// Sets of tracks of minutes that are read at once.
const ROWS_AT_ONCE: i32 = 10_000;
/// Sets of tracks of hours or days that are written at once.
const SETS_AT_ONCE: usize = 5_000;

/// Rebuilds every venue whose roll-ups are not of its time zone, as far as that is possible, and says how many these were.
pub(super) async fn stale(client: &mut Client) -> Result<u64, Error> {
    let question =
        "select venue.slug, venue.time_zone from venue left join venue_rollup on venue_rollup.venue = venue.slug
                    where venue_rollup.time_zone is distinct from venue.time_zone order by venue.slug";
    let mut rebuilt = 0;
    for row in client.query(question, &[]).await? {
        let venue = row.try_get("slug")?;
        match rebuild(client, venue, row.try_get("time_zone")?).await {
            Ok(()) => rebuilt += 1,
            // The minutes answer for it. The roll-ups of the others must not wait until somebody has put it right.
            Err(Error::Corrupt(detail)) => error!(venue, detail, "roll-ups cannot be made anew"),
            Err(error) => return Err(error),
        }
    }
    Ok(rebuilt)
}

/// All of it sees the database at one moment, so that the minutes and the deltas that they include are told apart from those
/// that come in meanwhile.
async fn rebuild(client: &mut Client, venue: &str, zone_name: &str) -> Result<(), Error> {
    let zone = level::zone(zone_name)?;
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()
        .await?;
    let cameras = transaction
        .query(
            "select camera.id from camera join node on node.id = camera.node_id where node.venue = $1",
            &[&venue],
        )
        .await?;
    let cameras: Vec<i32> = cameras.iter().map(|row| row.get(0)).collect();
    take_deltas(&transaction, &cameras).await?;
    for level in Level::ROLLED_UP {
        counts(&transaction, level, &cameras, &zone).await?;
        tracks(&transaction, level, &cameras, &zone).await?;
    }
    imported::add_imported(&transaction, &cameras, None, &zone).await?;
    transaction
        .execute(
            "insert into venue_rollup values ($1, $2) on conflict (venue) do update set time_zone = excluded.time_zone",
            &[&venue, &zone_name],
        )
        .await?;
    transaction.commit().await?;
    if !cameras.is_empty() {
        info!(venue, time_zone = zone_name, "roll-ups were made anew");
    }
    Ok(())
}

/// The minutes hold the counts of the deltas already.
async fn take_deltas(transaction: &Transaction<'_>, cameras: &[i32]) -> Result<(), Error> {
    let take = "delete from rollup_delta where ctid = any(array(
                    select ctid from rollup_delta where camera_id = any($1) limit $2))
                returning *";
    loop {
        let rows = transaction.query(take, &[&cameras, &MOST_AT_ONCE]).await?;
        let mut sums = Sums::default();
        for row in &rows {
            sums.add_to_minutes(row)?;
        }
        sums.add_to_tables(transaction).await?;
        if rows.is_empty() {
            return Ok(());
        }
    }
}

async fn counts(transaction: &Transaction<'_>, level: Level, cameras: &[i32], zone: &TimeZone) -> Result<(), Error> {
    let level_name = level.name();
    for table in ["camera", "class"] {
        let statement = format!("delete from {table}_{level_name} where camera_id = any($1)");
        transaction.execute(&statement, &[&cameras]).await?;
    }
    let Some(edges) = edges(transaction, level.bucket(), cameras, zone).await? else {
        return Ok(());
    };
    for (table, class) in [("camera", ""), ("class", "class_id, ")] {
        let statement = format!(
            "insert into {table}_{level_name} (camera_id, {class}start, frames, detections, peak)
             select camera_id, {class}($2::timestamptz[])[place], frames, detections, peak from (
                 select camera_id, {class}width_bucket(minute, $2::timestamptz[]) as place,
                        sum(frames) as frames, sum(detections) as detections, max(peak) as peak
                 from {table}_minute where camera_id = any($1) group by camera_id, {class}place) as summed"
        );
        transaction.execute(&statement, &[&cameras, &edges]).await?;
    }
    Ok(())
}

/// The edges of all buckets from the first minute of these cameras to the last; `None` if there are no minutes.
async fn edges(
    transaction: &Transaction<'_>,
    bucket: Bucket,
    cameras: &[i32],
    zone: &TimeZone,
) -> Result<Option<Vec<Timestamp>>, Error> {
    let question = "select min(minute), max(minute) + interval '1 minute' from camera_minute where camera_id = any($1)";
    let row = transaction.query_one(question, &[&cameras]).await?;
    let (Some(from), Some(to)) = (row.try_get(0)?, row.try_get(1)?) else {
        return Ok(None);
    };
    bucket
        .edges(from, to, zone, usize::MAX)
        .map(Some)
        .map_err(|error| Error::Corrupt(format!("minutes from {from} to {to}: {error}")))
}

/// From the sets of the minutes, which come in the order of their keys and by a portal, so that only a few are held at a time.
async fn tracks(transaction: &Transaction<'_>, level: Level, cameras: &[i32], zone: &TimeZone) -> Result<(), Error> {
    let statement = format!("delete from track_{} where camera_id = any($1)", level.name());
    transaction.execute(&statement, &[&cameras]).await?;
    let question = "select camera_id, class_id, start, tracks from track_minute where camera_id = any($1)
                    order by camera_id, class_id, start";
    let question = transaction.prepare(question).await?;
    let minutes = transaction.bind(&question, &[&cameras]).await?;
    let mut sets: BTreeMap<ClassKey, TrackSet> = BTreeMap::new();
    loop {
        let rows = transaction.query_portal(&minutes, ROWS_AT_ONCE).await?;
        if rows.is_empty() {
            return tables::merge_tracks(transaction, level, sets).await;
        }
        for row in rows {
            let minute: Timestamp = row.try_get("start")?;
            let start = level.start(minute, zone).unwrap_or(minute);
            let key = (row.try_get("camera_id")?, row.try_get("class_id")?, start);
            sets.entry(key)
                .or_default()
                .merge_encoded(row.try_get("tracks")?)
                .map_err(|error| Error::Corrupt(format!("track_minute: {error}")))?;
        }
        if sets.len() >= SETS_AT_ONCE {
            tables::merge_tracks(transaction, level, std::mem::take(&mut sets)).await?;
        }
    }
}
