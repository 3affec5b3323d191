//! Publishing with confirms, grouped.
//!
//! While a message of a route waits for its confirm, payloads that arrive for the same route gather, and go out together as
//! the next message (group commit). There is no timer: a payload that meets an idle route leaves at once, and under load the
//! groups grow by themselves.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    time::timeout,
};
use tracing::{error, info, warn};

use crate::{
    connection::{Link, Options, Status},
    error::PublishError,
    metrics::PublisherMetrics,
};

const KIBIBYTE: usize = 1024;
/// A connection that lived for less is not followed by the next one at once.
const SHORT_LIFE: Duration = Duration::from_secs(2);

/// How a publisher works.
#[derive(Clone)]
pub struct PublisherOptions {
    /// The connection.
    pub connection: Options,
    /// Where to publish.
    pub exchange: &'static str,
    /// The AMQP message type: name and version of the payload's schema.
    pub kind: &'static str,
    /// Payloads that may wait for their message or its confirm; one more is refused as busy.
    pub max_waiting: usize,
    /// Bytes of such payloads, likewise.
    pub max_waiting_bytes: usize,
    /// A group is closed when it reaches this many bytes.
    pub max_group_bytes: usize,
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
    queue: mpsc::Sender<Waiting>,
    slots: Arc<Semaphore>,
    kibibytes: Arc<Semaphore>,
    status: watch::Receiver<Status>,
    confirm_timeout: Duration,
    metrics: PublisherMetrics,
}

impl Publisher {
    /// A publisher and the task that works for it, which the caller must run.
    pub fn new(options: PublisherOptions, metrics: PublisherMetrics) -> (Self, impl Future<Output = ()> + Send) {
        let (queue, incoming) = mpsc::channel(options.max_waiting);
        let (report, status) = watch::channel(Status::Down("connecting".to_owned()));
        let publisher = Self {
            queue,
            slots: Arc::new(Semaphore::new(options.max_waiting)),
            kibibytes: Arc::new(Semaphore::new(options.max_waiting_bytes / KIBIBYTE)),
            status,
            confirm_timeout: options.confirm_timeout,
            metrics: metrics.clone(),
        };
        let task = Task {
            options: Arc::new(options),
            incoming,
            report,
            metrics,
        };
        (publisher, task.run())
    }

    /// The status of the connection, for readiness.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Publishes and waits for the broker's confirm: `Ok` means that a queue has the payload safely.
    ///
    /// # Errors
    /// See [`PublishError`]; the same payload may be published again in every case.
    pub async fn publish(&self, message: Message) -> Result<(), PublishError> {
        let result = self.try_publish(message).await;
        match result {
            Ok(()) => self.metrics.published.inc(),
            Err(error) => self.metrics.errors.with_label_values(&[error.label()]).inc(),
        }
        result
    }

    /// Whether it is worth while to prepare a message: there is a connection, and room for one more.
    ///
    /// # Errors
    /// What [`Self::publish`] would say now.
    pub fn check(&self) -> Result<(), PublishError> {
        self.room()
            .inspect_err(|error| self.metrics.errors.with_label_values(&[error.label()]).inc())
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
        self.metrics.waiting.inc();
        let slot = Slot {
            _permits: (slot, room),
            metrics: self.metrics.clone(),
        };
        let (reply, confirmed) = oneshot::channel();
        self.queue
            .try_send(Waiting { message, reply, slot })
            .map_err(|_| PublishError::Unavailable)?;
        match timeout(self.confirm_timeout, confirmed).await {
            Ok(Ok(result)) => result,
            Ok(Err(_dropped)) => Err(PublishError::ConnectionLost),
            Err(_) => Err(PublishError::TimedOut),
        }
    }
}

/// A payload on its way, and who waits for it.
struct Waiting {
    message: Message,
    reply: oneshot::Sender<Result<(), PublishError>>,
    slot: Slot,
}

