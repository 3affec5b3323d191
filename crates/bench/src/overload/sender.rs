//! The connections of an overload: each sends when its turn comes, and does not wait longer because it was refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use super::Args;
use crate::clock::wall_millis;
use crate::fleet::Fleet;
use crate::latency::Latencies;
use crate::ledger::Ledger;
use crate::load::{Connection, Lane, Pace, Recipe, Template};
use crate::plan::{Dialect, Plan};
use crate::scene::Scene;
use crate::target::Target;

const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// After a failed connection.
const BREATH: Duration = Duration::from_millis(20);

/// What the connections were answered.
pub(super) struct Answers {
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Why not, as the problem documents say.
    pub(super) reasons: BTreeMap<String, u64>,
    /// Of 429 and 503, those that do not say when to come again.
    pub(super) without_retry_after: u64,
    /// From sending to the answer, of what was accepted.
    pub(super) accepted: Latencies,
    /// The same of what was refused.
    pub(super) refused: Latencies,
    /// How late requests started, because all connections were waiting.
    pub(super) late: Latencies,
    pub(super) failures: u64,
    pub(super) timeouts: u64,
    /// The first failure, or the first answer that is neither 202, 429 nor 503.
    pub(super) complaint: Option<String>,
}

impl Answers {
    fn new() -> Result<Self> {
        Ok(Self {
            statuses: BTreeMap::new(),
            reasons: BTreeMap::new(),
            without_retry_after: 0,
            accepted: Latencies::new()?,
            refused: Latencies::new()?,
            late: Latencies::new()?,
            failures: 0,
            timeouts: 0,
            complaint: None,
        })
    }

    fn add(&mut self, other: Self) -> Result<()> {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (reason, count) in other.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
        self.without_retry_after += other.without_retry_after;
        self.accepted.merge(&other.accepted)?;
        self.refused.merge(&other.refused)?;
        self.late.merge(&other.late)?;
        self.failures += other.failures;
        self.timeouts += other.timeouts;
        self.complaint = self.complaint.take().or(other.complaint);
        Ok(())
    }

    fn note(&mut self, status: u16, body: &[u8], took: Duration) {
        *self.statuses.entry(status).or_default() += 1;
        if status == 202 {
            self.accepted.record(took);
            return;
        }
        self.refused.record(took);
        *self.reasons.entry(reason(body)).or_default() += 1;
        if !matches!(status, 429 | 503) {
            self.complain(|| format!("{status} {}", String::from_utf8_lossy(body)));
        }
    }

    fn complain(&mut self, text: impl FnOnce() -> String) {
        if self.complaint.is_none() {
            self.complaint = Some(text().chars().take(300).collect());
        }
    }
}

/// The member `reason`, or the policy that was violated.
fn reason(body: &[u8]) -> String {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let policy = &problem["violated-policies"][0];
    let reason = problem["reason"].as_str().or(policy.as_str());
    reason.unwrap_or("none given").to_owned()
}

/// One connection each, of the nodes in turn.
pub(super) fn lanes(args: &Args, fleet: &Fleet, connections: u32) -> Result<Vec<Lane>> {
    let target = Target::parse(&args.base_url)?;
    let path = "/api/v1/detections".to_owned();
    let (target, scene) = (Arc::new(Target { path, ..target }), Scene::walk());
    let lane = |number: u32| {
        let node = &fleet.nodes[number as usize % fleet.nodes.len()];
        let template = Template::new(&Recipe {
            target: &target,
            dialect: Dialect::Citytrack,
            layout: args.batch,
            node: &node.slug,
            key: &node.key,
            cameras: 4,
            frame_millis: 40,
            ledger: false,
            scene: &scene,
            variant: number % 64,
        })?;
        Ok(Lane {
            target: target.clone(),
            templates: vec![template],
        })
    };
    (0..connections).map(lane).collect()
}

/// Sends until the schedule ends.
pub(super) async fn send_all(lanes: Vec<Lane>, plan: Plan, ledger: &Arc<Ledger>, pace: &Arc<Pace>) -> Result<Answers> {
    let tasks = lanes
        .into_iter()
        .map(|lane| send(lane, plan, ledger.clone(), pace.clone()));
    let mut tasks: JoinSet<_> = tasks.collect();
    let mut all = Answers::new()?;
    while let Some(answers) = tasks.join_next().await {
        all.add(answers??)?;
    }
    Ok(all)
}

async fn send(lane: Lane, plan: Plan, ledger: Arc<Ledger>, pace: Arc<Pace>) -> Result<Answers> {
    let mut answers = Answers::new()?;
    let mut connection = Connection::new(lane.target);
    let mut templates = lane.templates;
    sleep_until(pace.schedule().begin.into()).await;
    while let Some(turn) = pace.turn(&ledger).await {
        let started = Instant::now();
        answers.late.record(started.saturating_duration_since(turn.from));
        ledger.sent(turn.request, turn.from, true);
        let id = plan
            .ids
            .id(turn.request, ledger.millis_at(ledger.since_start(turn.from)));
        let request = templates[0].stamp(id, plan.frame(turn.request), wall_millis());
        let outcome = timeout(ANSWER_WITHIN, connection.exchange(request)).await;
        match outcome {
            Ok(Ok((status, body))) => {
                ledger.ended(turn.request, status == 202);
                answers.note(status, body, started.elapsed());
                if matches!(status, 429 | 503) && !connection.answered_with("retry-after") {
                    answers.without_retry_after += 1;
                }
                continue;
            }
            Ok(Err(error)) => {
                answers.failures += 1;
                answers.complain(|| format!("{error:#}"));
            }
            Err(_) => answers.timeouts += 1,
        }
        connection.reset();
        sleep(BREATH).await;
    }
    Ok(answers)
}
