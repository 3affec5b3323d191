//! Daily partitions: made before they are needed, dropped when their time is over.
//!
//! `frame` is partitioned by `captured_at` (natively, or by `TimescaleDB`, which makes its chunks itself), `batch` by its id,
//! a `UUIDv7`, whose first 48 bits are the milliseconds since 1970 (RFC 9562, 5.7).

use std::time::Duration;

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use uuid::Uuid;

use crate::{Error, database::Client, database::Database};

/// Any numbers that nothing else in this database uses for an advisory lock.
const CREATE_LOCK: i64 = 0x6369_7479_0002;
const MAINTENANCE_LOCK: i64 = 0x6369_7479_0003;

/// How long rows are kept, and how far ahead partitions are made.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Frames are dropped, a whole day at a time, when every one of them is older.
    pub frames: Duration,
    /// Batch ids likewise. Must be longer than ids are accepted, or a late repetition would be stored again.
    pub batches: Duration,
    /// Entries of the audit log likewise, but one by one.
    pub audit: Duration,
    /// Days ahead of now that partitions are made for.
    pub days_ahead: u8,
}

/// What one round of maintenance did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// Partitions made.
    pub created: usize,
    /// Names of the partitions (or chunks) dropped.
    pub dropped: Vec<String>,
}

/// The tables that are partitioned by day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Partitioned {
    Frame,
    Batch,
}

impl Partitioned {
    fn table(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Batch => "batch",
        }
    }

    /// The bounds of a day's partition as SQL literals.
    fn bounds(self, day: Date) -> Result<(String, String), Error> {
        let literal = |day: Date| -> Result<String, Error> {
            let midnight = midnight(day)?;
            Ok(match self {
                Self::Frame => format!("'{midnight}'"),
                Self::Batch => format!("'{}'", first_id(midnight)),
            })
        };
        let next = day
            .tomorrow()
            .map_err(|_| Error::Corrupt(format!("no day after {day}")))?;
        Ok((literal(day)?, literal(next)?))
    }
}

/// The UTC day of a time.
pub(crate) fn day(time: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}

fn midnight(day: Date) -> Result<Timestamp, Error> {
    let zoned = day
        .to_zoned(TimeZone::UTC)
        .map_err(|_| Error::Corrupt(format!("{day} is out of range")))?;
    Ok(zoned.timestamp())
}

/// The lowest `UUIDv7` of a time.
fn first_id(time: Timestamp) -> Uuid {
    Uuid::from_u128(u128::try_from(time.as_millisecond()).unwrap_or_default() << 80)
}

/// Makes the partitions that are missing and says how many. Writers and readers are not held up: a new partition is made
/// as a table of its own and then attached.
pub(crate) async fn ensure(client: &mut Client, wanted: &[(Partitioned, Date)]) -> Result<usize, Error> {
    let transaction = client.transaction().await?;
    transaction
        .execute("select pg_advisory_xact_lock($1)", &[&CREATE_LOCK])
        .await?;
    let mut created = 0;
    for &(table, day) in wanted {
        let (parent, (from, to)) = (table.table(), table.bounds(day)?);
        let partition = format!("{parent}_{}", day.strftime("%Y%m%d"));
        let question = "select relkind = 'p' as native,
                               exists (select from pg_inherits where inhrelid = to_regclass($2)) as attached
                        from pg_class where oid = $1::text::regclass";
        let row = transaction.query_one(question, &[&parent, &partition]).await?;
        if row.get("attached") || !row.get::<_, bool>("native") {
            continue;
        }
        let statements = format!(
            "create table if not exists {partition} (like {parent} including defaults including constraints);
             alter table {parent} attach partition {partition} for values from ({from}) to ({to});"
        );
        transaction.batch_execute(&statements).await?;
        created += 1;
    }
    transaction.commit().await?;
    Ok(created)
}

