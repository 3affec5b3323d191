//! The promises of the live feed, with the built binaries and viewers as browsers are: who watches sees every frame once, at
//! whichever instance, or is told what is missing. The table is in `docs/testing.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod access;
mod closing;
mod events;
mod once;
mod presence;
mod restarts;
mod resume;
mod secrets;
mod slow;
mod snapshot;

use std::time::Duration;

use citytrack_domain::{BatchId, Clock};
use citytrack_e2e::{Setup, System, TrafficPlan};
use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::json;

/// One of each service with short timeouts, and so many realtime-ws; all viewers of a test come from one address, often with
/// one token.
async fn setup(instances: usize) -> Setup {
    let setup = Setup::new().await.quick().live(instances);
    let many = "2000";
    setup.set("realtime-ws", "CITYTRACK_LIVE__SOCKETS_PER_TOKEN", many).set(
        "realtime-ws",
        "CITYTRACK_LIVE__SOCKETS_PER_ADDRESS",
        many,
    )
}

/// A started system with the venue `demo`: its node's key and a viewer's token.
struct Demo {
    system: System,
    key: String,
    token: String,
}

impl Demo {
    async fn start(setup: Setup) -> Self {
        let system = setup.start().await;
        let (key, token) = (system.venue("demo").await, system.viewer_token("demo").await);
        Self { system, key, token }
    }

    /// Traffic of its node through the gateway.
    fn traffic(&self, plan: &TrafficPlan) -> citytrack_e2e::Traffic {
        citytrack_e2e::Traffic::start(&self.system.url(""), std::slice::from_ref(&self.key), plan)
    }

    /// Posts one frame of the camera `entrance`.
    async fn post(&self, frame: &Frame) {
        self.post_to(&self.system.address, frame).await;
    }

    /// The same to the gateway or to one of several ingest-api (`host:port`).
    async fn post_to(&self, address: &str, frame: &Frame) {
        let detection = |class: &&str| json!({ "class": class, "confidence": 0.5, "box": [0.25, 0.25, 0.125, 0.5] });
        let detections: Vec<_> = frame.classes.iter().map(detection).collect();
        let captured_at = Clock::System.now() - SignedDuration::try_from(frame.captured_ago).unwrap();
        let body = json!({ "frames": [{
            "camera": frame.camera, "frame": frame.number, "captured_at": captured_at.to_string(), "detections": detections,
        }] });
        let request = reqwest::Client::new()
            .post(format!("http://{address}/api/v1/detections"))
            .bearer_auth(&self.key)
            .header("Idempotency-Key", frame.batch.to_string());
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
}

/// A frame that is a batch by itself.
#[derive(Clone)]
struct Frame {
    batch: BatchId,
    camera: &'static str,
    number: i64,
    captured_ago: Duration,
    classes: Vec<&'static str>,
}

impl Frame {
    /// A frame of the camera `entrance`, taken now, with a person.
    fn new(number: i64) -> Self {
        Self {
            batch: BatchId::generate(Clock::System.now()),
            camera: "entrance",
            number,
            captured_ago: Duration::ZERO,
            classes: vec!["person"],
        }
    }
}

/// Waits until every realtime-ws has heard from the others that its venue is watched, and takes it from the broker.
async fn taken_everywhere(system: &System) {
    for instance in &system.live {
        instance.metric_above_zero("citytrack_live_venues", "").await;
    }
}

/// Little enough for hundreds of viewers: one frame in each batch.
fn gentle(batches_per_second: u32) -> TrafficPlan {
    TrafficPlan {
        nodes: 2,
        batches_per_second,
        frames: 1,
        detections_per_frame: 2,
        ..TrafficPlan::default()
    }
}
