//! What is looked at while an overload goes on: memory of every process, and the length of the queue.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::processes::{Root, Snapshot};

/// Reading the memory of some thirty processes costs a few milliseconds.
const EVERY: Duration = Duration::from_secs(1);

/// The most that was seen.
#[derive(Debug, Default, Serialize)]
pub(super) struct Peaks {
    /// By process; a family such as PostgreSQL's is added up.
    pub(super) memory: BTreeMap<String, Memory>,
    /// Messages that waited or were handed out. RabbitMQ counts anew every five seconds.
    pub(super) queue_messages: u64,
    pub(super) queue_bytes: u64,
}

/// Resident memory, in MB.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "the unit")]
pub(super) struct Memory {
    /// Before the load.
    pub(super) before_mb: f64,
    /// The most, with shared memory divided among its users.
    pub(super) peak_pss_mb: f64,
    /// The most, with shared memory counted for each.
    pub(super) peak_rss_mb: f64,
    /// At the end, when everything has recovered.
    pub(super) after_mb: f64,
}

/// Who looks.
pub(super) struct Gauges {
    roots: Vec<Root>,
    queue: String,
}

impl Gauges {
    pub(super) fn new(roots: Vec<Root>, queue: String) -> Self {
        Self { roots, queue }
    }

    /// Looks until `stop`.
    pub(super) async fn watch(&self, stop: &CancellationToken) -> Result<Peaks> {
        let client = reqwest::Client::new();
        let mut peaks = Peaks::default();
        while !stop.is_cancelled() {
            let looked = Instant::now();
            self.look_at_memory(&mut peaks)?;
            // A management API that is too busy to answer is looked at again later.
            if let Ok((messages, bytes)) = queue(&client, &self.queue).await {
                peaks.queue_messages = peaks.queue_messages.max(messages);
                peaks.queue_bytes = peaks.queue_bytes.max(bytes);
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY.saturating_sub(looked.elapsed())) => {}
            }
        }
        Ok(peaks)
    }

    fn look_at_memory(&self, peaks: &mut Peaks) -> Result<()> {
        let now = Snapshot::take(&self.roots, &[])?;
        for process in now.cost_since(&now, 1).processes {
            let memory = peaks.memory.entry(process.name).or_insert(Memory {
                before_mb: process.pss_mb,
                ..Memory::default()
            });
            memory.peak_pss_mb = memory.peak_pss_mb.max(process.pss_mb);
            memory.peak_rss_mb = memory.peak_rss_mb.max(process.rss_mb);
            memory.after_mb = process.pss_mb;
        }
        Ok(())
    }
}

/// Messages in a queue and their bytes.
pub(super) async fn queue(client: &reqwest::Client, url: &str) -> Result<(u64, u64)> {
    let asked = client.get(url).timeout(Duration::from_secs(5)).send().await?;
    let queue: Value = asked.error_for_status()?.json().await?;
    let number = |member: &str| {
        queue[member]
            .as_u64()
            .with_context(|| format!("no {member} of the queue"))
    };
    Ok((number("messages")?, number("message_bytes")?))
}
