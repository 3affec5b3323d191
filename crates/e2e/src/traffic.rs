//! Nodes that post all the time and try every batch again, under the same id, until it is answered 202.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use citytrack_domain::{BatchId, Clock, StreamPosition};
use citytrack_testkit::eventually_within;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Response, StatusCode};
use tokio::{sync::watch, task::JoinSet, time::timeout};
use uuid::Uuid;

use crate::{Posted, PostedFrame, Sent};

/// A batch that is not accepted for so long stops the test.
const LONGEST_DELIVERY: Duration = Duration::from_secs(60);
/// One attempt may take so long; then the node takes it for lost and tries again.
const ATTEMPT: Duration = Duration::from_secs(8);
const CLASSES: [&str; 3] = ["person", "bicycle", "dog"];

/// How much is sent.
#[derive(Clone, Debug)]
pub struct TrafficPlan {
    /// Senders side by side, each with its own connection and its own camera. Each has one batch on its way at a time.
    pub nodes: usize,
    /// Of all nodes together. What could not be sent in time is sent as soon as possible.
    pub batches_per_second: u32,
    /// Frames of a batch, one every 40 ms before the moment it is sent.
    pub frames: usize,
    /// Detections of a frame at most; every fifth frame is empty.
    pub detections_per_frame: usize,
    /// How old the frames are. The ids of the batches are always new.
    pub captured_ago: Duration,
    /// A node obeys `Retry-After` up to this long; with less than servers ask for it is a worse load than honest nodes are.
    pub longest_wait: Duration,
}

impl Default for TrafficPlan {
    /// Four nodes with 60 batches/s of two frames; retries come after a quarter of a second.
    fn default() -> Self {
        Self {
            nodes: 4,
            batches_per_second: 60,
            frames: 2,
            detections_per_frame: 3,
            captured_ago: Duration::ZERO,
            longest_wait: Duration::from_millis(250),
        }
    }
}

/// How far the nodes are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Batches answered 202.
    pub accepted: u64,
    /// Answers of another status, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Attempts without an answer.
    pub unanswered: u64,
}

impl Progress {
    /// Attempts that were not answered 202.
    pub fn failed(&self) -> u64 {
        self.unanswered + self.refused.values().sum::<u64>()
    }
}

/// Running traffic. A node that is told what will not change by trying again (4xx) fails the test.
pub struct Traffic {
    nodes: JoinSet<Vec<Posted>>,
    cameras: Vec<String>,
    progress: watch::Receiver<Progress>,
    stop: watch::Sender<bool>,
}

impl Traffic {
    /// Starts `plan.nodes` tasks that post to the CityTrack at `base_url` with these node keys in turn.
    pub fn start(base_url: &str, keys: &[String], plan: &TrafficPlan) -> Self {
        static TRAFFICS: AtomicUsize = AtomicUsize::new(0);
        let (report, progress) = watch::channel(Progress::default());
        let (stop, stopped) = watch::channel(false);
        let (report, traffic) = (Arc::new(report), TRAFFICS.fetch_add(1, Ordering::Relaxed));
        let cameras: Vec<_> = (0..plan.nodes)
            .map(|number| format!("camera-{traffic}-{number}"))
            .collect();
        let mut nodes = JoinSet::new();
        for (camera, key) in cameras.iter().zip(keys.iter().cycle()) {
            let node = Node {
                // Of its own, so that nodes share no connection.
                client: Client::builder().timeout(ATTEMPT).build().unwrap(),
                url: format!("{}/api/v1/detections", base_url.trim_end_matches('/')),
                key: key.clone(),
                camera: camera.clone(),
                stream: Uuid::now_v7(),
                plan: plan.clone(),
                report: Arc::clone(&report),
            };
            nodes.spawn(node.run(stopped.clone()));
        }
        Self {
            nodes,
            cameras,
            progress,
            stop,
        }
    }

    /// The cameras of its nodes; nobody else has them.
    pub fn cameras(&self) -> &[String] {
        &self.cameras
    }

    /// How far the nodes are now.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Waits until so many batches more than now were accepted: the work is well under way, or is again.
    pub async fn accepted_more(&self, batches: u64) {
        let wanted = self.progress().accepted + batches;
        self.until(&format!("{wanted} accepted batches"), |now| now.accepted >= wanted)
            .await;
    }

    /// Waits until so many attempts more than now have failed: the fault has arrived at the nodes.
    pub async fn failed_more(&self, attempts: u64) {
        let wanted = self.progress().failed() + attempts;
        self.until(&format!("{wanted} failed attempts"), |now| now.failed() >= wanted)
            .await;
    }

