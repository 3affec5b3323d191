//! The durable topology, as data. Every service declares all of it whenever it connects: if only the consumer declared its
//! queue, a live queue could make a message routable that nobody stores.

use std::time::Duration;

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};

/// A topic exchange and the work queues that it fills.
#[derive(Clone, Copy, Debug)]
pub struct Topology {
    /// Where producers publish to.
    pub exchange: &'static str,
    /// Where messages go that cannot be processed.
    pub dead_letter_exchange: &'static str,
    /// The queue behind `dead_letter_exchange`. How often its letters may be looked at is a policy of the installation: queues
    /// that were made before that was known could not be declared with it.
    pub dead_letter_queue: &'static str,
    /// Messages that `dead_letter_queue` holds at most; then the oldest are dropped. Not a setting: a queue keeps the limit
    /// that it was made with, and services that disagree could not connect. A RabbitMQ policy can lower it.
    pub dead_letter_limit: u64,
    /// No dead letter is held for longer; `None`: until somebody looks after it.
    pub dead_letter_ttl: Option<Duration>,
    /// Where dead letters are published to be processed again: fills the work queues and no live queue, with the routing
    /// keys that the messages had.
    pub replay_exchange: &'static str,
    /// The queues whose messages must all be processed.
    pub work_queues: &'static [WorkQueue],
}

/// A queue whose messages must all be processed: quorum, durable, with a delivery limit and dead letters.
#[derive(Clone, Copy, Debug)]
pub struct WorkQueue {
    /// Its name.
    pub name: &'static str,
    /// The routing keys that it takes, as a topic pattern.
    pub binding: &'static str,
    /// So often a message may come back before the broker dead-letters it: a consumer that dies on it each time must not
    /// do so for ever, and outages must not use the limit up.
    pub delivery_limit: i32,
    /// Bytes of messages that it holds at most; then publishers are refused. `None`: a policy of the installation says.
    pub max_bytes: Option<u64>,
}

/// Detections, from ingest-api to the workers and the live feed.
pub const DETECTIONS: Topology = Topology {
    exchange: "citytrack.detections",
    dead_letter_exchange: "citytrack.dead",
    dead_letter_queue: "citytrack.dead",
    dead_letter_limit: 100_000,
    dead_letter_ttl: None,
    replay_exchange: "citytrack.replay",
    work_queues: &[PERSIST],
};

/// What the persistence workers consume.
pub const PERSIST: WorkQueue = WorkQueue {
    name: "citytrack.persist",
    binding: "detections.#",
    delivery_limit: 1_000,
    max_bytes: None,
};

/// Pictures, from ingest-api to the workers and back. Nothing is shared with [`DETECTIONS`], so that one never waits for the other. Dead
/// letters hold originals, which nobody may keep.
pub const IMAGES: Topology = Topology {
    exchange: "citytrack.images",
    dead_letter_exchange: "citytrack.images.dead",
    dead_letter_queue: "citytrack.images.dead",
    dead_letter_limit: 1_000,
    dead_letter_ttl: Some(Duration::from_hours(24)),
    replay_exchange: "citytrack.images.replay",
    work_queues: &[TRANSFORM, SAVE],
};

/// Uploads, for the workers that transform them.
pub const TRANSFORM: WorkQueue = WorkQueue {
    name: "citytrack.transform",
    binding: "images.uploaded.#",
    delivery_limit: 20,
    max_bytes: Some(1 << 30),
};

/// What became of them, for the workers that save it.
pub const SAVE: WorkQueue = WorkQueue {
    name: "citytrack.save",
    binding: "images.transformed.#",
    delivery_limit: 20,
    max_bytes: Some(1 << 30),
};

/// Declares everything in `topology`; what is there already stays as it is.
pub(crate) async fn declare(channel: &Channel, topology: &Topology) -> Result<(), lapin::Error> {
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    for exchange in [
        topology.exchange,
        topology.dead_letter_exchange,
        topology.replay_exchange,
    ] {
        channel
            .exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default())
            .await?;
    }
    let mut dead_letters = arguments([
        ("x-queue-type", text("quorum")),
        ("x-max-length", number(topology.dead_letter_limit)),
        ("x-overflow", text("drop-head")),
    ]);
    if let Some(ttl) = topology.dead_letter_ttl {
        let milliseconds = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        dead_letters.insert("x-message-ttl".into(), number(milliseconds));
    }
    let (queue, exchange) = (topology.dead_letter_queue, topology.dead_letter_exchange);
    declare_queue(channel, queue, "#", &[exchange], dead_letters).await?;
    for queue in topology.work_queues {
        let mut work = arguments([
            ("x-queue-type", text("quorum")),
            ("x-delivery-limit", AMQPValue::LongInt(queue.delivery_limit)),
            ("x-dead-letter-exchange", text(topology.dead_letter_exchange)),
        ]);
        if let Some(bytes) = queue.max_bytes {
            work.insert("x-max-length-bytes".into(), number(bytes));
            work.insert("x-overflow".into(), text("reject-publish"));
        }
        let exchanges = [topology.exchange, topology.replay_exchange];
        declare_queue(channel, queue.name, queue.binding, &exchanges, work).await?;
    }
    Ok(())
}

/// Declares a durable queue that gets the routing keys like `binding` from each of the exchanges.
pub(crate) async fn declare_queue(
    channel: &Channel,
    name: &str,
    binding: &str,
    exchanges: &[&str],
    arguments: FieldTable,
) -> Result<(), lapin::Error> {
    let durable = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel.queue_declare(name.into(), durable, arguments).await?;
    for exchange in exchanges.iter().copied() {
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        channel
            .queue_bind(name.into(), exchange.into(), binding.into(), options, none)
            .await?;
    }
    Ok(())
}

pub(crate) fn arguments<const N: usize>(pairs: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in pairs {
        table.insert(name.into(), value);
    }
    table
}

pub(crate) fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

pub(crate) fn number(value: u64) -> AMQPValue {
    AMQPValue::LongLongInt(i64::try_from(value).unwrap_or(i64::MAX))
}
