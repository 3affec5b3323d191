//! What an inbox hands out.

use std::collections::BTreeMap;

use lapin::types::{AMQPValue, FieldTable};

use crate::stamp::Stamp;

/// One message.
#[derive(Debug)]
pub struct Delivery {
    /// The body.
    pub payload: Vec<u8>,
    /// The exchange that it was published to.
    pub exchange: String,
    /// Its routing key.
    pub route: String,
    /// Its AMQP message type: name and version of the schema.
    pub kind: Option<String>,
    /// Its AMQP message id.
    pub id: Option<String>,
    /// The id as a number of a message, if a [`Publisher`](crate::Publisher) sent it.
    pub stamp: Option<Stamp>,
    /// Whether it was delivered before.
    pub redelivered: bool,
    /// How often it came back to the queue without an end: whoever had it died, stopped, or lost its connection. RabbitMQ counts it for
    /// work queues.
    pub returned: u64,
    /// Its headers that are texts.
    pub headers: BTreeMap<String, String>,
    /// Which one it is of all that the inbox has handed out, on this connection and earlier ones: to settle it alone by.
    pub tag: u64,
}

impl Delivery {
    pub(super) fn new(delivery: lapin::message::Delivery, tag: u64) -> Self {
        let properties = &delivery.properties;
        let id = properties.message_id();
        Self {
            exchange: delivery.exchange.to_string(),
            route: delivery.routing_key.to_string(),
            kind: properties.kind().as_ref().map(ToString::to_string),
            id: id.as_ref().map(ToString::to_string),
            stamp: id.as_ref().and_then(|id| Stamp::parse(id.as_str())),
            redelivered: delivery.redelivered,
            returned: properties.headers().as_ref().map(returned).unwrap_or_default(),
            tag,
            headers: properties.headers().as_ref().map(texts).unwrap_or_default(),
            payload: delivery.data,
        }
    }
}

/// The count of a quorum queue; absent at first.
fn returned(headers: &FieldTable) -> u64 {
    match headers.inner().get("x-delivery-count") {
        Some(AMQPValue::LongLongInt(count)) => u64::try_from(*count).unwrap_or_default(),
        _ => 0,
    }
}

fn texts(headers: &FieldTable) -> BTreeMap<String, String> {
    let texts = headers.inner().iter().filter_map(|(name, value)| match value {
        AMQPValue::LongString(text) => Some((name.to_string(), text.to_string())),
        _ => None,
    });
    texts.collect()
}
