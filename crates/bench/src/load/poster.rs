//! A connection's life: take a turn, stamp a body, post it, note what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::{sleep, sleep_until, timeout};

use super::body::Template;
use super::http::Connection;
use super::schedule::Pace;
use crate::clock::wall_millis;
use crate::latency::Latencies;
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::target::Target;

const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// After a failed connection, so that a dead server is not hammered.
const BREATH: Duration = Duration::from_millis(20);

/// A connection with the bodies that it sends in turn.
pub(crate) struct Lane {
    pub(crate) target: Arc<Target>,
    pub(crate) templates: Vec<Template>,
}

/// What connections saw; that of several is added up.
pub(crate) struct Posts {
    /// From sending (or from when it was due) to the answer, of requests sent in the measured time.
    pub(crate) latency: Latencies,
    /// How late requests of an open loop started.
    pub(crate) lateness: Latencies,
    /// Every answer of the run.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Accepting answers that came in the measured time.
    pub(crate) accepted_in_time: u64,
    pub(crate) failures: u64,
    pub(crate) timeouts: u64,
    /// The first answer that was not an acceptance, or the first failure: it tells what is wrong.
    pub(crate) complaint: Option<String>,
}

impl Posts {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            latency: Latencies::new()?,
            lateness: Latencies::new()?,
            statuses: BTreeMap::new(),
            accepted_in_time: 0,
            failures: 0,
            timeouts: 0,
            complaint: None,
        })
    }

    pub(crate) fn add(&mut self, other: Self) -> Result<()> {
        self.latency.merge(&other.latency)?;
        self.lateness.merge(&other.lateness)?;
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.accepted_in_time += other.accepted_in_time;
        self.failures += other.failures;
        self.timeouts += other.timeouts;
        self.complaint = self.complaint.take().or(other.complaint);
        Ok(())
    }

    fn complain(&mut self, text: impl FnOnce() -> String) {
        if self.complaint.is_none() {
            self.complaint = Some(text().chars().take(300).collect());
        }
    }
}

/// Posts until the run is over.
pub(crate) async fn send(lane: Lane, plan: Plan, ledger: Arc<Ledger>, pace: Arc<Pace>) -> Result<Posts> {
    let mut posts = Posts::new()?;
    let mut connection = Connection::new(lane.target);
    let mut templates = lane.templates;
    let mut count = 0;
    sleep_until(pace.schedule().begin.into()).await;
    while let Some(turn) = pace.turn(&ledger).await {
        let measured = pace.schedule().measures(turn.from);
        ledger.sent(turn.request, turn.from, measured);
        let id = plan
            .ids
            .id(turn.request, ledger.millis_at(ledger.since_start(turn.from)));
        let next = count % templates.len();
        count += 1;
        let request = templates[next].stamp(id, plan.frame(turn.request), plan.captured(turn.request, wall_millis()));
        let started = Instant::now();
        let outcome = timeout(ANSWER_WITHIN, connection.exchange(request)).await;
        let done = Instant::now();
        match outcome {
            Ok(Ok((status, body))) => {
                let accepted = (200..300).contains(&status);
                ledger.ended(turn.request, accepted);
                *posts.statuses.entry(status).or_default() += 1;
                posts.accepted_in_time += u64::from(accepted && pace.schedule().measures(done));
                if !accepted {
                    posts.complain(|| format!("{status} {}", String::from_utf8_lossy(body)));
                }
                if measured {
                    posts.latency.record(done - turn.from);
                    posts.lateness.record(started.saturating_duration_since(turn.from));
                }
                continue;
            }
            Ok(Err(error)) => {
                posts.failures += 1;
                posts.complain(|| format!("{error:#}"));
            }
            Err(_) => posts.timeouts += 1,
        }
        connection.reset();
        sleep(BREATH).await;
    }
    Ok(posts)
}
