//! The queues of the live feed.
//!
//! None of them is durable: publishers would wait for the disk until each of them has a message safely, and what was live
//! before the broker went down is of no use when it is back.

use lapin::{
    ErrorKind,
    options::{QueueDeclareOptions, QueueDeleteOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::FieldTable,
};
use tracing::warn;

use super::Source;
use crate::{
    connection::Link,
    copies,
    error::Error,
    topology::{arguments, number, text},
};

/// Declares what is consumed, unless it is of the topology and so there already, and returns its name. Sets `anew`
/// before it makes a new queue, since a caller may give up waiting at any point, and the next attempt would find the queue.
pub(super) async fn declare(link: &Link, source: &Source, exchange: &str, anew: &mut bool) -> Result<String, Error> {
    let (name, keep, limits) = match source {
        Source::Work(queue) => return Ok((*queue).to_owned()),
        Source::Copies(queue) => {
            copies::declare(&link.channel, queue, exchange).await?;
            return Ok(queue.name.to_owned());
        }
        Source::Live {
            name,
            keep,
            max_length,
            max_bytes,
        } => (name, keep, limits(*max_length, *max_bytes)),
    };
    if keep.is_zero() {
        *anew = true;
        return declare_own(link, limits).await;
    }
    // Asking renews the lease, so a queue that is there now does not expire before it is declared.
    *anew |= !is_there(link, name).await?;
    let mut arguments = limits;
    let milliseconds = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
    // Where the default type is another one.
    arguments.insert("x-queue-type".into(), text("classic"));
    arguments.insert("x-expires".into(), number(milliseconds.max(1)));
    match declare_kept(link, name, arguments.clone()).await {
        Err(error) if not_permitted(&error) => return Err(Error::NotPermitted(error)),
        Err(error) if is(&error, &AMQPSoftError::PRECONDITIONFAILED) => {
            warn!(broker.queue = name, %error, "the live queue was made with other settings: making it anew");
            *anew = true;
            delete(link, name).await?;
            declare_kept(link, name, arguments).await?;
        }
        declared => declared?,
    }
    Ok(name.clone())
}

fn limits(length: u64, bytes: u64) -> FieldTable {
    arguments([
        ("x-max-length", number(length)),
        ("x-max-length-bytes", number(bytes)),
        ("x-overflow", text("drop-head")),
    ])
}

/// A queue that is gone with the connection; the broker names it.
async fn declare_own(link: &Link, limits: FieldTable) -> Result<String, Error> {
    let own = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..Default::default()
    };
    let queue = link.channel.queue_declare("".into(), own, limits).await?;
    Ok(queue.name().to_string())
}

/// As every question that may be answered by closing the channel, this has a channel of its own.
async fn is_there(link: &Link, name: &str) -> Result<bool, Error> {
    let passive = QueueDeclareOptions {
        passive: true,
        ..Default::default()
    };
    let channel = link.another_channel().await?;
    match channel.queue_declare(name.into(), passive, FieldTable::default()).await {
        Ok(_) => Ok(true),
        Err(error) if is(&error, &AMQPSoftError::NOTFOUND) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A queue that outlives the connection.
async fn declare_kept(link: &Link, name: &str, arguments: FieldTable) -> Result<(), lapin::Error> {
    let channel = link.another_channel().await?;
    let options = QueueDeclareOptions::default();
    channel.queue_declare(name.into(), options, arguments).await.map(drop)
}

/// Unless somebody consumes from it, who would lose it without a word.
async fn delete(link: &Link, name: &str) -> Result<(), Error> {
    let unused = QueueDeleteOptions {
        if_unused: true,
        ..Default::default()
    };
    let channel = link.another_channel().await?;
    match channel.queue_delete(name.into(), unused).await {
        Ok(_) => Ok(()),
        Err(error) if is(&error, &AMQPSoftError::PRECONDITIONFAILED) => Err(Error::InUse(error)),
        Err(error) => Err(error.into()),
    }
}

/// Whether the broker answered with this error, which closes the channel and nothing else.
pub(super) fn is(error: &lapin::Error, expected: &AMQPSoftError) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if matches!(error.kind(), AMQPErrorKind::Soft(kind) if kind == expected))
}

/// RabbitMQ since 4.3 permits such queues only when it is told to; it closes the connection.
fn not_permitted(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_message().as_str().contains("transient_nonexcl_queues"))
}
