//! Where the detections are and how many, by the minute tables: frames are then read range by range, so that PostgreSQL
//! never has to sort more than a few minutes, and skips the time in which there is nothing.

use jiff::{Span, Timestamp};
use tokio_postgres::types::ToSql;

use crate::{Client, Error, rows::minute};

/// Detections in a range, about: few enough to be sorted in memory.
const RANGE: i64 = 20_000;

/// From the first to before the second.
pub(super) type Range = (Timestamp, Timestamp);

/// What is asked for, in PostgreSQL's own numbers.
pub(super) struct Filter {
    pub(super) cameras: Vec<i32>,
    /// `None`: all of them.
    pub(super) classes: Option<Vec<i32>>,
}

/// What there is to read.
pub(super) struct Plan {
    /// In order, without overlaps.
    pub(super) ranges: Vec<Range>,
    /// In all of them.
    pub(super) detections: u64,
}

pub(super) async fn plan(client: &Client, filter: &Filter, (from, to): Range) -> Result<Plan, Error> {
    // Buckets are kept for longer than frames. Before the oldest frame there is nothing to read, whatever was counted.
    let oldest: Option<Timestamp> = client.query_one(OLDEST, &[&filter.cameras]).await?.try_get("oldest")?;
    let Some(oldest) = oldest else {
        return Ok(Plan {
            ranges: Vec::new(),
            detections: 0,
        });
    };
    let from = from.max(minute(oldest));
    let whole = (next_minute(from), minute(to));
    let start = minute(from);
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&filter.cameras, &start, &to, &RANGE, &whole.0, &whole.1];
    let (table, only) = match &filter.classes {
        None => ("camera_minute", ""),
        Some(classes) => {
            parameters.push(classes);
            ("class_minute", "and class_id = any($7)")
        }
    };
    let mut detections: i64 = 0;
    let mut ranges = Vec::new();
    for row in client.query(&ranges_of(table, only), &parameters).await? {
        let (first, last): (Timestamp, Timestamp) = (row.try_get("first")?, row.try_get("last")?);
        ranges.push((first.max(from), after(last).min(to)));
        detections += row.try_get::<_, i64>("detections")?;
    }
    for cut in cuts((from, to), whole) {
        let row = client
            .query_one(COUNT, &[&filter.cameras, &cut.0, &cut.1, &filter.classes])
            .await?;
        detections += row.try_get::<_, i64>("detections")?;
    }
    Ok(Plan {
        ranges,
        detections: u64::try_from(detections).unwrap_or(0),
    })
}

/// The parts of minutes at the ends of a range, of which the minute tables do not tell; `whole` is what lies between.
fn cuts((from, to): Range, whole: Range) -> Vec<Range> {
    let cuts = if whole.0 > whole.1 {
        vec![(from, to)]
    } else {
        vec![(from, whole.0), (whole.1, to)]
    };
    cuts.into_iter().filter(|(from, to)| from < to).collect()
}

/// The start of the first whole minute at `time` or later.
fn next_minute(time: Timestamp) -> Timestamp {
    let start = minute(time);
    if start == time { time } else { after(start) }
}

fn after(minute: Timestamp) -> Timestamp {
    minute.checked_add(Span::new().minutes(1)).unwrap_or(Timestamp::MAX)
}

const OLDEST: &str = "
    select min(first.captured_at) as oldest
    from unnest($1::int[]) as wanted (id)
    cross join lateral (select captured_at from frame where camera_id = wanted.id order by captured_at limit 1) as first";

/// Minutes one after the other until there are enough detections for a range; of these, how many are in whole minutes.
fn ranges_of(table: &str, only: &str) -> String {
    format!(
        "with seen as (
             select minute, sum(detections)::bigint as detections
             from {table}
             where camera_id = any($1) and minute >= $2 and minute < $3 and detections > 0 {only}
             group by minute
         ), divided as (
             select minute, detections,
                    (sum(detections) over (order by minute) - detections)::bigint / $4::bigint as place
             from seen
         )
         select min(minute) as first, max(minute) as last,
                coalesce(sum(detections) filter (where minute >= $5 and minute < $6), 0)::bigint as detections
         from divided group by place order by place"
    )
}

const COUNT: &str = "
    select count(*) as detections
    from frame cross join lateral unnest(classes) as class (id)
    where camera_id = any($1) and captured_at >= $2 and captured_at < $3
      and ($4::int[] is null or class.id = any($4))";

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-22T10:{text}Z").parse().unwrap()
    }

    #[test]
    fn only_cut_minutes_are_counted_one_by_one() {
        let cuts_of = |from, to| cuts((at(from), at(to)), (next_minute(at(from)), minute(at(to))));
        assert_eq!(cuts_of("00:00", "05:00"), []);
        assert_eq!(cuts_of("00:10", "05:00"), [(at("00:10"), at("01:00"))]);
        assert_eq!(cuts_of("00:00", "05:10"), [(at("05:00"), at("05:10"))]);
        let both = [(at("00:10"), at("01:00")), (at("01:00"), at("01:10"))];
        assert_eq!(cuts_of("00:10", "01:10"), both);
        assert_eq!(
            cuts_of("00:10", "00:20"),
            [(at("00:10"), at("00:20"))],
            "within one minute"
        );
    }
}
