//! From what was counted to what is reported.

use std::time::Duration;

use anyhow::Result;

use super::Run;
use crate::latency::Latencies;
use crate::load::{Posts, Schedule};
use crate::processes::Snapshot;
use crate::report::{Live, Posted, Report, Setup, Stored};
use crate::watch::{Account, Audit, Seen, Visibility};

/// What came of a run, before it is put into words.
pub(super) struct Outcome {
    pub(super) schedule: Schedule,
    pub(super) posts: Posts,
    pub(super) seen: Vec<Seen>,
    pub(super) visibility: Option<Visibility>,
    pub(super) audit: Option<Audit>,
    pub(super) before: Snapshot,
    pub(super) after: Snapshot,
}

impl Run<'_> {
    pub(super) fn report(&self, outcome: Outcome) -> Result<Report> {
        let Outcome {
            schedule,
            posts,
            seen,
            visibility,
            audit,
            before,
            after,
        } = outcome;
        let detections = u64::from(self.args.batch.detections());
        let accepted = self.ledger.accepted();
        let end = self.ledger.since_start(schedule.end());
        let mut report = Report {
            kind: "ingest",
            section: self.args.section.clone(),
            label: self.args.label.clone(),
            setup: self.setup(),
            posts: self.posted(posts, &schedule, accepted),
            live: (self.args.subscribers > 0).then(|| self.live(&seen, end)).transpose()?,
            stored: audit
                .zip(visibility)
                .map(|(audit, visibility)| self.stored(&audit, &visibility, end)),
            cost: after.cost_since(&before, accepted * detections),
            faults: Vec::new(),
        };
        report.judge();
        Ok(report)
    }

    fn setup(&self) -> Setup {
        Setup {
            dialect: self.args.dialect,
            batch: self.args.batch.to_string(),
            rate: self.args.rate,
            max_behind: self.args.max_behind,
            connections: self.args.connections,
            nodes: self.fleet.nodes.len(),
            subscribers: self.args.subscribers,
            warmup_s: self.args.warmup,
            duration_s: self.args.duration,
        }
    }

    fn posted(&self, posts: Posts, schedule: &Schedule, accepted: u64) -> Posted {
        let per_s = posts.accepted_in_time as f64 / self.args.duration;
        let requests = self.ledger.issued();
        Posted {
            accepted_per_s: per_s,
            detections_per_s: per_s * f64::from(self.args.batch.detections()),
            latency_ms: posts.latency.summary(),
            late_start_ms: self.args.rate.map(|_| posts.lateness.summary()),
            requests,
            accepted,
            statuses: posts.statuses,
            failures: posts.failures,
            timeouts: posts.timeouts,
            unsent: schedule.planned().map_or(0, |planned| planned.saturating_sub(requests)),
            complaint: posts.complaint,
        }
    }

    fn live(&self, seen: &[Seen], end: Duration) -> Result<Live> {
        let account = Account::draw(&self.plan, &self.ledger, seen);
        let mut latency = Latencies::new()?;
        seen.iter().try_for_each(|seen| latency.merge(&seen.latency))?;
        let latency = latency.summary();
        let last = seen.iter().map(|seen| seen.last).max().unwrap_or_default();
        Ok(Live {
            messages_per_s: latency.count as f64 / self.args.duration.max(last.as_secs_f64() - self.args.warmup),
            latency_ms: latency,
            expected: account.expected,
            received: account.received,
            lost: account.lost(),
            doubled: account.doubled,
            unexpected: account.strangers + account.unasked,
            malformed: account.malformed,
            dropped: account.dropped,
            cut_off: account.cut_off,
            behind_s: last.saturating_sub(end).as_secs_f64(),
        })
    }

    fn stored(&self, audit: &Audit, visibility: &Visibility, end: Duration) -> Stored {
        let detections = audit.in_time as f64 * f64::from(self.args.batch.detections());
        Stored {
            detections_per_s: detections / self.args.duration,
            visible_ms: visibility.latency.summary(),
            stamped_ms: audit.stamped.summary(),
            watched: visibility.watched,
            batches: audit.batches,
            frames: audit.frames,
            detections: audit.detections,
            missing: audit.missing,
            wrong: audit.wrong,
            unasked: audit.unasked,
            behind_s: audit.last.saturating_sub(end).as_secs_f64(),
        }
    }
}
