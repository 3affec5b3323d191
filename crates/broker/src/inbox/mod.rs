//! Consuming in batches: what is there is taken together, held until it is settled, and acknowledged at once.

mod delivery;
mod held;
mod live;
mod routes;
mod source;

use std::{collections::BTreeSet, mem, time::Duration};

use futures_util::{FutureExt, Stream, StreamExt};
use lapin::{
    Acker, Consumer,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    protocol::AMQPSoftError,
    types::FieldTable,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};
use tracing::{info, warn};

pub use self::{
    delivery::Delivery,
    source::{Live, Source},
};
use self::{
    held::{Habit, Held},
    routes::Routes,
};
use crate::{
    connection::{Link, Options, Status},
    error::Error,
    metrics::InboxMetrics,
};

/// Between two attempts to consume.
const RETRY: Duration = Duration::from_millis(500);
/// An acknowledgement leaves within this time, or the connection is taken for broken: one that breaks just then may let it wait
/// for ever.
const SENT_WITHIN: Duration = Duration::from_secs(5);

/// Takes messages from one queue. Rebuilds its connection for as long as it takes.
pub struct Inbox {
    options: Options,
    source: Source,
    prefetch: u16,
    metrics: InboxMetrics,
    report: watch::Sender<Status>,
    habit: Habit,
    bound: BTreeSet<String>,
    /// Routes of a kept queue that are to be unbound when there is a connection.
    unbound: BTreeSet<String>,
    /// The live queue is new, and nobody has been told yet.
    anew: bool,
    /// So many messages were handed out.
    handed_out: u64,
    open: Option<Open>,
}

/// The tag of a message, and what it is acknowledged by.
type Handed = (u64, Acker);

struct Open {
    link: Link,
    queue: String,
    consumer: Consumer,
    statuses: std::pin::Pin<Box<dyn Stream<Item = Status> + Send>>,
    /// Handed out and not acknowledged.
    held: Held<Handed>,
    /// Whether it was told that there is this connection.
    announced: bool,
}

