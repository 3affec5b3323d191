//! How many different tracks there were: sets from the roll-ups, merged.

use std::{collections::BTreeMap, pin::pin};

use citytrack_domain::TrackSet;
use futures_util::TryStreamExt;
use tokio_postgres::types::ToSql;

use super::{CountsQuery, Of, rows, scope, snapshot, tally};
use crate::{Database, Error, rollup::Level};

/// Sets that are read for one answer, at most: 2 kB each. Those that are not folded yet count only where they are the first
/// of a bucket, so that how far the fold has come does not decide what can be asked.
const MOST_SETS: usize = 20_000;

/// Different tracks of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackSeries {
    /// Which group.
    pub of: Of,
    /// How many in each bucket; `None` where no frame came.
    pub tracks: Vec<Option<u64>>,
    /// How many in the whole range: not the sum, since a track that is in two buckets is one.
    pub total: u64,
    /// Whether every one of these numbers is exact, and not estimated.
    pub exact: bool,
}

/// Different tracks, every bucket present and in order, of every group, as [`super::query`] gives counts.
/// `query.min_confidence` has no say here.
///
/// # Errors
/// [`Error::TooMuch`] when more sets are needed than are read at once; otherwise when PostgreSQL cannot be asked.
pub async fn tracks(db: &Database, query: CountsQuery<'_>) -> Result<Vec<TrackSeries>, Error> {
    let query = CountsQuery {
        min_confidence: None,
        ..query
    };
    db.in_time(read(db, &query)).await
}

async fn read(db: &Database, query: &CountsQuery<'_>) -> Result<Vec<TrackSeries>, Error> {
    let mut client = db.client().await?;
    let snapshot = snapshot(&mut client).await?;
    let resolved = scope::resolve(&snapshot, query.selections, query.grouping).await?;
    let classes = rows::classes(&snapshot, query).await?;
    let series = super::read(&snapshot, query, &resolved, &classes).await?;

    let number_of: BTreeMap<&Of, usize> = series
        .iter()
        .enumerate()
        .map(|(number, series)| (&series.of, number))
        .collect();
    let mut sets: Vec<Sets> = series.iter().map(|series| Sets::new(series.counts.len())).collect();
    let wanted: Option<Vec<i32>> = (!query.classes.is_empty()).then(|| classes.keys().copied().collect());
    let statement = statement(rows::level(query, &resolved));
    let parameters: [&(dyn ToSql + Sync); 4] = [&resolved.cameras, &resolved.group_of, &query.edges, &wanted];
    let mut read = 0;
    let mut rows = pin!(snapshot.query_raw(&statement, parameters).await?);
    while let Some(row) = rows.try_next().await? {
        let group: i32 = row.try_get("grp")?;
        let class: i32 = row.try_get("class_id")?;
        let place: i32 = row.try_get("place")?;
        let class = if query.grouping.class {
            classes.get(&class).cloned()
        } else {
            None
        };
        let group = usize::try_from(group).ok().and_then(|group| resolved.groups.get(group));
        let number = group.and_then(|group| number_of.get(&tally::of(group, class)));
        let place = usize::try_from(place - 1).unwrap_or(usize::MAX);
        if let Some(sets) = number.and_then(|number| sets.get_mut(*number)) {
            let folded: bool = row.try_get("folded")?;
            if sets.add(place, row.try_get("tracks")?)? || folded {
                read += 1;
            }
        }
        if read > MOST_SETS {
            return Err(Error::TooMuch(format!(
                "unique tracks of this range, these cameras and classes need more than {MOST_SETS} sets; ask for longer \
                 buckets, a shorter range or fewer cameras"
            )));
        }
    }
    Ok(series
        .iter()
        .zip(sets)
        .map(|(series, sets)| sets.finish(series))
        .collect())
}

/// The sets of one group, by bucket.
struct Sets(Vec<TrackSet>);

impl Sets {
    fn new(buckets: usize) -> Self {
        Self((0..buckets).map(|_| TrackSet::new()).collect())
    }

    /// Merges a set into that of a bucket, and says whether it is the bucket's first.
    fn add(&mut self, place: usize, encoded: &[u8]) -> Result<bool, Error> {
        let Some(set) = self.0.get_mut(place) else {
            return Ok(false);
        };
        let first = set.is_empty();
        set.merge_encoded(encoded)
            .map_err(|error| Error::Corrupt(error.to_string()))?;
        Ok(first)
    }

    fn finish(self, series: &super::Series) -> TrackSeries {
        let mut total = TrackSet::new();
        for set in &self.0 {
            total.merge(set);
        }
        let counts = series.counts.iter().zip(&self.0);
        TrackSeries {
            of: series.of.clone(),
            tracks: counts
                .map(|(count, set)| (count.frames > 0).then(|| set.count()))
                .collect(),
            total: total.count(),
            exact: total.is_exact(),
        }
    }
}

/// Of cameras `$1` with their groups `$2` between the edges `$3`, of classes `$4` if there are any.
fn statement(level: Level) -> String {
    let within = |start: &str| {
        format!(
            "camera_id = any($1) and {start} >= ($3::timestamptz[])[1]
             and {start} < ($3::timestamptz[])[cardinality($3::timestamptz[])]
             and ($4::int[] is null or class_id = any($4))"
        )
    };
    format!(
        "select grp, class_id, width_bucket(start, $3::timestamptz[]) as place, tracks, folded
         from (select camera_id, class_id, start, tracks, true as folded from track_{} where {}
               union all
               select camera_id, class_id, minute, tracks, false from rollup_delta where tracks is not null and {}) as sets
         join unnest($1::int[], $2::int[]) as wanted (camera_id, grp) using (camera_id)",
        level.name(),
        within("start"),
        within("minute")
    )
}
