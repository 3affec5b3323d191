//! The sums that PostgreSQL makes.

use std::{collections::BTreeMap, pin::pin};

use citytrack_domain::Class;
use deadpool_postgres::Transaction;
use futures_util::TryStreamExt;
use jiff::{Timestamp, tz::TimeZone};
use tokio_postgres::{Row, types::ToSql};

use super::{
    Count, CountsQuery,
    scope::Resolved,
    tally::{Sum, Tally},
};
use crate::{
    Error, column,
    rollup::{Level, MIDDLE},
};

/// The classes that are asked for and exist, by their numbers; all of them where each is counted apart.
pub(super) async fn classes(
    snapshot: &Transaction<'_>,
    query: &CountsQuery<'_>,
) -> Result<BTreeMap<i32, Class>, Error> {
    if query.classes.is_empty() && !query.grouping.class {
        return Ok(BTreeMap::new());
    }
    let names: Vec<_> = query.classes.iter().map(Class::as_str).collect();
    let statement = snapshot
        .prepare_cached("select id, name from class where cardinality($1::text[]) = 0 or name = any($1)")
        .await?;
    let rows = snapshot.query(&statement, &[&names]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("id")?, column::parsed(row, "name")?)))
        .collect()
}

/// Reads the sums, one after the other, and adds them to `tally`.
pub(super) async fn sums(
    snapshot: &Transaction<'_>,
    query: &CountsQuery<'_>,
    resolved: &Resolved,
    classes: &BTreeMap<i32, Class>,
    tally: &mut Tally<'_>,
) -> Result<(), Error> {
    let by_class = !query.classes.is_empty() || query.grouping.class;
    let wanted: Vec<i32> = classes.keys().copied().collect();
    let longest = longest(query.edges);
    let (statement, last): (_, &(dyn ToSql + Sync)) = match &query.min_confidence {
        None => (of_buckets(level(query, resolved), by_class), &longest),
        Some(confidence) => (of_frames(by_class), confidence),
    };
    let parameters: [&(dyn ToSql + Sync); 5] = [&resolved.cameras, &resolved.group_of, &query.edges, &wanted, last];
    let mut rows = pin!(snapshot.query_raw(&statement, parameters).await?);
    while let Some(row) = rows.try_next().await? {
        tally.add(&sum(&row)?)?;
    }
    Ok(())
}

fn sum(row: &Row) -> Result<Sum, Error> {
    let (group, place): (i32, i32) = (row.try_get("grp")?, row.try_get("place")?);
    Ok(Sum {
        group: usize::try_from(group).unwrap_or(usize::MAX),
        class: row.try_get("class_id")?,
        // width_bucket counts from 1.
        place: usize::try_from(place - 1).unwrap_or(usize::MAX),
        count: Count {
            frames: row.try_get("frames")?,
            detections: row.try_get("detections")?,
            peak: row.try_get("peak")?,
            imported: row.try_get("imported")?,
        },
    })
}

/// The coarsest level that can answer for all venues.
pub(super) fn level(query: &CountsQuery<'_>, resolved: &Resolved) -> Level {
    let levels = resolved
        .zones
        .iter()
        .map(|zone| Level::of(query.edges, zone.as_ref().map(|zone: &TimeZone| zone)));
    levels.min().unwrap_or(Level::Minute)
}

/// The length of the longest bucket, in minutes.
fn longest(edges: &[Timestamp]) -> i32 {
    let lengths = edges.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_mins());
    i32::try_from(lengths.max().unwrap_or_default()).unwrap_or(i32::MAX)
}

/// Of cameras `$1` with their groups `$2` between the edges `$3`; of classes `$4`, too, if `by_class`. What is not in the
/// roll-ups yet is added, and imported counts that are of no longer time than a bucket: of `$5` minutes at most.
fn of_buckets(level: Level, by_class: bool) -> String {
    let within = |start: &str| {
        format!(
            "camera_id = any($1) and {start} >= ($3::timestamptz[])[1]
             and {start} < ($3::timestamptz[])[cardinality($3::timestamptz[])]"
        )
    };
    let start = level.start_column();
    // Days of imported counts are rolled up, the rest are read as they are.
    let imported = if level == Level::Day {
        "imported"
    } else {
        "null::bigint"
    };
    let table = |name: &str, class: &str, condition: &str| {
        format!(
            "select camera_id, {class} as class_id, {start} as start, frames, detections, peak, {imported} as imported
             from {name}_{} where {} {condition}",
            level.name(),
            within(start)
        )
    };
    let delta = |condition: &str| {
        format!(
            "select camera_id, class_id, minute, frames, detections, peak, null
             from rollup_delta where {} and {condition}",
            within("minute")
        )
    };
    let elsewhere = |class: &str, condition: &str| {
        format!(
            "select camera_id, {class}, {MIDDLE}, 0, 0, 0, detections from imported_count
             where {} and start > ($3::timestamptz[])[1] - interval '25 hours'
               and start < ($3::timestamptz[])[cardinality($3::timestamptz[])] and minutes <= $5 {condition}",
            within(MIDDLE)
        )
    };
    let mut parts = vec![table("camera", "null::int", "")];
    if level != Level::Day && !by_class {
        parts.push(elsewhere("null", ""));
    }
    if level != Level::Minute {
        parts.push(delta("class_id is null"));
    }
    if by_class {
        parts.push(table("class", "class_id", "and class_id = any($4)"));
        if level != Level::Day {
            parts.push(elsewhere("class_id", "and class_id = any($4)"));
        }
        if level != Level::Minute {
            parts.push(delta("class_id = any($4)"));
        }
    }
    let classes = if by_class { "" } else { "and $4::int[] is not null" };
    format!(
        "select grp, class_id, width_bucket(start, $3::timestamptz[]) as place,
                sum(frames)::bigint as frames, sum(detections)::bigint as detections, max(peak) as peak,
                sum(imported)::bigint as imported
         from ({}) as counted
         join unnest($1::int[], $2::int[]) as wanted (camera_id, grp) using (camera_id)
         where $5::int is not null {classes}
         group by grp, class_id, place",
        parts.join(" union all ")
    )
}

/// As [`of_buckets`], from the frames, of detections with a confidence of at least `$5`.
fn of_frames(by_class: bool) -> String {
    let frames = "frame join unnest($1::int[], $2::int[]) as wanted (camera_id, grp) using (camera_id)";
    let within = "camera_id = any($1) and captured_at >= ($3::timestamptz[])[1]
                  and captured_at < ($3::timestamptz[])[cardinality($3::timestamptz[])]";
    let counted = |class: &str, n: &str, seen: &str| {
        format!(
            "select grp, {class} as class_id, width_bucket(captured_at, $3::timestamptz[]) as place,
                    count(*) as frames, coalesce(sum({n}), 0)::bigint as detections, coalesce(max({n}), 0)::int as peak,
                    null::bigint as imported
             from {frames} {seen} where {within} group by 1, 2, 3"
        )
    };
    if !by_class {
        // One array is unnested in half the time of two.
        let all = "cross join lateral (select count(*) as n from unnest(confidences) as confidence
                   where confidence >= $5 and $4::int[] is not null) as seen";
        return counted("null::int", "n", all);
    }
    let each = "cross join lateral (
                    select class_id, count(*) as n from unnest(classes, confidences) as detection (class_id, confidence)
                    where confidence >= $5 and class_id = any($4) group by class_id) as seen";
    format!(
        "{} union all {}",
        counted("null::int", "0", ""),
        counted("seen.class_id", "n", each)
    )
}