impl Inbox {
    /// An inbox that connects when first asked. `prefetch` is how many messages may be unsettled.
    pub fn new(options: Options, source: Source, prefetch: u16, metrics: InboxMetrics) -> Self {
        let report = watch::Sender::new(Status::Down("connecting".to_owned()));
        Self {
            options,
            habit: source.habit(prefetch),
            source,
            prefetch,
            metrics,
            report,
            bound: BTreeSet::new(),
            unbound: BTreeSet::new(),
            anew: false,
            handed_out: 0,
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
        loop {
            if let Live::Messages(taken) = self.next_live(limit, max_bytes).await {
                return taken;
            }
        }
    }

    /// The same, and says when there is a new connection. Dropping the future loses nothing; but one that is dropped while it
    /// connects begins again.
    pub async fn next_live(&mut self, limit: usize, max_bytes: usize) -> Live {
        loop {
            let open = self.connected().await;
            if !mem::replace(&mut open.announced, true) {
                let anew = mem::take(&mut self.anew);
                return Live::Connected { anew };
            }
            let due = open.held.due();
            let first = tokio::select! {
                first = open.consumer.next() => first,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    if let Some((_, last)) = open.held.release(Instant::now()) {
                        self.acknowledge(&last, true).await;
                    }
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
            return Live::Messages(self.hand_out(taken));
        }
    }

    fn hand_out(&mut self, taken: Vec<lapin::message::Delivery>) -> Vec<Delivery> {
        self.metrics.consumed.inc_by(taken.len() as u64);
        self.metrics
            .redelivered
            .inc_by(taken.iter().filter(|delivery| delivery.redelivered).count() as u64);
        let now = Instant::now();
        let tagged = |delivery: lapin::message::Delivery| {
            self.handed_out += 1;
            if let Some(open) = &mut self.open {
                open.held.hold((self.handed_out, delivery.acker.clone()), now);
            }
            Delivery::new(delivery, self.handed_out)
        };
        taken.into_iter().map(tagged).collect()
    }

    /// Says that everything that was handed out is done with. It is acknowledged, unless the queue is live; when the connection was lost
    /// meanwhile, the broker delivers it again. Of a live queue, older messages are acknowledged now and then.
    pub async fn settle(&mut self) {
        let released = self.open.as_mut().map(|open| open.held.release(Instant::now()));
        match (released, &self.source) {
            (Some(Some((_, last))), _) => self.acknowledge(&last, true).await,
            // Not worth it yet.
            (Some(None), Source::Live { .. }) => {}
            (Some(None), Source::Work(_) | Source::Copies(_)) | (None, _) => self.metrics.unsettled.inc(),
        }
    }

    /// Says the same of one message ([`Delivery::tag`]), whatever becomes of the others.
    pub async fn settle_one(&mut self, tag: u64) {
        let held = self
            .open
            .as_mut()
            .and_then(|open| open.held.take(|(held, _)| *held == tag));
        match held {
            Some((_, one)) => self.acknowledge(&one, false).await,
            None => self.metrics.unsettled.inc(),
        }
    }

    /// Acknowledges a message, and those before it, if `multiple`.
    async fn acknowledge(&mut self, last: &Acker, multiple: bool) {
        let sent = timeout(SENT_WITHIN, last.ack(BasicAckOptions { multiple })).await;
        match sent {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => self.metrics.unsettled.inc(),
            Ok(Err(error)) => {
                self.metrics.unsettled.inc();
                self.lost(&error.to_string());
            }
            Err(_) => {
                self.metrics.unsettled.inc();
                self.lost("an acknowledgement could not be sent");
            }
        }
    }

    /// Gets messages of `route` from now on (live sources); false when that holds only from the next connection on.
    pub async fn bind(&mut self, route: &str) -> bool {
        self.unbound.remove(route);
        let is_new = self.bound.insert(route.to_owned());
        let Some(open) = &self.open else { return false };
        if is_new && let Err(error) = self.routes(open).bind(route).await {
            self.lost(&error.to_string());
            return false;
        }
        true
    }

    /// Gets no more messages of `route` (live sources), also when the queue has it from an earlier life of this process.
    pub async fn unbind(&mut self, route: &str) {
        self.bound.remove(route);
        self.unbound.insert(route.to_owned());
        if let Some(open) = &self.open {
            match self.routes(open).unbind(route).await {
                Ok(()) => drop(self.unbound.remove(route)),
                Err(error) => self.lost(&error.to_string()),
            }
        }
    }

    fn routes<'o>(&self, open: &'o Open) -> Routes<'o> {
        Routes {
            channel: &open.link.channel,
            queue: &open.queue,
            exchange: self.options.topology.exchange,
        }
    }

    /// Closes the connection; what is not acknowledged goes back to the queue. A live queue that is kept expires by itself.
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
                Err(error @ Error::NotPermitted(_)) => {
                    warn!(broker.connection = self.options.name, %error, "the live queue will be gone with its connection");
                    self.source.do_not_keep();
                    self.habit = self.source.habit(self.prefetch);
                }
                Err(error) => {
                    warn!(broker.connection = self.options.name, %error, retry.after = ?RETRY, "cannot consume from RabbitMQ");
                    self.report.send_replace(Status::Down(error.to_string()));
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn consume(&mut self, link: Link) -> Result<Open, Error> {
        link.channel
            .basic_qos(self.prefetch, BasicQosOptions::default())
            .await?;
        let exchange = self.options.topology.exchange;
        let queue = live::declare(&link, &self.source, exchange, &mut self.anew).await?;
        let tag = self.options.name.as_str().into();
        let alone = BasicConsumeOptions {
            exclusive: matches!(self.source, Source::Live { keep, .. } if !keep.is_zero()),
            ..Default::default()
        };
        let consumer = link
            .channel
            .basic_consume(queue.as_str().into(), tag, alone, FieldTable::default());
        let consumer = consumer.await.map_err(|error| {
            let refused = alone.exclusive && live::is(&error, &AMQPSoftError::ACCESSREFUSED);
            if refused { Error::InUse(error) } else { error.into() }
        })?;
        let statuses = Box::pin(link.statuses());
        let open = Open {
            link,
            queue,
            consumer,
            statuses,
            held: Held::new(self.habit),
            announced: false,
        };
        // Only now that the queue is ours: it may have been another's until a moment ago.
        let routes = self.routes(&open);
        for route in &self.bound {
            routes.bind(route).await?;
        }
        for route in &self.unbound {
            routes.unbind(route).await?;
        }
        self.unbound.clear();
        Ok(open)
    }
}

#[cfg(test)]
mod tests;