    async fn until(&self, what: &str, mut reached: impl FnMut(&Progress) -> bool) {
        eventually_within(Duration::from_secs(25), what, async || {
            reached(&self.progress.borrow()).then_some(())
        })
        .await;
    }

    /// Lets every node bring the batch it has in hand to its 202, and returns what was sent.
    pub async fn stop(self) -> Sent {
        let _nobody_left = self.stop.send(true);
        let posted = self.nodes.join_all().await;
        Sent {
            posted: posted.into_iter().flatten().collect(),
            progress: self.progress.borrow().clone(),
        }
    }
}

/// One sender.
struct Node {
    client: Client,
    url: String,
    key: String,
    camera: String,
    stream: Uuid,
    plan: TrafficPlan,
    report: Arc<watch::Sender<Progress>>,
}

impl Node {
    async fn run(self, mut stopped: watch::Receiver<bool>) -> Vec<Posted> {
        let nodes = u32::try_from(self.plan.nodes).unwrap();
        let mut due = tokio::time::interval(Duration::from_secs(1) * nodes / self.plan.batches_per_second);
        let mut posted = Vec::new();
        loop {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return posted,
                _ = due.tick() => {}
            }
            let mut batch = self.batch(posted.len());
            let delivery = timeout(LONGEST_DELIVERY, self.deliver(&batch, posted.len()));
            batch.attempts = delivery.await.expect("a batch is accepted in time");
            posted.push(batch);
        }
    }

    fn batch(&self, number: usize) -> Posted {
        let now = Clock::System.now();
        // To the microsecond, as PostgreSQL keeps it.
        let newest = Timestamp::from_microsecond(now.as_microsecond()).unwrap()
            - SignedDuration::try_from(self.plan.captured_ago).unwrap();
        let frames = (0..self.plan.frames).map(|place| {
            let number = number * self.plan.frames + place;
            let most = self.plan.detections_per_frame;
            let seen = if number % 5 == 4 {
                0
            } else {
                most - number % most.clamp(1, 2)
            };
            PostedFrame {
                number: i64::try_from(number).unwrap(),
                captured_at: newest
                    - SignedDuration::from_millis(40) * i32::try_from(self.plan.frames - place).unwrap(),
                classes: (0..seen).map(|place| CLASSES[(number + place) % 3]).collect(),
            }
        });
        Posted {
            id: BatchId::generate(now).uuid(),
            key: self.key.clone(),
            position: Some(StreamPosition {
                stream: self.stream,
                seq: i64::try_from(number).unwrap(),
            }),
            camera: self.camera.clone(),
            frames: frames.collect(),
            attempts: 0,
        }
    }

    /// Tries until it is accepted; returns how many attempts it took. Every other batch names its id in the header, which
    /// lets the gateway try it elsewhere, and the rest in the body.
    async fn deliver(&self, batch: &Posted, number: usize) -> usize {
        let mut body = batch.body();
        let in_header = number % 2 == 1;
        if !in_header {
            body["batch_id"] = batch.id.to_string().into();
        }
        for attempt in 1.. {
            let mut request = self.client.post(&self.url).bearer_auth(&self.key).json(&body);
            if in_header {
                request = request.header("Idempotency-Key", batch.id.to_string());
            }
            let answer = request.send().await.ok();
            let status = answer.as_ref().map(Response::status);
            self.report.send_modify(|progress| match status {
                Some(StatusCode::ACCEPTED) => progress.accepted += 1,
                Some(other) => *progress.refused.entry(other.as_u16()).or_default() += 1,
                None => progress.unanswered += 1,
            });
            match answer {
                Some(answer) if answer.status() == StatusCode::ACCEPTED => return attempt,
                Some(answer) => tokio::time::sleep(told(answer).await.min(self.plan.longest_wait)).await,
                None => tokio::time::sleep(self.plan.longest_wait).await,
            }
        }
        unreachable!("attempts do not end")
    }
}

/// How long a server wants to be left alone. What asks for patience must say for how long.
async fn told(answer: Response) -> Duration {
    let status = answer.status();
    let seconds = answer.headers().get("retry-after").map(|value| value.to_str().unwrap());
    let seconds = seconds.map(|value| value.parse().expect("Retry-After in seconds"));
    let body = async || answer.text().await.unwrap_or_default();
    match (status.as_u16(), seconds) {
        (429 | 502..=504, Some(seconds)) => Duration::from_secs(seconds),
        (401 | 403 | 408, _) => Duration::MAX,
        _ => panic!(
            "a node was answered {status} (Retry-After: {seconds:?}): {}",
            body().await
        ),
    }
}
