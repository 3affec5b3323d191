//! Imported counts by day. Shorter buckets are read from `imported_count` itself.

use citytrack_domain::Bucket;
use deadpool_postgres::GenericClient;
use jiff::{Timestamp, tz::TimeZone};

use crate::Error;

/// The middle of the time that an imported count is of. It says which bucket the count belongs to: also when the venue's
/// time zone, and so the edges of its days, has changed since, all counts stay and most of each is where it belongs.
pub(crate) const MIDDLE: &str = "(start + minutes * interval '30 seconds')";

/// Adds what was imported for these cameras, or only what one import brought, to the days. The caller holds the
/// [lock](super::lock).
pub(crate) async fn add_imported(
    client: &impl GenericClient,
    cameras: &[i32],
    import: Option<i64>,
    zone: &TimeZone,
) -> Result<(), Error> {
    let chosen = "camera_id = any($1) and ($2::bigint is null or import_id = $2)";
    let question = format!("select min({MIDDLE}), max({MIDDLE}) from imported_count where {chosen}");
    let row = client.query_one(&question, &[&cameras, &import]).await?;
    let (Some(first), Some(last)) = (row.try_get::<_, Option<Timestamp>>(0)?, row.try_get::<_, Option<_>>(1)?) else {
        return Ok(());
    };
    let after = |last: Timestamp| last.checked_add(jiff::SignedDuration::from_secs(1)).unwrap_or(last);
    let edges = Bucket::Day
        .edges(first, after(last), zone, usize::MAX)
        .map_err(|error| Error::Corrupt(format!("imported counts from {first} to {last}: {error}")))?;
    for (table, class) in [("camera", ""), ("class", "class_id, ")] {
        let statement = format!(
            "insert into {table}_day as known (camera_id, {class}start, frames, detections, peak, imported)
             select camera_id, {class}($3::timestamptz[])[place], 0, 0, 0, imported from (
                 select camera_id, {class}width_bucket({MIDDLE}, $3::timestamptz[]) as place, sum(detections) as imported
                 from imported_count where {chosen} group by camera_id, {class}place) as summed
             order by camera_id, {class}place
             on conflict (camera_id, {class}start) do update set
                 imported = coalesce(known.imported, 0) + excluded.imported"
        );
        client.execute(&statement, &[&cameras, &import, &edges]).await?;
    }
    Ok(())
}