/// One of the `max_waiting` places and its share of the bytes, free again when dropped.
struct Slot {
    _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
    metrics: PublisherMetrics,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.metrics.waiting.dec();
    }
}

struct Task {
    options: Arc<PublisherOptions>,
    incoming: mpsc::Receiver<Waiting>,
    report: watch::Sender<Status>,
    metrics: PublisherMetrics,
}

/// A message whose confirm is awaited: its route, and what became of it.
type InFlight = Pin<Box<dyn Future<Output = (String, Result<(), PublishError>)> + Send>>;

/// Why a session with the broker ended.
enum Ended {
    /// Nobody publishes any more and everything is settled.
    Done,
    /// The connection, or the topology behind it, is no good any more.
    Lost(String),
}

impl Task {
    async fn run(mut self) {
        loop {
            let report = &self.report;
            let down = |error: &crate::Error| drop(report.send_replace(Status::Down(error.to_string())));
            let link = tokio::select! {
                link = Link::establish(&self.options.connection, down) => link,
                () = refuse_all(&mut self.incoming) => return,
            };
            self.metrics.reconnects.inc();
            let began = Instant::now();
            let ended = match link.channel.confirm_select(ConfirmSelectOptions::default()).await {
                Ok(()) => {
                    info!(
                        broker.connection = self.options.connection.name,
                        "publishing to RabbitMQ"
                    );
                    self.report.send_replace(Status::Up);
                    self.serve(&link).await
                }
                Err(error) => Ended::Lost(error.to_string()),
            };
            match ended {
                Ended::Done => return link.close().await,
                Ended::Lost(reason) => {
                    warn!(
                        broker.connection = self.options.connection.name,
                        reason, "publishing connection lost"
                    );
                    self.report.send_replace(Status::Down(reason));
                }
            }
            if began.elapsed() < SHORT_LIFE {
                // Something is wrong that connecting does not show, such as a missing permission.
                tokio::select! {
                    () = tokio::time::sleep(SHORT_LIFE) => {}
                    () = refuse_all(&mut self.incoming) => return,
                }
            }
        }
    }

    /// Publishes until the end of the connection. Whatever is not settled then is dropped here, which tells its sender.
    async fn serve(&mut self, link: &Link) -> Ended {
        let mut statuses = link.statuses();
        let mut routes: HashMap<String, Vec<Waiting>> = HashMap::new();
        let mut in_flight = FuturesUnordered::<InFlight>::new();
        let mut open = true;
        while open || !in_flight.is_empty() {
            tokio::select! {
                Some((route, result)) = in_flight.next() => match result {
                    Err(PublishError::ConnectionLost) => return Ended::Lost("connection lost".to_owned()),
                    Err(PublishError::Unroutable) => return Ended::Lost("a message was not routed".to_owned()),
                    // A connection that swallows messages; while the broker is blocked, a new one would fare no better.
                    Err(PublishError::TimedOut) if *self.report.borrow() == Status::Up => {
                        return Ended::Lost("a message was not confirmed in time".to_owned());
                    }
                    Ok(()) | Err(_) => {
                        let group = self.take_group(&mut routes, &route);
                        if group.is_empty() {
                            routes.remove(&route);
                        } else {
                            in_flight.push(self.send(&link.channel, route, group));
                        }
                    }
                },
                waiting = self.incoming.recv(), if open => match waiting {
                    None => open = false,
                    Some(waiting) => match routes.get_mut(&waiting.message.route) {
                        // A message of this route is in flight: join the next one.
                        Some(gathering) => gathering.push(waiting),
                        None => {
                            let route = waiting.message.route.clone();
                            routes.insert(route.clone(), Vec::new());
                            in_flight.push(self.send(&link.channel, route, vec![waiting]));
                        }
                    },
                },
                Some(status) = statuses.next() => match status {
                    Status::Down(reason) => return Ended::Lost(reason),
                    status => {
                        warn!(broker.status = ?status, "RabbitMQ changed its mind about taking messages");
                        self.report.send_replace(status);
                    }
                },
            }
        }
        Ended::Done
    }

