//! What the ledger says about a node.

use jiff::Timestamp;
use tokio_postgres::{IsolationLevel, Row};
use uuid::Uuid;

use crate::{Database, Error, nodes};

/// Over all streams of a node. It may claim any number, and sums of these must not overflow.
const TOTALS: &str = "
    select now() as as_of, count(*) as streams, max(last_at) as last_at,
           coalesce(sum(stored), 0)::bigint as stored, coalesce(sum(duplicate), 0)::bigint as duplicate,
           coalesce(sum(late), 0)::bigint as late, coalesce(sum(reused), 0)::bigint as reused,
           least(coalesce(sum(refused), 0), 9223372036854775807)::bigint as refused,
           least(coalesce(sum(missing), 0), 9223372036854775807)::bigint as missing
    from ledger where node_id = $1";

/// The newest streams of a node, with their first gaps.
const NEWEST: &str = "
    select newest.*, array(select lower(gap) from unnest(gaps) as gap order by gap limit $3) as gap_from,
           array(select upper(gap) - 1 from unnest(gaps) as gap order by gap limit $3) as gap_to
    from (select * from ledger where node_id = $1 order by last_at desc, stream limit $2) as newest
    order by last_at desc, stream";

/// What became of batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Batches that are in the database.
    pub stored: i64,
    /// Times that a batch came which was stored already.
    pub duplicate: i64,
    /// Stored batches that were more than a minute old when they came in.
    pub late: i64,
    /// Numbers that were refused for good and not stored later; of a node also the refused batches without a number.
    pub refused: i64,
    /// Stored batches whose number another batch had, too: a fault of the node.
    pub reused: i64,
    /// Numbers below the highest known one that are neither stored nor refused.
    pub missing: i64,
}

impl Figures {
    /// Batches that came in, repetitions included.
    pub fn received(&self) -> i64 {
        self.stored.saturating_add(self.duplicate).saturating_add(self.refused)
    }
}

/// Numbers from the first to the last that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first missing number.
    pub from: i64,
    /// The last missing number.
    pub to: i64,
}

/// One stream of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamLedger {
    /// Its id.
    pub stream: Uuid,
    /// The highest number that came in.
    pub highest: i64,
    /// What became of its batches.
    pub figures: Figures,
    /// The first gaps, lowest first.
    pub gaps: Vec<Gap>,
    /// Gaps below this number are in the figures, but no longer known one by one.
    pub settled_below: i64,
    /// When the first batch came in, by our clock.
    pub first_received_at: Timestamp,
    /// When the last one did.
    pub last_received_at: Timestamp,
}

/// Batches of a node that were refused for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// A [name](super::Reason::name).
    pub reason: String,
    /// How many times.
    pub batches: i64,
    /// When last.
    pub last_at: Timestamp,
    /// What the last one was told.
    pub last_detail: String,
}

/// What is known of a node, all at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLedger {
    /// That moment, by PostgreSQL's clock.
    pub as_of: Timestamp,
    /// When the last numbered or refused batch came in.
    pub last_received_at: Option<Timestamp>,
    /// Over all streams that are kept, and refused batches without a number.
    pub totals: Figures,
    /// Streams that are kept.
    pub streams_total: i64,
    /// The streams with the newest batches, newest first.
    pub streams: Vec<StreamLedger>,
    /// By reason.
    pub refusals: Vec<Refused>,
}

/// The ledger of a node with its newest `streams` streams, and the first `gaps` gaps of each.
///
/// # Errors
/// [`Error::NotFound`] when there is no such node.
pub async fn of_node(database: &Database, node: Uuid, streams: i64, gaps: i64) -> Result<NodeLedger, Error> {
    nodes::get(database, node).await?;
    database.in_time(read(database, node, streams, gaps)).await
}

async fn read(database: &Database, node: Uuid, streams: i64, gaps: i64) -> Result<NodeLedger, Error> {
    let mut client = database.client().await?;
    // The figures of one moment, or totals and streams would not add up.
    let snapshot = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    let totals = snapshot.query_one(TOTALS, &[&node]).await?;
    let newest = snapshot.query(NEWEST, &[&node, &streams, &gaps]).await?;
    let refusals = "select * from refusal where node_id = $1 order by reason";
    let refusals = snapshot.query(refusals, &[&node]).await?;
    snapshot.commit().await?;

    let mut ledger = NodeLedger {
        as_of: totals.try_get("as_of")?,
        last_received_at: totals.try_get("last_at")?,
        totals: figures(&totals)?,
        streams_total: totals.try_get("streams")?,
        streams: newest.iter().map(stream).collect::<Result<_, _>>()?,
        refusals: Vec::with_capacity(refusals.len()),
    };
    for row in &refusals {
        let refused = refused(row)?;
        ledger.last_received_at = ledger.last_received_at.max(Some(refused.last_at));
        ledger.totals.refused = ledger.totals.refused.saturating_add(row.try_get("unnumbered")?);
        ledger.refusals.push(refused);
    }
    Ok(ledger)
}

fn figures(row: &Row) -> Result<Figures, Error> {
    Ok(Figures {
        stored: row.try_get("stored")?,
        duplicate: row.try_get("duplicate")?,
        late: row.try_get("late")?,
        refused: row.try_get("refused")?,
        reused: row.try_get("reused")?,
        missing: row.try_get("missing")?,
    })
}

fn stream(row: &Row) -> Result<StreamLedger, Error> {
    let (from, to): (Vec<i64>, Vec<i64>) = (row.try_get("gap_from")?, row.try_get("gap_to")?);
    Ok(StreamLedger {
        stream: row.try_get("stream")?,
        highest: row.try_get("highest")?,
        figures: figures(row)?,
        gaps: from.into_iter().zip(to).map(|(from, to)| Gap { from, to }).collect(),
        settled_below: row.try_get("settled_below")?,
        first_received_at: row.try_get("first_at")?,
        last_received_at: row.try_get("last_at")?,
    })
}

fn refused(row: &Row) -> Result<Refused, Error> {
    Ok(Refused {
        reason: row.try_get("reason")?,
        batches: row.try_get("batches")?,
        last_at: row.try_get("last_at")?,
        last_detail: row.try_get("last_detail")?,
    })
}
