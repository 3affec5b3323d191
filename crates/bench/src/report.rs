//! What a run found, as one JSON line and as a table for people.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::latency::Summary;
use crate::plan::Dialect;
use crate::processes::Cost;

/// Everything that a run found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) kind: &'static str,
    /// What the run belongs to, for the table.
    pub(crate) section: String,
    pub(crate) label: String,
    pub(crate) setup: Setup,
    pub(crate) posts: Posted,
    pub(crate) live: Option<Live>,
    pub(crate) stored: Option<Stored>,
    pub(crate) cost: Cost,
    /// What must not be: losses, doubles, refusals. Empty in a good run.
    pub(crate) faults: Vec<String>,
}

/// How the run was made.
#[derive(Debug, Serialize)]
pub(crate) struct Setup {
    pub(crate) dialect: Dialect,
    /// Frames × detections in a batch.
    pub(crate) batch: String,
    /// Requests a second of an open loop; none in a closed loop.
    pub(crate) rate: Option<f64>,
    /// Accepted batches that may wait to be committed before the next is sent.
    pub(crate) max_behind: Option<u32>,
    pub(crate) connections: u32,
    pub(crate) nodes: usize,
    pub(crate) subscribers: u32,
    pub(crate) warmup_s: f64,
    pub(crate) duration_s: f64,
}

/// What was sent, and how it was answered.
#[derive(Debug, Serialize)]
pub(crate) struct Posted {
    pub(crate) accepted_per_s: f64,
    pub(crate) detections_per_s: f64,
    /// From sending to the answer; in an open loop from when it was due.
    pub(crate) latency_ms: Summary,
    pub(crate) late_start_ms: Option<Summary>,
    pub(crate) requests: u32,
    pub(crate) accepted: u64,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) failures: u64,
    pub(crate) timeouts: u64,
    /// Due in an open loop, but not started when the run ended.
    pub(crate) unsent: u32,
    pub(crate) complaint: Option<String>,
}

/// What the subscribers saw.
#[derive(Debug, Serialize)]
pub(crate) struct Live {
    pub(crate) latency_ms: Summary,
    pub(crate) messages_per_s: f64,
    pub(crate) expected: u64,
    pub(crate) received: u64,
    /// Neither came nor was left out by the server, by its own account.
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) unexpected: u64,
    pub(crate) malformed: u64,
    /// Left out by the server, which said so.
    pub(crate) dropped: u64,
    pub(crate) cut_off: u64,
    /// From the end of the load to the last message.
    pub(crate) behind_s: f64,
}

/// What the database holds.
#[derive(Debug, Serialize)]
pub(crate) struct Stored {
    pub(crate) detections_per_s: f64,
    /// From sending to the first look that found the committed row.
    pub(crate) visible_ms: Summary,
    /// From sending to `stored_at`, before the commit.
    pub(crate) stamped_ms: Summary,
    pub(crate) watched: u64,
    pub(crate) batches: u64,
    pub(crate) frames: u64,
    pub(crate) detections: u64,
    pub(crate) missing: u64,
    pub(crate) wrong: u64,
    pub(crate) unasked: u64,
    /// From the end of the load to the last batch.
    pub(crate) behind_s: f64,
}

impl Report {
    /// Notes what must not be.
    pub(crate) fn judge(&mut self) {
        let refused = self.posts.requests.into();
        let refused = u64::saturating_sub(refused, self.posts.accepted + self.posts.failures + self.posts.timeouts);
        let mut counts = vec![
            ("refused", refused),
            ("connections failed", self.posts.failures),
            ("requests timed out", self.posts.timeouts),
            ("unsent", self.posts.unsent.into()),
        ];
        if let Some(live) = &self.live {
            counts.extend([
                ("messages lost", live.lost),
                ("messages doubled", live.doubled),
                ("messages malformed", live.malformed),
                ("messages left out by the server, which said so", live.dropped),
                ("subscribers cut off", live.cut_off),
            ]);
        }
        if let Some(stored) = &self.stored {
            counts.extend([
                ("batches missing in the database", stored.missing),
                ("batches stored wrongly", stored.wrong),
            ]);
        }
        let found = counts.into_iter().filter(|(_, count)| *count > 0);
        self.faults = found.map(|(what, count)| format!("{what}: {count}")).collect();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setup, posts, cost, .. } = self;
        let pace = setup
            .rate
            .map_or("closed loop".to_owned(), |rate| format!("open loop at {rate}/s"));
        writeln!(
            f,
            "{}: batches of {} (frames x detections), {pace}, {} connections, {} nodes, {} subscribers, {} s after {} s",
            self.label,
            setup.batch,
            setup.connections,
            setup.nodes,
            setup.subscribers,
            setup.duration_s,
            setup.warmup_s
        )?;
        writeln!(
            f,
            "  accepted      {:>12.0} requests/s {:>12.0} detections/s",
            posts.accepted_per_s, posts.detections_per_s
        )?;
        line(f, "POST", &posts.latency_ms)?;
        if let Some(late) = &posts.late_start_ms {
            line(f, "late start", late)?;
        }
        writeln!(f, "  answers       {:?} of {} requests", posts.statuses, posts.requests)?;
        if let Some(complaint) = &posts.complaint {
            writeln!(f, "  first refusal {complaint}")?;
        }
        if let Some(live) = &self.live {
            line(f, "POST → socket", &live.latency_ms)?;
            writeln!(
                f,
                "  messages      {} of {} came, {} doubled, {} unexpected, {} left out, {:.0}/s, the last {:.2} s after the load",
                live.received,
                live.expected,
                live.doubled,
                live.unexpected,
                live.dropped,
                live.messages_per_s,
                live.behind_s
            )?;
        }
        if let Some(stored) = &self.stored {
            line(f, "POST → row", &stored.visible_ms)?;
            line(f, "POST → stamp", &stored.stamped_ms)?;
            writeln!(
                f,
                "  stored        {} batches, {} frames, {} detections, {:.0} detections/s, the last {:.2} s after the load",
                stored.batches, stored.frames, stored.detections, stored.detections_per_s, stored.behind_s
            )?;
        }
        for process in &cost.processes {
            writeln!(
                f,
                "  {:<13} {:>9.2} s CPU {:>9.2} µs a detection {:>7.1} MB",
                process.name, process.cpu_s, process.us_per_detection, process.rss_mb
            )?;
        }
        if let Some(each) = cost.us_per_detection {
            writeln!(
                f,
                "  system        {:>9.2} s CPU {each:>9.2} µs a detection",
                cost.system_s
            )?;
        }
        writeln!(
            f,
            "  generator     {:>9.2} s CPU; other processes {:.2} s, stolen by the host {:.2} s",
            cost.generator_s, cost.others_s, cost.stolen_s
        )?;
        self.faults
            .iter()
            .try_for_each(|fault| writeln!(f, "  FAULT         {fault}"))
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, latency: &Summary) -> fmt::Result {
    let Summary {
        count,
        p50,
        p90,
        p99,
        max,
    } = latency;
    writeln!(
        f,
        "  {name:<13} p50 {p50:.2}  p90 {p90:.2}  p99 {p99:.2}  max {max:.2} ms ({count})"
    )
}
