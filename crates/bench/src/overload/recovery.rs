//! When everything is as it was before.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use tokio::time::sleep;

use super::{Args, Sent, gauges};
use crate::watch::{Database, count};

const EVERY: Duration = Duration::from_millis(250);

/// Seconds from the end of the load; none: not within the time that it may take.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "the unit")]
pub(super) struct Recovery {
    /// All that was accepted is in the database.
    pub(super) stored_s: Option<f64>,
    /// The queue is empty, as RabbitMQ says, which counts every five seconds.
    pub(super) queue_empty_s: Option<f64>,
    /// Every service is ready.
    pub(super) ready_s: Option<f64>,
}

impl Recovery {
    pub(super) fn complete(&self) -> bool {
        self.stored_s.is_some() && self.queue_empty_s.is_some() && self.ready_s.is_some()
    }
}

/// Waits until the system has recovered.
pub(super) async fn wait(args: &Args, sent: &Sent, ended: Instant) -> Result<Recovery> {
    let database = Database::connect(&args.database_url).await?;
    let client = reqwest::Client::new();
    let accepted = sent.ledger.accepted();
    let mut recovery = Recovery::default();
    while !recovery.complete() && ended.elapsed().as_secs_f64() < args.recovery {
        let note = |seen: &mut Option<f64>, now: bool| {
            if seen.is_none() && now {
                *seen = Some(ended.elapsed().as_secs_f64());
            }
        };
        if recovery.stored_s.is_none() {
            note(
                &mut recovery.stored_s,
                count(&database, &sent.ledger).await? >= accepted,
            );
        }
        note(&mut recovery.ready_s, ready(&client, &args.ready).await);
        // Asked last: before all is stored it cannot be empty.
        if recovery.stored_s.is_some() {
            let empty = matches!(gauges::queue(&client, &args.queue).await, Ok((0, _)));
            note(&mut recovery.queue_empty_s, empty);
        }
        sleep(EVERY).await;
    }
    Ok(recovery)
}

async fn ready(client: &reqwest::Client, urls: &[String]) -> bool {
    for url in urls {
        let answer = client.get(url).timeout(Duration::from_secs(2)).send().await;
        if !answer.is_ok_and(|answer| answer.status().is_success()) {
            return false;
        }
    }
    true
}
