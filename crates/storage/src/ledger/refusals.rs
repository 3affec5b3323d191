//! Entering batches that were refused for good.

use std::collections::BTreeMap;

use citytrack_domain::StreamPosition;
use deadpool_postgres::Transaction;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Key, multirange, settle_full};
use crate::{Database, Error};

/// Characters of a detail that are kept.
const LONGEST_DETAIL: usize = 200;

/// Adds refused numbers to streams of nodes that exist, but those that are stored.
const ADD_NUMBERS: &str = "
    insert into stream (node_id, id, refused, first_at, last_at)
    select node_id, entry.id, numbers::int8multirange, first_at, last_at
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[])
         as entry (node_id, id, numbers, first_at, last_at)
    where exists (select from node where node.id = entry.node_id)
    order by 1, 2
    on conflict (node_id, id) do update set
        refused = stream.refused + excluded.refused - stream.stored
                  - int8multirange(int8range(0, stream.settled_below)),
        first_at = least(stream.first_at, excluded.first_at),
        last_at = greatest(stream.last_at, excluded.last_at)
    returning node_id, id, (select count(*) from unnest(refused)) as ranges";

/// Adds to the counts by reason of nodes that exist.
const ADD_COUNTS: &str = "
    insert into refusal (node_id, reason, batches, unnumbered, first_at, last_at, last_detail)
    select entry.* from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[],
                               $7::text[]) as entry (node_id, reason, batches, unnumbered, first_at, last_at, detail)
    where exists (select from node where node.id = entry.node_id)
    order by 1, 2
    on conflict (node_id, reason) do update set
        batches = refusal.batches + excluded.batches,
        unnumbered = refusal.unnumbered + excluded.unnumbered,
        first_at = least(refusal.first_at, excluded.first_at),
        last_at = greatest(refusal.last_at, excluded.last_at),
        last_detail = case when excluded.last_at >= refusal.last_at then excluded.last_detail
                           else refusal.last_detail end";

/// Why batches are refused for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It breaks rules (422).
    Invalid,
    /// It is not JSON, or cannot be unpacked (400).
    Unreadable,
    /// It is too long (413).
    TooLarge,
    /// It is announced as something else than JSON, or packed in another way (415).
    Unsupported,
    /// It was accepted and then could not be stored; it is among the dead letters.
    DeadLetter,
}

impl Reason {
    /// As it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too_large",
            Self::Unsupported => "unsupported",
            Self::DeadLetter => "dead_letter",
        }
    }
}

/// A batch that was refused for good.
#[derive(Clone, Debug)]
pub struct Refusal {
    node: Uuid,
    position: Option<StreamPosition>,
    reason: Reason,
    detail: String,
    at: Timestamp,
}

impl Refusal {
    /// A batch of a node, received at `at`, with its position if it told one readably. Of the detail, which is for people, up to
    /// 200 characters are kept.
    pub fn new(node: Uuid, position: Option<StreamPosition>, reason: Reason, detail: &str, at: Timestamp) -> Self {
        // PostgreSQL takes every character but this one.
        let detail = detail
            .chars()
            .filter(|char| *char != '\0')
            .take(LONGEST_DETAIL)
            .collect();
        Self {
            node,
            position,
            reason,
            detail,
            at,
        }
    }
}

/// Refusals of one kind.
struct Count<'r> {
    batches: i64,
    unnumbered: i64,
    first_at: Timestamp,
    last: &'r Refusal,
}

/// Numbers that were refused in a stream, and when.
struct Entry {
    numbers: Vec<i64>,
    first_at: Timestamp,
    last_at: Timestamp,
}

/// Enters refusals; those of nodes that do not exist are left out. A number that is stored, before or after, counts as stored.
///
/// # Errors
/// When PostgreSQL is away or refuses; then nothing is entered. After an outage in the middle of it some may be: numbers can be
/// entered again without harm, the counts by reason would then count twice.
pub async fn refuse(database: &Database, refusals: &[Refusal]) -> Result<(), Error> {
    if refusals.is_empty() {
        return Ok(());
    }
    let work = async {
        let mut client = database.client().await?;
        let transaction = client.transaction().await?;
        enter_numbers(&transaction, refusals).await?;
        count(&transaction, refusals).await?;
        Ok(transaction.commit().await?)
    };
    database.in_time(work).await
}

async fn enter_numbers(transaction: &Transaction<'_>, refusals: &[Refusal]) -> Result<(), Error> {
    let mut streams: BTreeMap<Key, Entry> = BTreeMap::new();
    for refusal in refusals {
        let Some(StreamPosition { stream, seq }) = refusal.position else {
            continue;
        };
        let entry = streams.entry((refusal.node, stream)).or_insert_with(|| Entry {
            numbers: Vec::new(),
            first_at: refusal.at,
            last_at: refusal.at,
        });
        entry.numbers.push(seq);
        entry.first_at = entry.first_at.min(refusal.at);
        entry.last_at = entry.last_at.max(refusal.at);
    }
    if streams.is_empty() {
        return Ok(());
    }
    let (keys, mut entries): (Vec<Key>, Vec<Entry>) = streams.into_iter().unzip();
    let (nodes, ids): (Vec<Uuid>, Vec<Uuid>) = keys.into_iter().unzip();
    let refused: Vec<String> = entries.iter_mut().map(|entry| multirange(&mut entry.numbers)).collect();
    let (first, last): (Vec<_>, Vec<_>) = entries.iter().map(|entry| (entry.first_at, entry.last_at)).unzip();
    let rows = transaction
        .query(ADD_NUMBERS, &[&nodes, &ids, &refused, &first, &last])
        .await?;
    settle_full(transaction, &rows).await
}

async fn count(transaction: &Transaction<'_>, refusals: &[Refusal]) -> Result<(), Error> {
    let mut counts: BTreeMap<(Uuid, Reason), Count<'_>> = BTreeMap::new();
    for refusal in refusals {
        let count = counts.entry((refusal.node, refusal.reason)).or_insert(Count {
            batches: 0,
            unnumbered: 0,
            first_at: refusal.at,
            last: refusal,
        });
        count.batches += 1;
        count.unnumbered += i64::from(refusal.position.is_none());
        count.first_at = count.first_at.min(refusal.at);
        if refusal.at >= count.last.at {
            count.last = refusal;
        }
    }
    let (keys, counts): (Vec<_>, Vec<_>) = counts.into_iter().unzip();
    let nodes: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
    let reasons: Vec<&str> = keys.iter().map(|key| key.1.name()).collect();
    let batches: Vec<i64> = counts.iter().map(|count| count.batches).collect();
    let unnumbered: Vec<i64> = counts.iter().map(|count| count.unnumbered).collect();
    let first: Vec<Timestamp> = counts.iter().map(|count| count.first_at).collect();
    let last: Vec<Timestamp> = counts.iter().map(|count| count.last.at).collect();
    let details: Vec<&str> = counts.iter().map(|count| count.last.detail.as_str()).collect();
    transaction
        .execute(
            ADD_COUNTS,
            &[&nodes, &reasons, &batches, &unnumbered, &first, &last, &details],
        )
        .await?;
    Ok(())
}