    /// The next group of a route: what has gathered, in order, up to the limit of bytes.
    fn take_group(&self, routes: &mut HashMap<String, Vec<Waiting>>, route: &str) -> Vec<Waiting> {
        let Some(gathering) = routes.get_mut(route) else {
            return Vec::new();
        };
        // Nobody waits any more for those that timed out; they will be sent again by their node.
        gathering.retain(|waiting| !waiting.reply.is_closed());
        let Some(first) = gathering.first() else {
            return Vec::new();
        };
        let travels_alone = |waiting: &Waiting| !waiting.message.headers.is_empty();
        let mut bytes = first.message.payload.len();
        let others = gathering.iter().skip(1).take_while(|waiting| {
            bytes += waiting.message.payload.len();
            !travels_alone(first) && !travels_alone(waiting) && bytes <= self.options.max_group_bytes
        });
        let count = 1 + others.count();
        gathering.drain(..count).collect()
    }

    /// Sends one group as one message and settles it.
    fn send(&self, channel: &Channel, route: String, group: Vec<Waiting>) -> InFlight {
        let (channel, metrics, options) = (channel.clone(), self.metrics.clone(), Arc::clone(&self.options));
        Box::pin(async move {
            let payload = join(&group);
            let headers = group
                .first()
                .map(|first| first.message.headers.as_slice())
                .unwrap_or_default();
            let started = Instant::now();
            let confirm = confirmed(&channel, &options, &route, &payload, headers);
            let result = timeout(options.confirm_timeout, confirm)
                .await
                .unwrap_or(Err(PublishError::TimedOut));
            metrics.confirm.observe(started.elapsed().as_secs_f64());
            #[expect(clippy::cast_precision_loss, reason = "groups are small")]
            metrics.group.observe(group.len() as f64);
            for Waiting { reply, slot, .. } in group {
                drop(slot);
                // Fails when the sender has given up waiting.
                let _ = reply.send(result);
            }
            (route, result)
        })
    }
}

/// Refuses whatever comes while there is no connection; ends when nobody publishes any more.
async fn refuse_all(incoming: &mut mpsc::Receiver<Waiting>) {
    while let Some(waiting) = incoming.recv().await {
        let _ = waiting.reply.send(Err(PublishError::Unavailable));
    }
}

fn join(group: &[Waiting]) -> Bytes {
    if let [only] = group {
        return only.message.payload.clone();
    }
    let mut joined = Vec::with_capacity(group.iter().map(|waiting| waiting.message.payload.len()).sum());
    for waiting in group {
        joined.extend_from_slice(&waiting.message.payload);
    }
    joined.into()
}

async fn confirmed(
    channel: &Channel,
    options: &PublisherOptions,
    route: &str,
    payload: &[u8],
    headers: &[(&'static str, String)],
) -> Result<(), PublishError> {
    const PERSISTENT: u8 = 2;
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_type(options.kind.into());
    if !headers.is_empty() {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), AMQPValue::LongString(value.as_str().into()));
        }
        properties = properties.with_headers(table);
    }
    let mandatory = BasicPublishOptions {
        mandatory: true,
        ..Default::default()
    };
    let confirm = channel
        .basic_publish(options.exchange.into(), route.into(), mandatory, payload, properties)
        .await
        .map_err(|error| lost(&error))?;
    match confirm.await.map_err(|error| lost(&error))? {
        Confirmation::Ack(None) => Ok(()),
        // An unroutable mandatory message is acknowledged too, with the message in the acknowledgement.
        Confirmation::Ack(Some(_)) => {
            error!(exchange = options.exchange, route, "no queue takes the message");
            Err(PublishError::Unroutable)
        }
        Confirmation::Nack(_) | Confirmation::NotRequested => Err(PublishError::Refused),
    }
}

fn lost(error: &lapin::Error) -> PublishError {
    warn!(%error, "publishing failed");
    PublishError::ConnectionLost
}
