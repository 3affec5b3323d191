//! The dead letters, one by one, for whoever decides about them. What is taken is held, and nobody else gets it, until it is
//! removed or the tray is closed; when the connection breaks, the broker puts everything back that was not removed.

use std::{collections::BTreeMap, time::Duration};

use lapin::{
    BasicProperties, Confirmation,
    message::Delivery,
    options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::time::timeout;

use crate::{
    connection::{Link, Options},
    error::{Error, PublishError},
    length::length,
    publisher::PERSISTENT,
    topology::Topology,
};

/// How long the broker may take for one step.
const PATIENCE: Duration = Duration::from_secs(30);
/// An open queue of dead letters.
pub struct Tray {
    link: Link,
    topology: Topology,
    removed: bool,
}

/// One dead letter in hand.
#[derive(Debug)]
pub struct DeadLetter {
    /// To remove it by.
    pub tag: Tag,
    /// The body.
    pub payload: Vec<u8>,
    /// The routing key that it had from the beginning.
    pub route: String,
    /// Its AMQP message type.
    pub kind: Option<String>,
    /// Its headers that are texts.
    pub headers: BTreeMap<String, String>,
    /// Why the broker itself dead-lettered it, if it did.
    pub death: Option<Death>,
}

/// Names a dead letter in hand; the default one names none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tag(u64);

/// What the broker says about a message that it dead-lettered itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// RabbitMQ's word: `delivery_limit`, `maxlen`, `expired` or `rejected`.
    pub reason: String,
    /// The queue in which it happened.
    pub queue: String,
    /// When, in seconds since 1970.
    pub at: Option<u64>,
}

impl Tray {
    /// Connects, once, and declares the topology.
    ///
    /// # Errors
    /// When the broker is away or refuses.
    pub async fn open(options: &Options) -> Result<Self, Error> {
        let link = Link::open(options).await?;
        in_time(link.channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(Self {
            link,
            topology: options.topology,
            removed: false,
        })
    }

    /// How many dead letters there are that nobody holds.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn length(&self) -> Result<u32, Error> {
        in_time(length(&self.link, self.topology.dead_letter_queue)).await
    }

    /// Takes the next one; `None` when there is no other.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn take(&self) -> Result<Option<DeadLetter>, Error> {
        let queue = self.topology.dead_letter_queue.into();
        let message = in_time(self.link.channel.basic_get(queue, BasicGetOptions::default())).await?;
        Ok(message.map(|message| dead_letter(message.delivery)))
    }

    /// Publishes a copy to the work queues, with the route that it had and the message type `kind`; returns when one of them
    /// has it safely.
    ///
    /// # Errors
    /// When the broker does not confirm it, or no work queue takes it.
    pub async fn replay(&self, letter: &DeadLetter, kind: &str) -> Result<(), Error> {
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_type(kind.into());
        let mandatory = BasicPublishOptions {
            mandatory: true,
            ..Default::default()
        };
        let (exchange, route) = (self.topology.replay_exchange.into(), letter.route.as_str().into());
        let channel = &self.link.channel;
        let confirmation = in_time(async {
            let published = channel.basic_publish(exchange, route, mandatory, &letter.payload, properties);
            published.await?.await
        });
        match confirmation.await? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => Err(PublishError::Unroutable.into()),
            Confirmation::Nack(_) | Confirmation::NotRequested => Err(PublishError::Refused.into()),
        }
    }

    /// Removes one that was taken, for good.
    ///
    /// # Errors
    /// When the connection breaks; then it may still be there.
    pub async fn remove(&mut self, tag: Tag) -> Result<(), Error> {
        let Tag(tag) = tag;
        in_time(self.link.channel.basic_ack(tag, BasicAckOptions::default())).await?;
        self.removed = true;
        Ok(())
    }

    /// Puts everything back that was taken and not removed, in the order that it had, and disconnects.
    ///
    /// # Errors
    /// When the connection is broken already; the broker puts it back itself then.
    pub async fn close(self) -> Result<(), Error> {
        const ALL: u64 = 0;
        if self.removed {
            // RabbitMQ puts removals off that come faster than a quorum queue works, and forgets those with the connection.
            // Taking waits for all that were sent to the queue before, and the second time for those put off by then.
            self.take().await?;
            self.take().await?;
        }
        let back = BasicNackOptions {
            multiple: true,
            requeue: true,
        };
        in_time(self.link.channel.basic_nack(ALL, back)).await?;
        self.link.close().await;
        Ok(())
    }
}

async fn in_time<T>(step: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, Error> {
    match timeout(PATIENCE, step).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Error::Timeout(PATIENCE)),
    }
}

fn dead_letter(delivery: Delivery) -> DeadLetter {
    let headers = delivery.properties.headers().as_ref();
    DeadLetter {
        tag: Tag(delivery.delivery_tag),
        route: delivery.routing_key.to_string(),
        kind: delivery.properties.kind().as_ref().map(ToString::to_string),
        death: headers.and_then(first_death),
        headers: headers.map(texts).unwrap_or_default(),
        payload: delivery.data,
    }
}

/// The headers that are texts.
fn texts(headers: &FieldTable) -> BTreeMap<String, String> {
    let texts = headers
        .inner()
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), text(value)?)));
    texts.collect()
}

/// RabbitMQ lists the deaths of a message with the latest first; a dead letter of ours has died once.
fn first_death(headers: &FieldTable) -> Option<Death> {
    let Some(AMQPValue::FieldArray(deaths)) = headers.inner().get("x-death") else {
        return None;
    };
    let Some(AMQPValue::FieldTable(death)) = deaths.as_slice().first() else {
        return None;
    };
    let death = death.inner();
    Some(Death {
        reason: text(death.get("reason")?)?,
        queue: text(death.get("queue")?)?,
        at: match death.get("time") {
            Some(AMQPValue::Timestamp(seconds)) => Some(*seconds),
            _ => None,
        },
    })
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}