/// Makes partitions ahead and drops those whose time is over. `None` when another process is at it right now.
///
/// # Errors
/// When PostgreSQL is away or refuses; what was done stays done, and the next round does the rest.
pub async fn maintain(
    database: &Database,
    retention: &Retention,
    now: Timestamp,
) -> Result<Option<Maintenance>, Error> {
    let mut client = database.dedicated().await?;
    if !client
        .query_one("select pg_try_advisory_lock($1)", &[&MAINTENANCE_LOCK])
        .await?
        .get::<_, bool>(0)
    {
        return Ok(None);
    }
    let today = day(now);
    let days: Vec<Date> = (-1..=i64::from(retention.days_ahead))
        .filter_map(|offset| today.checked_add(offset.days()).ok())
        .collect();
    let wanted: Vec<_> = days
        .iter()
        .flat_map(|day| [(Partitioned::Frame, *day), (Partitioned::Batch, *day)])
        .collect();
    let created = ensure(&mut client, &wanted).await?;
    let mut dropped = Vec::new();
    for (table, keep) in [
        (Partitioned::Frame, retention.frames),
        (Partitioned::Batch, retention.batches),
    ] {
        let Ok(oldest) = now.checked_sub(jiff::SignedDuration::try_from(keep).unwrap_or(jiff::SignedDuration::MAX))
        else {
            continue;
        };
        dropped.extend(drop_before(&client, table, day(oldest)).await?);
    }
    // The connection is closed here, and the lock with it.
    Ok(Some(Maintenance { created, dropped }))
}

async fn drop_before(client: &Client, table: Partitioned, oldest: Date) -> Result<Vec<String>, Error> {
    let parent = table.table();
    let native = client
        .query_one(
            "select relkind = 'p' from pg_class where oid = $1::text::regclass",
            &[&parent],
        )
        .await?;
    if !native.get::<_, bool>(0) {
        let sql = format!("select drop_chunks('{parent}', older_than => $1::timestamptz)");
        let chunks = client.query(&sql, &[&midnight(oldest)?]).await?;
        return Ok(chunks.iter().map(|row| row.get(0)).collect());
    }
    let question = "select relname::text, inhdetachpending
                    from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = $1::text::regclass";
    let mut dropped = drop_orphans(client, table, oldest).await?;
    for row in client.query(question, &[&parent]).await? {
        let (partition, half_detached): (String, bool) = (row.get(0), row.get(1));
        if day_of(&partition).is_none_or(|day| day >= oldest) {
            continue;
        }
        // Detached concurrently, so that nobody who writes or reads other days waits; an earlier try may have been cut off.
        let how = if half_detached { "finalize" } else { "concurrently" };
        client
            .batch_execute(&format!("alter table {parent} detach partition {partition} {how}"))
            .await?;
        client.batch_execute(&format!("drop table {partition}")).await?;
        dropped.push(partition);
    }
    Ok(dropped)
}

/// Drops partitions that were detached by a process that ended before it dropped them.
async fn drop_orphans(client: &Client, table: Partitioned, oldest: Date) -> Result<Vec<String>, Error> {
    let question = "select relname::text from pg_class
                    where relkind = 'r' and not relispartition and relnamespace = current_schema()::regnamespace
                      and relname ~ ('^' || $1 || '_[0-9]{8}$')";
    let mut dropped = Vec::new();
    for row in client.query(question, &[&table.table()]).await? {
        let orphan: String = row.get(0);
        if day_of(&orphan).is_some_and(|day| day < oldest) {
            client.batch_execute(&format!("drop table {orphan}")).await?;
            dropped.push(orphan);
        }
    }
    Ok(dropped)
}

/// The day in the name of a partition.
fn day_of(partition: &str) -> Option<Date> {
    Date::strptime("%Y%m%d", partition.rsplit('_').next()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_a_day() {
        let day = Date::constant(2026, 11, 22);
        let (from, to) = Partitioned::Frame.bounds(day).unwrap();
        assert_eq!(
            (from.as_str(), to.as_str()),
            ("'2026-11-22T00:00:00Z'", "'2026-11-23T00:00:00Z'")
        );
        let (from, to) = Partitioned::Batch.bounds(day).unwrap();
        assert!(from < to);
        let id = citytrack_domain::BatchId::generate("2026-11-22T23:59:59.999Z".parse().unwrap());
        let id = format!("'{id}'");
        assert!(from < id && id < to, "{from} {id} {to}");
    }
}
