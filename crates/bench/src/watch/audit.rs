//! After the run: is every accepted batch in the database, whole, and once?

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;

use super::database::Database;
use crate::batch_id::BatchIds;
use crate::latency::Latencies;
use crate::ledger::{Fate, Ledger};
use crate::plan::Plan;

/// Milliseconds.
const LONGEST_BETWEEN_FRAMES: i64 = 1000;

/// What the database holds of the run.
pub(crate) struct Audit {
    /// Accepted batches that are stored.
    pub(crate) batches: u64,
    pub(crate) frames: u64,
    pub(crate) detections: u64,
    /// Accepted batches that are not.
    pub(crate) missing: u64,
    /// Batches with too few or too many frames or detections, or frames without their batch.
    pub(crate) wrong: u64,
    /// Stored though not accepted: allowed after a timeout or a 503, and worth knowing.
    pub(crate) unasked: u64,
    /// Batches stored in the measured time, by `stored_at`.
    pub(crate) in_time: u64,
    /// When the last was stored, since the ledger's start.
    pub(crate) last: Duration,
    /// From sending to `stored_at`, of every measured batch.
    pub(crate) stamped: Latencies,
}

/// How many of the run's batches are stored by now; also counts what others may have sent meanwhile.
pub(crate) async fn count(database: &Database, ledger: &Ledger) -> Result<u64> {
    let (from, to) = id_range(ledger);
    let row = database
        .client
        .query_one("SELECT count(*) FROM batch WHERE id >= $1 AND id < $2", &[&from, &to])
        .await?;
    Ok(u64::try_from(row.get::<_, i64>(0))?)
}

/// Reads all that the run stored. `measured` is the measured time since the ledger's start.
pub(crate) async fn audit(
    database: &Database,
    plan: &Plan,
    ledger: &Ledger,
    measured: std::ops::Range<Duration>,
) -> Result<Audit> {
    let mut audit = Audit {
        batches: 0,
        frames: 0,
        detections: 0,
        missing: 0,
        wrong: 0,
        unasked: 0,
        in_time: 0,
        last: Duration::ZERO,
        stamped: Latencies::new()?,
    };
    let stored = audit.read_batches(database, plan, ledger, &measured).await?;
    for request in 0..ledger.issued() {
        let accepted = ledger.entry(request).is_some_and(|entry| entry.fate == Fate::Accepted);
        match (accepted, stored.contains(&request)) {
            (true, true) => audit.batches += 1,
            (true, false) => audit.missing += 1,
            (false, true) => audit.unasked += 1,
            (false, false) => {}
        }
    }
    audit.read_frames(database, plan, ledger, &stored).await?;
    Ok(audit)
}

type Rows<'a> = &'a [&'a (dyn tokio_postgres::types::ToSql + Sync)];

impl Audit {
    /// The rows of `batch`: request numbers, each with whether it says the right counts.
    async fn read_batches(
        &mut self,
        database: &Database,
        plan: &Plan,
        ledger: &Ledger,
        measured: &std::ops::Range<Duration>,
    ) -> Result<BTreeSet<u32>> {
        let (from, to) = id_range(ledger);
        let asked: Rows<'_> = &[&from, &to];
        let query = "SELECT id, stored_at, frames::int8, detections::int8 FROM batch WHERE id >= $1 AND id < $2";
        let rows = database
            .client
            .query_raw(query, asked.iter().copied())
            .await
            .context("table batch")?;
        let mut rows = pin!(rows);
        let mut stored = BTreeSet::new();
        let start = ledger.millis_at(Duration::ZERO);
        while let Some(row) = rows.try_next().await? {
            let Some((request, entry)) = plan.ids.number(row.get(0)).and_then(|n| Some((n, ledger.entry(n)?))) else {
                continue;
            };
            let at: jiff::Timestamp = row.get(1);
            let at = Duration::from_micros(u64::try_from(at.as_microsecond() - start * 1000).unwrap_or(0));
            self.in_time += u64::from(measured.contains(&at));
            self.last = self.last.max(at);
            if entry.measured {
                self.stamped.record(at.saturating_sub(entry.sent));
            }
            let counts: (i64, i64) = (row.get(2), row.get(3));
            let right = (i64::from(plan.layout.frames), i64::from(plan.layout.detections()));
            self.wrong += u64::from(counts != right);
            self.wrong += u64::from(!stored.insert(request));
        }
        Ok(stored)
    }

    /// The rows of `frame`, counted by batch in the database.
    async fn read_frames(
        &mut self,
        database: &Database,
        plan: &Plan,
        ledger: &Ledger,
        stored: &BTreeSet<u32>,
    ) -> Result<()> {
        let per_batch = i64::from(plan.layout.frames);
        let first = i64::try_from(plan.first_frame)?;
        let last = i64::try_from(plan.frame(ledger.issued()))?;
        // The first frames of a batch were captured before it was sent, each at most a second before the next.
        let first_sent = plan.captured(0, ledger.millis_at(Duration::ZERO));
        let earliest = first_sent - per_batch * LONGEST_BETWEEN_FRAMES - 1000;
        let since = jiff::Timestamp::from_millisecond(earliest)?;
        let asked: Rows<'_> = &[&first, &last, &per_batch, &since];
        let query = "SELECT (number::int8 - $1) / $3 AS request, count(*), count(DISTINCT number), \
                     sum(cardinality(classes))::int8 \
                     FROM frame WHERE captured_at >= $4 AND number::int8 >= $1 AND number::int8 < $2 GROUP BY 1";
        let rows = database
            .client
            .query_raw(query, asked.iter().copied())
            .await
            .context("table frame")?;
        let mut rows = pin!(rows);
        let mut whole = 0;
        while let Some(row) = rows.try_next().await? {
            let request: i64 = row.get(0);
            let (frames, different, detections): (i64, i64, i64) = (row.get(1), row.get(2), row.get(3));
            self.frames += u64::try_from(frames)?;
            self.detections += u64::try_from(detections)?;
            let right = frames == per_batch
                && different == per_batch
                && detections == i64::from(plan.layout.detections())
                && u32::try_from(request).is_ok_and(|request| stored.contains(&request));
            if right {
                whole += 1;
            } else {
                self.wrong += 1;
            }
        }
        // A batch whose frames are all missing shows up in no group.
        let groups = u64::try_from(stored.len())?;
        self.wrong += if self.wrong == 0 {
            groups.saturating_sub(whole)
        } else {
            0
        };
        Ok(())
    }
}

/// The ids that the run's batches have: made between its start and now by the ledger's own clock. Those of the run before, which may
/// have ended a moment ago, are not among them.
fn id_range(ledger: &Ledger) -> (uuid::Uuid, uuid::Uuid) {
    let start = ledger.millis_at(Duration::ZERO);
    let now = ledger.millis_at(ledger.since_start(std::time::Instant::now()));
    (BatchIds::floor(start), BatchIds::floor(now + 1000))
}
