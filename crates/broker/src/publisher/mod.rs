//! Publishing with confirms, grouped.
//!
//! While a message of a route waits for its confirm, payloads that arrive for the same route gather, and go out together as
//! the next message (group commit). A payload that meets an idle route leaves at once. Under load, those who have just got
//! their confirm are likely to publish again in a moment, so the next message waits shortly for as many payloads as were on
//! their way: otherwise everybody travels in one of two groups half as large, and the broker works twice (the idea of
//! PostgreSQL's `commit_delay` and `commit_siblings`).

mod gate;
mod task;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    time::timeout,
};

use self::{
    gate::{Gate, Slot, Waiting},
    task::Task,
};
use crate::{
    connection::{Options, Status},
    error::PublishError,
    metrics::PublisherMetrics,
};

const KIBIBYTE: usize = 1024;
/// The delivery mode of messages that survive a restart of the broker.
pub(crate) const PERSISTENT: u8 = 2;

/// How a publisher works.
#[derive(Clone)]
pub struct PublisherOptions {
    /// The connection.
    pub connection: Options,
    /// Where to publish.
    pub exchange: &'static str,
    /// The AMQP message type: name and version of the payload's schema.
    pub kind: &'static str,
    /// Whether a queue must take each message. One that none takes is then unroutable, and the topology is declared again by a new
    /// connection. Otherwise it is dropped by the broker, for messages to somebody who may have gone.
    pub mandatory: bool,
    /// Payloads that may wait for their message or its confirm; one more is refused as busy.
    pub max_waiting: usize,
    /// Bytes of such payloads, likewise.
    pub max_waiting_bytes: usize,
    /// A group is closed when it reaches this many bytes.
    pub max_group_bytes: usize,
    /// How long a group waits for company under load, at most; zero: not at all.
    pub gather: Duration,
    /// How long a confirm may take.
    pub confirm_timeout: Duration,
}

/// What to publish.
#[derive(Debug)]
pub struct Message {
    /// The routing key.
    pub route: String,
    /// The body. Bodies of one route may be joined by writing one after the other, so the schema must allow that.
    pub payload: Bytes,
    /// Headers; a message that has some is never joined with another.
    pub headers: Vec<(&'static str, String)>,
}

/// The handle to publish through; cheap to clone. The task behind it ends when the last clone is gone.
#[derive(Clone)]
pub struct Publisher {
    gate: Arc<Gate>,
    /// Tells the task of a route that was idle.
    started: mpsc::Sender<String>,
    slots: Arc<Semaphore>,
    kibibytes: Arc<Semaphore>,
    status: watch::Receiver<Status>,
    confirm_timeout: Duration,
    metrics: PublisherMetrics,
}

impl Publisher {
    /// A publisher and the task that works for it, which the caller must run.
    pub fn new(options: PublisherOptions, metrics: PublisherMetrics) -> (Self, impl Future<Output = ()> + Send) {
        // Every route in it has a payload that waits.
        let (started, starting) = mpsc::channel(options.max_waiting);
        let gate = Arc::<Gate>::default();
        let (report, status) = watch::channel(Status::Down("connecting".to_owned()));
        let publisher = Self {
            gate: Arc::clone(&gate),
            started,
            slots: Arc::new(Semaphore::new(options.max_waiting)),
            kibibytes: Arc::new(Semaphore::new(options.max_waiting_bytes / KIBIBYTE)),
            status,
            confirm_timeout: options.confirm_timeout,
            metrics: metrics.clone(),
        };
        let task = Task {
            options: Arc::new(options),
            gate,
            starting,
            report,
            metrics,
        };
        (publisher, task.run())
    }

    /// The status of the connection, for readiness.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Publishes and waits for the broker's confirm: `Ok` means that a queue has the payload safely (unless none must:
    /// [`PublisherOptions::mandatory`]).
    ///
    /// # Errors
    /// See [`PublishError`]; the same payload may be published again in every case.
    pub async fn publish(&self, message: Message) -> Result<(), PublishError> {
        let result = self.try_publish(message).await;
        match result {
            Ok(()) => self.metrics.published.inc(),
            Err(error) => self.count(error),
        }
        result
    }

    /// Whether it is worth while to prepare a message: there is a connection, and room for one more.
    ///
    /// # Errors
    /// What [`Self::publish`] would say now.
    pub fn check(&self) -> Result<(), PublishError> {
        self.room().inspect_err(|error| self.count(*error))
    }

    /// Counts a payload that the caller does not even offer, because an earlier answer says what would become of it.
    pub fn count(&self, error: PublishError) {
        self.metrics.errors.with_label_values(&[error.label()]).inc();
    }

    fn room(&self) -> Result<(), PublishError> {
        match *self.status.borrow() {
            Status::Up => {}
            Status::Blocked(_) => return Err(PublishError::Blocked),
            Status::Down(_) => return Err(PublishError::Unavailable),
        }
        if self.slots.available_permits() == 0 || self.kibibytes.available_permits() == 0 {
            return Err(PublishError::Busy);
        }
        Ok(())
    }

    async fn try_publish(&self, message: Message) -> Result<(), PublishError> {
        self.room()?;
        let kibibytes = u32::try_from(message.payload.len().div_ceil(KIBIBYTE)).unwrap_or(u32::MAX);
        let slot = Arc::clone(&self.slots)
            .try_acquire_owned()
            .map_err(|_| PublishError::Busy)?;
        let room = Arc::clone(&self.kibibytes)
            .try_acquire_many_owned(kibibytes)
            .map_err(|_| PublishError::Busy)?;
        let slot = Slot::new((slot, room), self.metrics.clone());
        let (reply, confirmed) = oneshot::channel();
        self.gate.enter(Waiting { message, reply, slot }, &self.started)?;
        match timeout(self.confirm_timeout, confirmed).await {
            Ok(Ok(result)) => result,
            Ok(Err(_dropped)) => Err(PublishError::ConnectionLost),
            Err(_) => Err(PublishError::TimedOut),
        }
    }
}
