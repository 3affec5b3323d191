//! The loss ledger: which numbers of a node's streams are stored, which were refused, and so which are missing.
//!
//! A batch with a [`StreamPosition`](citytrack_domain::StreamPosition) is entered in the transaction that stores it; refusals
//! are entered by whoever refuses. Numbers are kept as multiranges: a stream without gaps is one range, however long it is.

mod entry;
mod refusals;
mod report;
mod upkeep;

pub(crate) use entry::enter;
pub use refusals::{Reason, Refusal, refuse};
pub use report::{Figures, Gap, NodeLedger, Refused, StreamLedger, of_node};
pub use upkeep::forget;

use deadpool_postgres::Transaction;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::Error;

/// A stream whose sets have more ranges than this is cut short, so that a node that skips or jumps cannot make its row large
/// and each change of it slow.
const MOST_RANGES: i64 = 200;
/// So many ranges stay then.
const RANGES_LEFT: i64 = 100;

/// The node and its stream: the key of a row. Rows are always locked in this order.
type Key = (Uuid, Uuid);

/// Numbers as PostgreSQL reads a multirange: `{[0,3),[7,8)}`.
fn multirange(numbers: &mut [i64]) -> String {
    numbers.sort_unstable();
    let ranges = numbers.chunk_by(|one, next| next - one <= 1);
    let ranges = ranges.filter_map(|range| Some(format!("[{},{})", range.first()?, range.last()? + 1)));
    format!("{{{}}}", ranges.collect::<Vec<_>>().join(","))
}

/// Gives up the oldest gaps of those streams just written that have too many; each row is a key and its number of ranges.
async fn settle_full(transaction: &Transaction<'_>, written: &[Row]) -> Result<(), Error> {
    let full = written.iter().filter(|row| row.get::<_, i64>("ranges") > MOST_RANGES);
    let full: Vec<Key> = full.map(|row| (row.get("node_id"), row.get("id"))).collect();
    if full.is_empty() {
        return Ok(());
    }
    let (nodes, ids): (Vec<Uuid>, Vec<Uuid>) = full.into_iter().unzip();
    let settle = "
        with cut as (
            select node_id, id, cut, int8multirange(int8range(settled_below, cut)) as span
            from stream
            join unnest($1::uuid[], $2::uuid[]) as wanted (node_id, id) using (node_id, id)
            cross join lateral (
                select max(start) as cut
                from (values (stored), (refused)) as sets (numbers)
                cross join lateral (
                    select lower(range) as start from unnest(numbers) as range order by 1 desc offset $3::bigint - 1 limit 1
                ) as kept
            ) as highest
            where cut > settled_below
        )
        update stream set
            settled_refused = settled_refused + numbers_in(refused * span),
            settled_missing = settled_missing + numbers_in(span - stored - refused),
            stored = stored - span, refused = refused - span, settled_below = cut
        from cut where stream.node_id = cut.node_id and stream.id = cut.id";
    transaction.execute(settle, &[&nodes, &ids, &RANGES_LEFT]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_are_one_range() {
        assert_eq!(multirange(&mut []), "{}");
        assert_eq!(multirange(&mut [2, 0, 1, 1, 7]), "{[0,3),[7,8)}");
    }

    proptest! {
        /// Reading the text back gives the numbers, in ranges that neither touch nor overlap.
        #[test]
        fn a_multirange_holds_the_numbers_and_no_others(mut numbers in prop::collection::vec(0..40i64, 0..30)) {
            let expected: BTreeSet<i64> = numbers.iter().copied().collect();
            let text = multirange(&mut numbers);
            let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap();
            let bounds: Vec<i64> = inner.split(['[', ',', ')']).filter_map(|bound| bound.parse().ok()).collect();
            prop_assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{text}");
            let read: BTreeSet<i64> = bounds.chunks(2).flat_map(|range| range[0]..range[1]).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
