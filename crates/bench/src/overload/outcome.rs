//! What an overload showed, as one JSON line and as Markdown.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{Args, Sent, gauges::Peaks, recovery::Recovery};
use crate::latency::Summary;
use crate::watch::Audit;

/// Everything.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    kind: &'static str,
    batch: String,
    connections: u32,
    overload: Load,
    recovery: Recovery,
    /// What the system can well take, sent when it had recovered.
    afterwards: Load,
    peaks: Peaks,
    /// What must not be. Empty when backpressure works.
    faults: Vec<String>,
}

/// A load, and what became of it.
#[derive(Debug, Serialize)]
pub(super) struct Load {
    rate: f64,
    seconds: f64,
    requests: u32,
    /// Due, but not started, because all connections were waiting for answers.
    unsent: u32,
    statuses: BTreeMap<u16, u64>,
    reasons: BTreeMap<String, u64>,
    without_retry_after: u64,
    accepted: u64,
    accepted_per_s: f64,
    /// From sending to the answer.
    accepted_ms: Summary,
    refused_ms: Summary,
    late_start_ms: Summary,
    failures: u64,
    timeouts: u64,
    complaint: Option<String>,
    stored: u64,
    missing: u64,
    wrong: u64,
    /// Stored though not accepted: answered 503 after a time-out, for example. Their nodes send them again, and they are recognised.
    unasked: u64,
}

impl Load {
    pub(super) fn new(sent: &Sent, stored: &Audit) -> Self {
        let (answers, seconds) = (&sent.answers, sent.schedule.duration.as_secs_f64());
        let accepted = sent.ledger.accepted();
        Self {
            rate: sent.schedule.rate.unwrap_or_default(),
            seconds,
            requests: sent.ledger.issued(),
            unsent: sent.unsent(),
            statuses: answers.statuses.clone(),
            reasons: answers.reasons.clone(),
            without_retry_after: answers.without_retry_after,
            accepted,
            accepted_per_s: accepted as f64 / seconds,
            accepted_ms: answers.accepted.summary(),
            refused_ms: answers.refused.summary(),
            late_start_ms: answers.late.summary(),
            failures: answers.failures,
            timeouts: answers.timeouts,
            complaint: answers.complaint.clone(),
            stored: stored.batches,
            missing: stored.missing,
            wrong: stored.wrong,
            unasked: stored.unasked,
        }
    }

    fn faults(&self, when: &str) -> Vec<String> {
        let others = self
            .statuses
            .iter()
            .filter(|(status, _)| ![202, 429, 503].contains(*status));
        let counts = [
            (
                "answers other than 202, 429 and 503",
                others.map(|(_, count)| count).sum(),
            ),
            ("refusals without Retry-After", self.without_retry_after),
            ("connections failed", self.failures),
            ("requests timed out", self.timeouts),
            ("accepted batches missing in the database", self.missing),
            ("batches stored wrongly", self.wrong),
        ];
        let found = counts.into_iter().filter(|(_, count)| *count > 0);
        found.map(|(what, count)| format!("{when}: {what}: {count}")).collect()
    }
}

impl Outcome {
    pub(super) fn new(args: &Args, overload: Load, recovery: Recovery, afterwards: Load, peaks: Peaks) -> Self {
        let mut faults = [overload.faults("overload"), afterwards.faults("afterwards")].concat();
        if !recovery.complete() {
            faults.push(format!("not recovered within {} s: {recovery:?}", args.recovery));
        }
        let refused = u64::from(afterwards.requests) - afterwards.accepted.min(afterwards.requests.into());
        if refused > 0 {
            faults.push(format!("afterwards: refused: {refused}"));
        }
        Self {
            kind: "overload",
            batch: args.batch.to_string(),
            connections: args.connections,
            overload,
            recovery,
            afterwards,
            peaks,
            faults,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (load, after) = (&self.overload, &self.afterwards);
        writeln!(f, "| overload | |\n| --- | --- |")?;
        writeln!(
            f,
            "| sent | batches of {}, {:.0}/s for {:.0} s on {} connections: {} requests, {} more could not start |",
            self.batch, load.rate, load.seconds, self.connections, load.requests, load.unsent
        )?;
        writeln!(
            f,
            "| answers | {}; {} of the refusals without `Retry-After`; {} failed connections, {} without an answer in 30 s |",
            counts(&load.statuses),
            load.without_retry_after,
            load.failures,
            load.timeouts
        )?;
        writeln!(f, "| reasons of refusals | {} |", counts(&load.reasons))?;
        writeln!(
            f,
            "| accepted | {:.0}/s; answered after {} |",
            load.accepted_per_s,
            millis(&load.accepted_ms)
        )?;
        writeln!(f, "| refused | answered after {} |", millis(&load.refused_ms))?;
        writeln!(
            f,
            "| stored | {} of {} accepted, {} wrongly or twice; {} that were not accepted |",
            load.stored, load.accepted, load.wrong, load.unasked
        )?;
        writeln!(
            f,
            "| queue, at most | {} messages, {:.1} MB |",
            self.peaks.queue_messages,
            self.peaks.queue_bytes as f64 / 1e6
        )?;
        let Recovery {
            stored_s,
            queue_empty_s,
            ready_s,
        } = self.recovery;
        writeln!(
            f,
            "| recovered | all stored after {}, queue empty after {}, all ready after {} |",
            seconds(stored_s),
            seconds(queue_empty_s),
            seconds(ready_s)
        )?;
        writeln!(
            f,
            "| afterwards, {:.0}/s for {:.0} s | {}; answered after {} |",
            after.rate,
            after.seconds,
            counts(&after.statuses),
            millis(&after.accepted_ms)
        )?;
        writeln!(
            f,
            "\n| memory, MB | before | most | most, shared counted for each | after |\n| --- | --- | --- | --- | --- |"
        )?;
        for (name, memory) in &self.peaks.memory {
            writeln!(
                f,
                "| {name} | {:.0} | {:.0} | {:.0} | {:.0} |",
                memory.before_mb, memory.peak_pss_mb, memory.peak_rss_mb, memory.after_mb
            )?;
        }
        if let Some(complaint) = load.complaint.as_ref().or(after.complaint.as_ref()) {
            writeln!(f, "\nFirst complaint: {complaint}")?;
        }
        self.faults
            .iter()
            .try_for_each(|fault| writeln!(f, "\n**FAULT** {fault}"))
    }
}

fn counts<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let list: Vec<_> = counts.iter().map(|(what, count)| format!("{what}: {count}")).collect();
    if list.is_empty() {
        "none".to_owned()
    } else {
        list.join(", ")
    }
}

fn millis(summary: &Summary) -> String {
    let Summary { p50, p99, max, .. } = summary;
    format!("p50 {p50:.1}, p99 {p99:.1}, at most {max:.0} ms")
}

fn seconds(seconds: Option<f64>) -> String {
    seconds.map_or("(never)".to_owned(), |seconds| format!("{seconds:.1} s"))
}
