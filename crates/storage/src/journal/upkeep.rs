//! Keeping the journal small.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{PARTITION, partition_name};
use crate::{Client, Database, Error};

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// So many of the newest entries, and at most one partition more.
    pub entries: u64,
    /// No entry that is older.
    pub age: Duration,
}

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Names of the partitions dropped.
    pub partitions: Vec<String>,
    /// Entries deleted from those that stay.
    pub entries: u64,
}

/// Forgets what is over the bounds. Several processes may do so at once.
///
/// # Errors
/// When PostgreSQL is away or refuses, also because somebody reads for longer than this waits; what was done stays done.
pub async fn keep_small(db: &Database, bounds: &Bounds, now: Timestamp) -> Result<Forgotten, Error> {
    let client = db.dedicated().await?;
    let age = SignedDuration::try_from(bounds.age).unwrap_or(SignedDuration::MAX);
    let oldest = now.checked_sub(age).unwrap_or(Timestamp::UNIX_EPOCH);
    let last: i64 = client
        .query_one("select last_id from journal_state", &[])
        .await?
        .try_get(0)?;
    let first_kept = last.saturating_sub_unsigned(bounds.entries) + 1;
    // Dropping one waits for whoever reads the journal, and whoever comes later waits for that.
    client.batch_execute("set lock_timeout = '2s'").await?;
    let mut forgotten = Forgotten::default();
    for partition in partitions(&client).await? {
        let (name, end) = (partition_name(partition), (partition + 1) * PARTITION);
        // That in which the next entry will be stays.
        if end > last || (end > first_kept && !is_old(&client, &name, oldest).await?) {
            continue;
        }
        client.batch_execute(&format!("drop table if exists {name}")).await?;
        forgotten.partitions.push(name);
    }
    forgotten.entries = client.execute("delete from journal where at < $1", &[&oldest]).await?;
    Ok(forgotten)
}

/// The numbers of the partitions that there are.
async fn partitions(client: &Client) -> Result<Vec<i64>, Error> {
    let question = "select relname::text from pg_inherits join pg_class on pg_class.oid = inhrelid
                    where inhparent = 'journal'::regclass";
    let rows = client.query(question, &[]).await?;
    let numbers = rows.iter().filter_map(|row| {
        let name: String = row.try_get(0).ok()?;
        name.strip_prefix("journal_")?.parse().ok()
    });
    Ok(numbers.collect())
}

/// Whether nothing in a partition is as new as `oldest`.
async fn is_old(client: &Client, partition: &str, oldest: Timestamp) -> Result<bool, Error> {
    let question = format!("select not exists (select from {partition} where at >= $1)");
    Ok(client.query_one(&question, &[&oldest]).await?.try_get(0)?)
}
