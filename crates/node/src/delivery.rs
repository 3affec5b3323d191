//! Sees each batch through: tries again, splits, reports, gives up.

use std::collections::BTreeSet;
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::batch::made_at;
use crate::client::{Client, Receipt};
use crate::clock::Moment;
use crate::outbox::{Lane, Outbox};
use crate::refusal::{Refusal, SubmitError};
use crate::report::Report;
use crate::retry::Backoff;
use crate::sealed::Sealed;
use crate::totals::Count;

/// An id this much older than now was refused because of its age, and not because the clock is wrong.
const OLD_ID: Duration = Duration::from_hours(1);

/// Takes batches from the outbox to the server: two lanes side by side, each one batch at a time and in order.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// Where the batches are.
    pub outbox: &'a Outbox,
    /// Who makes the attempts.
    pub client: &'a Client,
    /// The waits between them.
    pub backoff: Backoff,
    /// How old a batch may become before it is given up. `None`: as old as it takes.
    pub retry_for: Option<Duration>,
    /// What to do when the key or the address is refused: try again like after every failure, or end.
    pub retry_denied: bool,
    /// Where to tell how it goes.
    pub report: &'a Report,
}

/// Why no batch is delivered any more.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// No batch would get through.
    #[error("stopped, no batch would be accepted: {0}")]
    Denied(SubmitError),
    /// What waits cannot be kept any more.
    #[error("the spool: {0}")]
    Spool(#[from] io::Error),
}

/// What became of a batch.
enum Outcome {
    Accepted(Receipt),
    /// It has become old, and is to be sent with the backlog.
    Aged,
    Failed(SubmitError),
}

/// One of the two, and how it fares.
struct Run<'a> {
    delivery: &'a Delivery<'a>,
    lane: Lane,
    failures: u32,
    /// Whether the other lane ended one of the waits since this one got through the last time.
    woken: bool,
    /// Told by whichever lane gets through, so that the other one does not wait any longer.
    reached: &'a Notify,
}

/// What became of a parcel.
enum Delivered {
    /// All of it is settled. The server wants this pause before the next one.
    Settled(Duration),
    /// This is left of it, and is to be sent with the backlog.
    Aged(Vec<Sealed>),
}

impl Delivery<'_> {
    /// Delivers until the outbox is closed and empty.
    ///
    /// # Errors
    /// No batch would get through, or the spool is broken.
    pub async fn run(&self) -> Result<(), DeliveryError> {
        let reached = Notify::new();
        let lane = |lane| Run {
            delivery: self,
            lane,
            failures: 0,
            woken: false,
            reached: &reached,
        };
        let (live, backlog) = (lane(Lane::Live), lane(Lane::Backlog));
        tokio::try_join!(live.run(), backlog.run()).map(|_| ())
    }
}

