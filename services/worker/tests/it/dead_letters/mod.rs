//! `worker dead-letters`, as an operator runs it: the built program.

mod deciding;
mod looking;
mod pictures;

use std::process::{Command, Output, Stdio};

use citytrack_broker::{
    Message, Source, Status,
    topology::{DETECTIONS, PERSIST},
};
use citytrack_domain::{Batch, Clock, Slug};
use citytrack_messages::{SCHEMA, encode};
use citytrack_storage::nodes;
use citytrack_testkit::{batch, eventually, frame, identity, limit_deliveries, person, unique_name};
use serde_json::Value;
use uuid::Uuid;

use crate::harness::Harness;

const NEWER: &str = "citytrack.detections.v2";

fn sample(harness: &Harness) -> Batch {
    let now = Clock::System.now();
    batch(
        &harness.source,
        now,
        vec![frame("door", now, vec![person(0.25, Some(1))])],
    )
}

fn command(harness: &Harness, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
    command
        .arg("dead-letters")
        .args(arguments)
        .env("CITYTRACK_BROKER__URL", harness.vhost.url())
        .stdin(Stdio::null());
    command
}

fn run(harness: &Harness, arguments: &[&str]) -> Output {
    command(harness, arguments).output().unwrap()
}

/// The standard output of a command that must succeed.
fn told(harness: &Harness, arguments: &[&str]) -> String {
    let output = run(harness, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn list(harness: &Harness) -> Vec<Value> {
    let lines = told(harness, &["list", "--format", "json", "--limit", "100000"]);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until there are so many dead letters, and lists them.
async fn listed(harness: &Harness, count: usize) -> Vec<Value> {
    eventually(&format!("there are {count} dead letters"), async || {
        Some(list(harness)).filter(|letters| letters.len() == count)
    })
    .await
}

/// Puts messages among the dead letters without a worker.
async fn put_aside(harness: &Harness, kind: &'static str, payloads: Vec<Vec<u8>>) {
    put_aside_from(harness, "detections.demo", kind, payloads).await;
}

/// The same with another route.
async fn put_aside_from(harness: &Harness, route: &str, kind: &'static str, payloads: Vec<Vec<u8>>) {
    let publisher = harness.vhost.publisher_to(DETECTIONS.dead_letter_exchange, kind);
    let status = publisher.status();
    eventually("the publisher is connected", async || {
        (*status.borrow() == Status::Up).then_some(())
    })
    .await;
    for payload in payloads {
        let message = Message {
            route: route.to_owned(),
            payload: payload.into(),
            headers: Vec::new(),
        };
        publisher.publish(message).await.unwrap();
    }
}

/// The encoding of a batch whose class breaks the rules.
fn broken(batch: &Batch) -> Vec<u8> {
    let mut bytes = encode(batch).to_vec();
    let place = bytes.windows(6).position(|window| window == b"person").unwrap();
    bytes[place] = b'P';
    bytes
}
