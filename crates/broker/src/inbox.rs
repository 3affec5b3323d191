//! Consuming in batches: what is there is taken together, held until it is settled, and acknowledged at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{FutureExt, Stream, StreamExt};
use lapin::{
    Acker, Consumer,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use crate::{
    connection::{Link, Options, Status},
    error::Error,
    metrics::InboxMetrics,
    topology::{arguments, number, text},
};

/// A message of a live queue is acknowledged within this time. RabbitMQ ends a channel after 30 minutes (`consumer_timeout`).
const LONGEST_UNSETTLED: Duration = Duration::from_secs(30);

/// What to consume.
#[derive(Clone, Debug)]
pub enum Source {
    /// A work queue of the topology, shared with other consumers.
    Work(&'static str),
    /// A queue of this inbox alone, gone with it, that drops its oldest messages when it holds too many. It gets the routes
    /// that are bound.
    Live {
        /// Messages held at most.
        max_length: u64,
        /// Bytes of them held at most: many small messages are joined into large ones under load, and what one consumer does
        /// not take must not fill the memory of the broker.
        max_bytes: u64,
    },
}

/// One message.
#[derive(Debug)]
pub struct Delivery {
    /// The body.
    pub payload: Vec<u8>,
    /// Its routing key.
    pub route: String,
    /// Its AMQP message type: name and version of the schema.
    pub kind: Option<String>,
    /// Whether it was delivered before.
    pub redelivered: bool,
    /// Its headers that are texts.
    pub headers: BTreeMap<String, String>,
}

/// Takes messages from one queue. Rebuilds its connection for as long as it takes.
pub struct Inbox {
    options: Options,
    source: Source,
    prefetch: u16,
    metrics: InboxMetrics,
    report: watch::Sender<Status>,
    bound: BTreeSet<String>,
    open: Option<Open>,
}

struct Open {
    link: Link,
    queue: String,
    consumer: Consumer,
    statuses: std::pin::Pin<Box<dyn Stream<Item = Status> + Send>>,
    /// Of the newest message handed out and not yet settled; acknowledging it acknowledges those before it too.
    newest: Option<Acker>,
    /// Messages handed out since the last acknowledgement.
    unsettled: usize,
    /// When the oldest of them must be acknowledged, in a live queue.
    acknowledge_by: Option<Instant>,
}

impl Open {
    fn overdue(&self) -> bool {
        self.acknowledge_by.is_some_and(|by| by <= Instant::now())
    }
}

impl Inbox {
    /// An inbox that connects when first asked. `prefetch` is how many messages may be unsettled.
    pub fn new(options: Options, source: Source, prefetch: u16, metrics: InboxMetrics) -> Self {
        let report = watch::Sender::new(Status::Down("connecting".to_owned()));
        Self {
            options,
            source,
            prefetch,
            metrics,
            report,
            bound: BTreeSet::new(),
            open: None,
        }
    }

    /// The status of the connection, for readiness.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.report.subscribe()
    }

    /// Waits for a message and takes with it what else has arrived, until there are `limit` messages or `max_bytes` of them.
    /// Dropping the future loses nothing.
    pub async fn next(&mut self, limit: usize, max_bytes: usize) -> Vec<Delivery> {
        let live = matches!(self.source, Source::Live { .. });
        loop {
            let open = self.connected().await;
            let acknowledge_by = open.acknowledge_by.filter(|_| live);
            let first = tokio::select! {
                first = open.consumer.next() => first,
                () = sleep_until(acknowledge_by.unwrap_or_else(Instant::now)), if acknowledge_by.is_some() => {
                    self.acknowledge().await;
                    continue;
                }
                Some(Status::Down(reason)) = open.statuses.next() => {
                    self.lost(&reason);
                    continue;
                }
            };
            let Some(Ok(first)) = first else {
                let reason = first
                    .and_then(Result::err)
                    .map_or("cancelled by the broker".to_owned(), |e| e.to_string());
                self.lost(&reason);
                continue;
            };
            // No await from here on: what is taken is handed out.
            let mut bytes = first.data.len();
            let mut taken = vec![first];
            while taken.len() < limit
                && bytes < max_bytes
                && let Some(Some(Ok(more))) = open.consumer.next().now_or_never()
            {
                bytes += more.data.len();
                taken.push(more);
            }
            open.newest = taken.last().map(|last| last.acker.clone());
            open.unsettled += taken.len();
            open.acknowledge_by
                .get_or_insert_with(|| Instant::now() + LONGEST_UNSETTLED);
            return self.hand_out(taken);
        }
    }

    fn hand_out(&self, taken: Vec<lapin::message::Delivery>) -> Vec<Delivery> {
        self.metrics.consumed.inc_by(taken.len() as u64);
        self.metrics
            .redelivered
            .inc_by(taken.iter().filter(|delivery| delivery.redelivered).count() as u64);
        taken
            .into_iter()
            .map(|delivery| Delivery {
                route: delivery.routing_key.to_string(),
                kind: delivery.properties.kind().as_ref().map(ToString::to_string),
                redelivered: delivery.redelivered,
                headers: text_headers(&delivery),
                payload: delivery.data,
            })
            .collect()
    }

    /// Acknowledges everything that was handed out. When the connection was lost meanwhile, the broker delivers it again.
    ///
    /// A live queue is gone with its connection, so there an acknowledgement only makes room for more messages: one is sent
    /// when a quarter of the prefetch is used up, or after a while, since the broker ends a channel that never acknowledges.
    pub async fn settle(&mut self) {
        let worth_it = match (&self.open, &self.source) {
            (Some(open), Source::Live { .. }) => open.unsettled >= usize::from(self.prefetch / 4) || open.overdue(),
            (_, Source::Work(_)) | (None, _) => true,
        };
        if worth_it {
            self.acknowledge().await;
        }
    }

    async fn acknowledge(&mut self) {
        let newest = self.open.as_mut().and_then(|open| {
            open.unsettled = 0;
            open.acknowledge_by = None;
            open.newest.take()
        });
        let Some(newest) = newest else {
            self.metrics.unsettled.inc();
            return;
        };
        match newest.ack(BasicAckOptions { multiple: true }).await {
            Ok(true) => {}
            Ok(false) => self.metrics.unsettled.inc(),
            Err(error) => {
                self.metrics.unsettled.inc();
                self.lost(&error.to_string());
            }
        }
    }

    /// Gets messages of `route` from now on (live sources).
    pub async fn bind(&mut self, route: &str) {
        if self.bound.insert(route.to_owned())
            && let Some(open) = &self.open
            && let Err(error) = bind(&open.link, &open.queue, self.options.topology.exchange, route).await
        {
            self.lost(&error.to_string());
        }
    }

    /// Gets no more messages of `route` (live sources).
    pub async fn unbind(&mut self, route: &str) {
        if self.bound.remove(route)
            && let Some(Open { link, queue, .. }) = &self.open
        {
            let exchange = self.options.topology.exchange.into();
            let unbound = link
                .channel
                .queue_unbind(queue.as_str().into(), exchange, route.into(), FieldTable::default())
                .await;
            if let Err(error) = unbound {
                self.lost(&error.to_string());
            }
        }
    }

    /// Closes the connection; what is not settled goes back to the queue.
    pub async fn close(self) {
        if let Some(open) = self.open {
            open.link.close().await;
        }
    }

    fn lost(&mut self, reason: &str) {
        warn!(
            broker.connection = self.options.name,
            reason, "consuming connection lost"
        );
        self.report.send_replace(Status::Down(reason.to_owned()));
        self.open = None;
    }

    async fn connected(&mut self) -> &mut Open {
        loop {
            // Taken and put back, since the borrow checker does not follow a returned borrow out of a loop.
            if let Some(open) = self.open.take() {
                return self.open.insert(open);
            }
            let report = &self.report;
            let down = |error: &Error| drop(report.send_replace(Status::Down(error.to_string())));
            let link = Link::establish(&self.options, down).await;
            self.metrics.reconnects.inc();
            match self.consume(link).await {
                Ok(open) => {
                    info!(
                        broker.connection = self.options.name,
                        broker.queue = open.queue,
                        "consuming from RabbitMQ"
                    );
                    self.report.send_replace(Status::Up);
                    self.open = Some(open);
                }
                Err(error) => {
                    self.lost(&error.to_string());
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    async fn consume(&mut self, link: Link) -> Result<Open, lapin::Error> {
        let channel = &link.channel;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        let queue = match self.source {
            Source::Work(queue) => queue.to_owned(),
            Source::Live { max_length, max_bytes } => {
                let own = QueueDeclareOptions {
                    exclusive: true,
                    auto_delete: true,
                    ..Default::default()
                };
                let limits = arguments([
                    ("x-max-length", number(max_length)),
                    ("x-max-length-bytes", number(max_bytes)),
                    ("x-overflow", text("drop-head")),
                ]);
                let queue = channel.queue_declare("".into(), own, limits).await?.name().to_string();
                for route in &self.bound {
                    bind(&link, &queue, self.options.topology.exchange, route).await?;
                }
                queue
            }
        };
        let tag = self.options.name.as_str().into();
        let consumer = channel.basic_consume(
            queue.as_str().into(),
            tag,
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = consumer.await?;
        let statuses = Box::pin(link.statuses());
        Ok(Open {
            link,
            queue,
            consumer,
            statuses,
            newest: None,
            unsettled: 0,
            acknowledge_by: None,
        })
    }
}

fn text_headers(delivery: &lapin::message::Delivery) -> BTreeMap<String, String> {
    let headers = delivery
        .properties
        .headers()
        .as_ref()
        .map(FieldTable::inner)
        .into_iter()
        .flatten();
    headers
        .filter_map(|(name, value)| match value {
            AMQPValue::LongString(text) => Some((name.to_string(), text.to_string())),
            _ => None,
        })
        .collect()
}

async fn bind(link: &Link, queue: &str, exchange: &str, route: &str) -> Result<(), lapin::Error> {
    let options = QueueBindOptions::default();
    link.channel
        .queue_bind(
            queue.into(),
            exchange.into(),
            route.into(),
            options,
            FieldTable::default(),
        )
        .await
}
