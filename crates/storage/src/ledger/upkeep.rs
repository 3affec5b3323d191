//! Keeping the ledger small.

use std::time::Duration;

use jiff::Timestamp;

use crate::{Database, Error};

/// Streams of a node that are kept; the rest, those without a batch for the longest time, are forgotten.
const MOST_STREAMS: i64 = 1_000;

/// Deletes the streams that had nothing new since $1, and those of a node beyond the newest $2; none that is locked.
const FORGET_STREAMS: &str = "
    with old as (
        select node_id, id from (
            select node_id, id, last_at, row_number() over (partition by node_id order by last_at desc, id) as place
            from stream
        ) as ranked where last_at < $1 or place > $2::bigint
    ), free as (
        select node_id, id from stream join old using (node_id, id) for update of stream skip locked
    )
    delete from stream using free where stream.node_id = free.node_id and stream.id = free.id";

/// Forgets streams and refusals that had nothing new for longer than `keep`, and all but the newest thousand streams of a node.
/// Says how many streams that were. Rows that somebody has in hand are left for the next time.
///
/// # Errors
/// When PostgreSQL is away or refuses.
pub async fn forget(database: &Database, keep: Duration, now: Timestamp) -> Result<u64, Error> {
    let before = now.checked_sub(keep).unwrap_or(Timestamp::UNIX_EPOCH);
    let work = async {
        let client = database.client().await?;
        let forgotten = client.execute(FORGET_STREAMS, &[&before, &MOST_STREAMS]).await?;
        client
            .execute("delete from refusal where last_at < $1", &[&before])
            .await?;
        Ok(forgotten)
    };
    database.in_time(work).await
}
