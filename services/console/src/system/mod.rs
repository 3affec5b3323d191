//! How the services are, as their admin listeners say (docs/adr/0023).

mod exposition;
mod targets;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures_util::future;
use jiff::Timestamp;
use reqwest::redirect::Policy;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use self::exposition::{Histogram, samples};
pub use self::targets::Target;

const TIMEOUT: Duration = Duration::from_secs(2);
/// Metrics are some hundred KiB at most.
const LONGEST_ANSWER: usize = 4 << 20;
/// Nobody reads faster, and many may look at once.
const KEPT: Duration = Duration::from_secs(3);

/// How everything is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = System)]
pub(crate) struct Status {
    /// When the services were asked.
    at: Timestamp,
    /// Whether it is known whom to ask: `CITYTRACK_SYSTEM__TARGETS`.
    configured: bool,
    services: Vec<Instance>,
    queues: Vec<Queue>,
    event_age: Vec<EventAge>,
}

/// One instance of a service.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SystemService)]
struct Instance {
    service: String,
    target: String,
    ready: bool,
    /// Why it is not ready.
    reason: Option<String>,
    version: Option<String>,
    started_at: Option<Timestamp>,
}

/// What waits in a queue.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Queue {
    name: String,
    messages: u64,
}

/// How old batches are when they get somewhere, since the services were started.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SystemEventAge)]
struct EventAge {
    /// `store`: in the database; `push`: on the way to viewers.
    at: &'static str,
    p50_seconds: Option<f64>,
    p99_seconds: Option<f64>,
    count: u64,
}

/// Asks the services, not too often.
pub(crate) struct System {
    targets: Vec<Target>,
    client: reqwest::Client,
    last: Mutex<Option<(Instant, Status)>>,
}

impl System {
    pub(crate) fn new(targets: Vec<Target>) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .build()?;
        let last = Mutex::new(None);
        Ok(Self { targets, client, last })
    }

    /// Whoever comes while the services are being asked waits for the same answers.
    pub(crate) async fn status(&self, now: Timestamp) -> Status {
        let mut last = self.last.lock().await;
        if let Some((asked, status)) = last.as_ref()
            && asked.elapsed() < KEPT
        {
            return status.clone();
        }
        let answers = future::join_all(self.targets.iter().map(|target| self.ask(target))).await;
        let status = status(now, &answers);
        *last = Some((Instant::now(), status.clone()));
        status
    }

    async fn ask(&self, target: &Target) -> (Instance, String) {
        let get = async |path: &str| self.client.get(format!("{}{path}", target.address)).send().await;
        let metrics = async {
            match get("/metrics").await {
                Ok(answer) => body(answer).await,
                Err(_) => Vec::new(),
            }
        };
        let (readiness, metrics) = future::join(get("/readyz"), metrics).await;
        let metrics = String::from_utf8(metrics).unwrap_or_default();
        let (ready, reason) = match readiness {
            Ok(answer) if answer.status().is_success() => (true, None),
            Ok(answer) => (
                false,
                Some(reason(&serde_json::from_slice(&body(answer).await).unwrap_or_default())),
            ),
            Err(error) if error.is_timeout() => (false, Some("it did not answer in time".to_owned())),
            Err(_) => (false, Some("it cannot be reached".to_owned())),
        };
        let version = samples(&metrics)
            .find(|sample| sample.name == "citytrack_build_info")
            .and_then(|sample| sample.label("version").map(str::to_owned));
        let started = samples(&metrics).find(|sample| sample.name == "process_start_time_seconds");
        let started_at = started.and_then(|sample| {
            let since_1970 = Duration::try_from_secs_f64(sample.value).ok()?;
            Timestamp::UNIX_EPOCH.checked_add(since_1970).ok()
        });
        let instance = Instance {
            service: target.service.clone(),
            target: target.address.clone(),
            ready,
            reason,
            version,
            started_at,
        };
        (instance, metrics)
    }
}

/// What the answer says; nothing when it breaks off, or is longer than a service has to say.
async fn body(mut answer: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(some)) = answer.chunk().await {
        if body.len() + some.len() > LONGEST_ANSWER {
            return Vec::new();
        }
        body.extend_from_slice(&some);
    }
    body
}

/// The checks that failed, of an answer of `/readyz`.
fn reason(answer: &Value) -> String {
    let failed: Vec<String> = match answer.get("checks") {
        Some(Value::Object(checks)) => checks
            .iter()
            .filter(|(_, state)| **state != "ok")
            .map(|(name, state)| {
                format!(
                    "{name}: {}",
                    state.as_str().map_or_else(|| state.to_string(), str::to_owned)
                )
            })
            .collect(),
        _ => Vec::new(),
    };
    if failed.is_empty() {
        "it says that it is not ready".to_owned()
    } else {
        failed.join("; ")
    }
}

fn status(now: Timestamp, answers: &[(Instance, String)]) -> Status {
    let configured = !answers.is_empty();
    let (mut services, mut queues) = (Vec::new(), BTreeMap::new());
    let (mut store, mut push) = (Histogram::default(), Histogram::default());
    for (instance, metrics) in answers {
        services.push(instance.clone());
        for sample in samples(metrics) {
            let bound = || sample.label("le").and_then(|bound| bound.parse().ok());
            match (sample.name, bound()) {
                ("citytrack_persist_event_age_seconds_bucket", Some(bound)) => store.add(bound, sample.value),
                ("citytrack_live_event_age_seconds_bucket", Some(bound)) => push.add(bound, sample.value),
                // Every worker tells the length of the same queue.
                ("citytrack_persist_dead_letters", _) => {
                    let length = queues.entry("dead letters").or_insert(0);
                    *length = (*length).max(whole(sample.value));
                }
                ("citytrack_persist_held_batches", _) => {
                    *queues.entry("held by workers").or_insert(0) += whole(sample.value);
                }
                _ => {}
            }
        }
    }
    let age = |at, histogram: &Histogram| EventAge {
        at,
        p50_seconds: histogram.quantile(0.5),
        p99_seconds: histogram.quantile(0.99),
        count: whole(histogram.count()),
    };
    let queues = queues.into_iter().map(|(name, messages)| Queue {
        name: name.to_owned(),
        messages,
    });
    Status {
        at: now,
        configured,
        services,
        queues: queues.collect(),
        event_age: vec![age("store", &store), age("push", &push)],
    }
}

/// A count, which metrics tell as floating point numbers.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count, and `as` saturates"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
