//! The queues of the live feed.
//!
//! None of them is durable: publishers would wait for the disk until each of them has a message safely, and what was live
//! before the broker went down is of no use when it is back.

use std::time::Duration;

use lapin::{
    ErrorKind,
    options::{QueueDeclareOptions, QueueDeleteOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::FieldTable,
};
use tracing::warn;

use crate::{
    connection::Link,
    error::Error,
    topology::{arguments, number, text},
};

/// How much a live queue holds: messages and bytes.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) length: u64,
    pub(super) bytes: u64,
}

impl Limits {
    fn arguments(self) -> FieldTable {
        arguments([
            ("x-max-length", number(self.length)),
            ("x-max-length-bytes", number(self.bytes)),
            ("x-overflow", text("drop-head")),
        ])
    }
}

/// Declares a queue that is gone with the connection, and says what the broker called it.
pub(super) async fn declare_own(link: &Link, limits: Limits) -> Result<String, Error> {
    let own = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..Default::default()
    };
    let queue = link.channel.queue_declare("".into(), own, limits.arguments()).await?;
    Ok(queue.name().to_string())
}

/// Declares a queue that outlives the connection by `keep`, and says whether it is new: what was in it before is lost then.
pub(super) async fn declare_kept(link: &Link, name: &str, keep: Duration, limits: Limits) -> Result<bool, Error> {
    let mut arguments = limits.arguments();
    let milliseconds = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
    arguments.insert("x-expires".into(), number(milliseconds.max(1)));
    // Asking renews the lease, so a queue that is there now does not expire before it is declared.
    let known = is_there(link, name).await?;
    match declare(link, name, arguments.clone()).await {
        Err(error) if is(&error, &AMQPSoftError::PRECONDITIONFAILED) => {
            warn!(broker.queue = name, %error, "the live queue was made with other settings: making it anew");
            delete(link, name).await?;
            declare(link, name, arguments).await?;
            Ok(true)
        }
        declared => declared.map(|()| !known).map_err(Into::into),
    }
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

async fn declare(link: &Link, name: &str, arguments: FieldTable) -> Result<(), lapin::Error> {
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