impl Run<'_> {
    async fn run(mut self) -> Result<(), DeliveryError> {
        let Delivery { outbox, report, .. } = *self.delivery;
        while let Some(mut parcel) = outbox.next(self.lane).await? {
            report.damaged(outbox.untold());
            match self.deliver(std::mem::take(&mut parcel.left)).await? {
                Delivered::Settled(pause) => {
                    self.tolerate(outbox.settle(&parcel));
                    sleep(pause).await;
                }
                Delivered::Aged(left) => {
                    parcel.left = left;
                    report.dropped(outbox.give_back(parcel));
                }
            }
        }
        Ok(())
    }

    /// One batch, or the parts of it that the server takes.
    async fn deliver(&mut self, mut parts: Vec<Sealed>) -> Result<Delivered, DeliveryError> {
        let Delivery { report, .. } = *self.delivery;
        let mut pause = Duration::ZERO;
        while let Some(part) = parts.pop() {
            match self.persist(&part).await {
                Outcome::Accepted(receipt) => {
                    report.accepted(&receipt.accepted);
                    pause = receipt.pause.unwrap_or_default();
                }
                Outcome::Aged => {
                    parts.push(part);
                    return Ok(Delivered::Aged(parts));
                }
                Outcome::Failed(denied @ SubmitError::Denied(_)) => return Err(DeliveryError::Denied(denied)),
                Outcome::Failed(SubmitError::TooLarge(refusal)) => match halves(&part) {
                    Some(halves) => {
                        report.split(&part, &refusal);
                        parts.extend(halves);
                    }
                    None => parts.extend(self.refused(&part, &refusal)),
                },
                Outcome::Failed(SubmitError::Invalid(refusal)) => parts.extend(self.refused(&part, &refusal)),
                Outcome::Failed(error) => {
                    report.gave_up(&part, &error);
                    self.tolerate(self.delivery.outbox.count(|losses| losses.dropped.add(part.count)));
                }
            }
        }
        Ok(Delivered::Settled(pause))
    }

    /// Attempts, always with the same id, until there is an answer that another attempt would not change.
    async fn persist(&mut self, batch: &Sealed) -> Outcome {
        let Delivery {
            outbox, client, report, ..
        } = *self.delivery;
        loop {
            let error = match client.send(batch).await {
                Ok(receipt) => {
                    report.reached(std::mem::take(&mut self.failures));
                    self.woken = false;
                    self.reached.notify_waiters();
                    return Outcome::Accepted(receipt);
                }
                Err(error) => error,
            };
            let told = match &error {
                SubmitError::NoAnswer(_) | SubmitError::Strange(_) => None,
                SubmitError::Busy { retry_after, .. } => *retry_after,
                SubmitError::Denied(_) if self.delivery.retry_denied => None,
                SubmitError::TooLarge(_) | SubmitError::Invalid(_) | SubmitError::Denied(_) => {
                    return Outcome::Failed(error);
                }
            };
            self.failures += 1;
            let wait = self.delivery.backoff.wait(self.failures, told, rand::random());
            if self.delivery.retry_for.is_some_and(|most| age(batch) + wait > most) {
                return Outcome::Failed(error);
            }
            report.retrying(batch, &error, self.failures, wait);
            self.wait(wait, told.is_some()).await;
            if self.lane == Lane::Live && outbox.is_backlog(batch) {
                return Outcome::Aged;
            }
        }
    }

    /// Waits; not longer than until the other lane gets through, unless the server has said how long. That counts once, and not at
    /// once: what fails although the other lane gets through would else be sent each time it does.
    async fn wait(&mut self, wait: Duration, told: bool) {
        let mut reached = pin!(self.reached.notified());
        reached.as_mut().enable();
        let first = wait.min(self.delivery.backoff.first);
        sleep(first).await;
        tokio::select! {
            () = sleep(wait.saturating_sub(first)) => {}
            () = reached, if !told && !self.woken => self.woken = true,
        }
    }

    /// What the spool could not write down of a batch is no reason to end: at worst, the next process sends it again, and the
    /// server knows it.
    fn tolerate(&self, written: io::Result<()>) {
        if let Err(error) = written {
            let text = format!("the spool cannot write down what became of a batch: {error}");
            self.delivery.report.trouble(&text);
        }
    }

    /// A batch with which something is wrong: counts that, and returns what can be sent of it all the same.
    fn refused(&self, batch: &Sealed, refusal: &Refusal) -> Option<Sealed> {
        let Delivery { outbox, report, .. } = *self.delivery;
        if refusal.is_about_id() && age(batch) > OLD_ID {
            report.expired(batch, refusal);
            self.tolerate(outbox.count(|losses| losses.expired.add(batch.count)));
            return None;
        }
        let (bad, rest) = divide(batch, &refusal.bad_frames());
        let count = match &rest {
            // The batch lives on, in the rest.
            Some(_) => Count {
                batches: 0,
                ..bad.count
            },
            None => bad.count,
        };
        report.refused(batch, count, refusal);
        self.tolerate(outbox.count(|losses| losses.refused.add(count)));
        self.tolerate(outbox.keep_refused(&bad, &refusal.in_full()));
        rest
    }
}

/// Two batches in the place of one. `None`: it holds a single frame.
fn halves(batch: &Sealed) -> Option<[Sealed; 2]> {
    let (first, second) = batch.open()?.halves()?;
    // What is taken next is at the end.
    Some([batch.reseal(&second), batch.reseal(&first)])
}

/// The frames with which something is wrong, and the others. If it is not single frames, all of it is wrong.
fn divide(batch: &Sealed, bad: &BTreeSet<usize>) -> (Sealed, Option<Sealed>) {
    let parts = batch.open().and_then(|whole| {
        let wrong = whole.without(|index| !bad.contains(&index))?;
        let right = whole.without(|index| bad.contains(&index))?;
        Some((batch.reseal(&wrong), batch.reseal(&right)))
    });
    match parts {
        Some((wrong, right)) => (wrong, Some(right)),
        None => (batch.clone(), None),
    }
}

fn age(batch: &Sealed) -> Duration {
    let age = Moment::now().utc.duration_since(made_at(batch.id));
    age.try_into().unwrap_or_default()
}
