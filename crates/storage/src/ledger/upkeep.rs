//! Keeping the ledger small.

use uuid::Uuid;

use crate::{Database, Error};

/// Streams of a node that are kept: those with the newest batches. However old, they are not forgotten: a node that was off for
/// long goes on with its stream, whose earlier numbers would be missing then.
const MOST_STREAMS: i64 = 1_000;

/// Streams that are deleted at once.
const PORTION: i64 = 1_000;

const CROWDED_NODES: &str = "select node_id from stream group by node_id having count(*) > $1";

/// Deletes up to $3 streams of the node $1 that are not among its newest $2. One that somebody has in hand stays, and so does one
/// that got a newer batch since this began: the time is compared again when the row is locked.
const FORGET_PORTION: &str = "
    with old as (
        select id, last_at from stream where node_id = $1 order by last_at desc, id offset $2::bigint limit $3::bigint
    ), free as (
        select id from stream join old using (id, last_at) where node_id = $1 for update of stream skip locked
    )
    delete from stream using free where stream.node_id = $1 and stream.id = free.id";

/// Forgets all but the newest thousand streams of each node, some at a time, and says how many that were. Those that somebody
/// has in hand are left for the next time. Refusals are not forgotten: a node has one row for each reason.
///
/// # Errors
/// When PostgreSQL is away or refuses; what is forgotten stays so, and the next call does the rest.
pub async fn forget(database: &Database) -> Result<u64, Error> {
    let crowded = async { Ok(database.client().await?.query(CROWDED_NODES, &[&MOST_STREAMS]).await?) };
    let mut forgotten = 0;
    for row in database.in_time(crowded).await? {
        let node: Uuid = row.get("node_id");
        loop {
            let gone = database.in_time(forget_portion(database, node)).await?;
            forgotten += gone;
            if gone < PORTION.unsigned_abs() {
                break;
            }
        }
    }
    Ok(forgotten)
}

async fn forget_portion(database: &Database, node: Uuid) -> Result<u64, Error> {
    let client = database.client().await?;
    Ok(client
        .execute(FORGET_PORTION, &[&node, &MOST_STREAMS, &PORTION])
        .await?)
}
