//! Entering batches in the transaction that stores them.

use std::{collections::BTreeMap, ptr};

use citytrack_domain::{Batch, StreamPosition};
use deadpool_postgres::Transaction;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Key, multirange, settle_full};
use crate::Error;

/// A batch that is older than this when it comes in was kept back by its node.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// Adds to the streams in the order of the arrays, and tells how many ranges they have then.
const UPSERT: &str = "
    insert into stream (node_id, id, stored, batches, duplicates, late, first_at, last_at)
    select node_id, id, numbers::int8multirange, batches, duplicates, late, first_at, last_at
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                $7::timestamptz[], $8::timestamptz[])
         as entry (node_id, id, numbers, batches, duplicates, late, first_at, last_at)
    on conflict (node_id, id) do update set
        stored = stream.stored + excluded.stored - int8multirange(int8range(0, stream.settled_below)),
        refused = stream.refused - excluded.stored,
        batches = stream.batches + excluded.batches,
        duplicates = stream.duplicates + excluded.duplicates,
        late = stream.late + excluded.late,
        first_at = least(stream.first_at, excluded.first_at),
        last_at = greatest(stream.last_at, excluded.last_at)
    returning node_id, id, (select count(*) from unnest(stored)) as ranges";

/// What one transaction adds to a stream.
struct Entry {
    numbers: Vec<i64>,
    batches: i64,
    duplicates: i64,
    late: i64,
    first_at: Timestamp,
    last_at: Timestamp,
}

/// Enters the batches of a transaction: `new`, in the order of `batches`, are those that it stores, the others were stored
/// before. One statement, in the order of the keys, so that two writers never wait for each other in a circle; none where no
/// batch has a position.
pub(crate) async fn enter(transaction: &Transaction<'_>, batches: &[Batch], new: &[&Batch]) -> Result<(), Error> {
    let entries = entries(batches, new);
    if entries.is_empty() {
        return Ok(());
    }
    let (keys, mut entries): (Vec<Key>, Vec<Entry>) = entries.into_iter().unzip();
    let (nodes, streams): (Vec<Uuid>, Vec<Uuid>) = keys.into_iter().unzip();
    let stored: Vec<String> = entries.iter_mut().map(|entry| multirange(&mut entry.numbers)).collect();
    let column = |of: fn(&Entry) -> i64| entries.iter().map(of).collect::<Vec<_>>();
    let times = |of: fn(&Entry) -> Timestamp| entries.iter().map(of).collect::<Vec<_>>();
    let statement = transaction.prepare_cached(UPSERT).await?;
    let rows = transaction
        .query(
            &statement,
            &[
                &nodes,
                &streams,
                &stored,
                &column(|entry| entry.batches),
                &column(|entry| entry.duplicates),
                &column(|entry| entry.late),
                &times(|entry| entry.first_at),
                &times(|entry| entry.last_at),
            ],
        )
        .await?;
    settle_full(transaction, &rows).await
}

fn entries(batches: &[Batch], new: &[&Batch]) -> BTreeMap<Key, Entry> {
    let mut entries = BTreeMap::new();
    let mut new = new.iter().peekable();
    for batch in batches {
        let is_new = new.next_if(|next| ptr::eq(**next, batch)).is_some();
        let Some(StreamPosition { stream, seq }) = batch.position else {
            continue;
        };
        let entry = entries.entry((batch.source.id, stream)).or_insert_with(|| Entry {
            numbers: Vec::new(),
            batches: 0,
            duplicates: 0,
            late: 0,
            first_at: batch.received_at,
            last_at: batch.received_at,
        });
        // Also of a repetition: what carries this number is in the database, whatever number it had the first time.
        entry.numbers.push(seq);
        entry.batches += i64::from(is_new);
        entry.duplicates += i64::from(!is_new);
        let age = batch.received_at.duration_since(batch.id.time());
        entry.late += i64::from(is_new && age > LATE);
        entry.first_at = entry.first_at.min(batch.received_at);
        entry.last_at = entry.last_at.max(batch.received_at);
    }
    entries
}
