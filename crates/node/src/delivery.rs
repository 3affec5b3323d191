//! Sees each batch through: tries again, splits, reports, gives up.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::batch::Batch;
use crate::client::Client;
use crate::pending::Pending;
use crate::refusal::SubmitError;
use crate::report::Report;
use crate::retry::Backoff;
use crate::wire::Accepted;

/// Takes batches from the queue to the server, one at a time and in order.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// Who makes the attempts.
    pub client: &'a Client,
    /// The waits between them.
    pub backoff: Backoff,
    /// After how long to give up on a batch. `None`: never.
    pub retry_for: Option<Duration>,
    /// Where to tell how it goes.
    pub report: &'a Report,
}

impl Delivery<'_> {
    /// Delivers until the queue is closed and empty.
    ///
    /// # Errors
    /// [`SubmitError::Denied`]: no batch would get through.
    pub async fn run(&self, pending: &Pending) -> Result<(), SubmitError> {
        while let Some(batch) = pending.next().await {
            self.deliver(batch).await?;
        }
        Ok(())
    }

    /// One batch, or the parts of it that the server takes.
    async fn deliver(&self, batch: Batch) -> Result<(), SubmitError> {
        let mut parts = vec![batch];
        while let Some(batch) = parts.pop() {
            match self.persist(&batch).await {
                Ok(accepted) => self.report.accepted(&accepted),
                Err(denied @ SubmitError::Denied(_)) => return Err(denied),
                Err(error @ SubmitError::TooLarge(_)) => match batch.halves() {
                    Some((first, second)) => {
                        self.report.split(&batch, &error);
                        parts.extend([second, first]);
                    }
                    None => self.report.refused(&batch, &error),
                },
                Err(error @ SubmitError::Invalid(_)) => self.report.refused(&batch, &error),
                Err(error) => self.report.gave_up(&batch, &error),
            }
        }
        Ok(())
    }

    /// Attempts, always with the same id, until there is an answer that another attempt would not change.
    async fn persist(&self, batch: &Batch) -> Result<Accepted, SubmitError> {
        let begun = Instant::now();
        let mut failures = 0;
        loop {
            let error = match self.client.submit(batch).await {
                Ok(accepted) => {
                    self.report.reached(failures);
                    return Ok(accepted);
                }
                Err(error) => error,
            };
            let told = match &error {
                SubmitError::NoAnswer(_) | SubmitError::Strange(_) => None,
                SubmitError::Busy { retry_after, .. } => *retry_after,
                SubmitError::TooLarge(_) | SubmitError::Invalid(_) | SubmitError::Denied(_) => return Err(error),
            };
            failures += 1;
            let wait = self.backoff.wait(failures, told, rand::random());
            if self.retry_for.is_some_and(|most| begun.elapsed() + wait > most) {
                return Err(error);
            }
            self.report.retrying(batch, &error, failures, wait);
            sleep(wait).await;
        }
    }
}
