//! The task behind a publisher: its connection, and the messages that are on their way.

use std::{
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
    sync::{mpsc, watch},
    time::timeout,
};
use tracing::{error, info, warn};

use super::{
    PERSISTENT, PublisherOptions,
    gate::{Gate, Next, Size, Waiting, size},
};
use crate::{
    connection::{Link, Status},
    error::PublishError,
    metrics::PublisherMetrics,
    stamp::{Counter, Stamp},
};

/// A connection that lived for less is not followed by the next one at once.
const SHORT_LIFE: Duration = Duration::from_secs(2);

pub(super) struct Task {
    pub(super) options: Arc<PublisherOptions>,
    pub(super) gate: Arc<Gate>,
    /// Routes that were idle and have a payload now.
    pub(super) starting: mpsc::Receiver<String>,
    pub(super) report: watch::Sender<Status>,
    pub(super) metrics: PublisherMetrics,
}

/// Something that a route waits for: its name, and what happened.
type Pending = Pin<Box<dyn Future<Output = (String, Event)> + Send>>;

enum Event {
    /// It was idle, and is not any more.
    Started,
    /// A message was confirmed, or was not.
    Settled(Size, Result<(), PublishError>),
    /// There was time for company.
    Gathered,
}

/// Why a session with the broker ended.
enum Ended {
    /// Nobody publishes any more and everything is settled.
    Done,
    /// The connection, or the topology behind it, is no good any more.
    Lost(String),
}

impl Task {
    pub(super) async fn run(mut self) {
        loop {
            let report = &self.report;
            let down = |error: &crate::Error| drop(report.send_replace(Status::Down(error.to_string())));
            let link = tokio::select! {
                link = Link::establish(&self.options.connection, down) => link,
                () = abandoned(&mut self.starting) => return,
            };
            self.metrics.reconnects.inc();
            let began = Instant::now();
            let ended = match link.channel.confirm_select(ConfirmSelectOptions::default()).await {
                Ok(()) => {
                    info!(
                        broker.connection = self.options.connection.name,
                        "publishing to RabbitMQ"
                    );
                    let gate = Arc::clone(&self.gate);
                    let _open = gate.open();
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
                    () = abandoned(&mut self.starting) => return,
                }
            }
        }
    }

    /// Publishes until the end of the connection. Whatever is not settled then is dropped here, which tells its sender.
    async fn serve(&mut self, link: &Link) -> Ended {
        let mut statuses = link.statuses();
        let mut pending = FuturesUnordered::<Pending>::new();
        let mut counter = Counter::new();
        let mut open = true;
        while open || !pending.is_empty() {
            tokio::select! {
                Some((name, event)) = pending.next() => match event {
                    Event::Settled(_, Err(PublishError::ConnectionLost)) => return Ended::Lost("connection lost".to_owned()),
                    Event::Settled(_, Err(PublishError::Unroutable)) => return Ended::Lost("a message was not routed".to_owned()),
                    // A connection that swallows messages; while the broker is blocked, a new one would fare no better.
                    Event::Settled(_, Err(PublishError::TimedOut)) if *self.report.borrow() == Status::Up => {
                        return Ended::Lost("a message was not confirmed in time".to_owned());
                    }
                    event => pending.extend(self.proceed(&link.channel, &mut counter, name, &event)),
                },
                name = self.starting.recv(), if open => match name {
                    None => open = false,
                    Some(name) => pending.extend(self.proceed(&link.channel, &mut counter, name, &Event::Started)),
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

    /// What a route does next, if anything.
    fn proceed(&self, channel: &Channel, counter: &mut Counter, name: String, event: &Event) -> Option<Pending> {
        let answered = match event {
            Event::Settled(answered, _) if !self.options.gather.is_zero() => Some(*answered),
            Event::Settled(..) | Event::Started | Event::Gathered => None,
        };
        match self.gate.next(&name, answered, self.options.max_group_bytes) {
            Next::Wait(enough) => {
                let company = timeout(self.options.gather, enough);
                Some(Box::pin(async move {
                    let _ = company.await;
                    (name, Event::Gathered)
                }))
            }
            Next::Send(group) => {
                // In order, since no other message of the route is on its way.
                let stamp = counter.next(&name);
                Some(self.send(channel, stamp, name, group))
            }
            Next::Idle => None,
        }
    }

    /// Sends one group as one message and settles it.
    fn send(&self, channel: &Channel, stamp: Stamp, route: String, group: Vec<Waiting>) -> Pending {
        let (channel, metrics, options) = (channel.clone(), self.metrics.clone(), Arc::clone(&self.options));
        Box::pin(async move {
            let payload = join(&group);
            let headers = group
                .first()
                .map(|first| first.message.headers.as_slice())
                .unwrap_or_default();
            let started = Instant::now();
            let confirm = confirmed(&channel, &options, stamp, &route, &payload, headers);
            let result = timeout(options.confirm_timeout, confirm)
                .await
                .unwrap_or(Err(PublishError::TimedOut));
            metrics.confirm.observe(started.elapsed().as_secs_f64());
            #[expect(clippy::cast_precision_loss, reason = "groups are small")]
            metrics.group.observe(group.len() as f64);
            let size = size(&group);
            for Waiting { reply, slot, .. } in group {
                drop(slot);
                // Fails when the sender has given up waiting.
                let _ = reply.send(result);
            }
            (route, Event::Settled(size, result))
        })
    }
}

/// Ends when nobody publishes any more. What was started on the connection before went with it.
async fn abandoned(starting: &mut mpsc::Receiver<String>) {
    while starting.recv().await.is_some() {}
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
    stamp: Stamp,
    route: &str,
    payload: &[u8],
    headers: &[(&'static str, String)],
) -> Result<(), PublishError> {
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_type(options.kind.into())
        .with_message_id(stamp.to_string().into());
    if !headers.is_empty() {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), AMQPValue::LongString(value.as_str().into()));
        }
        properties = properties.with_headers(table);
    }
    let flags = BasicPublishOptions {
        mandatory: options.mandatory,
        ..Default::default()
    };
    let confirm = channel
        .basic_publish(options.exchange.into(), route.into(), flags, payload, properties)
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
