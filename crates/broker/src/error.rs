//! What can go wrong at the broker, by what the caller can do about it.

use std::time::Duration;

/// The connection or the topology cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL of the broker cannot be read.
    #[error("the broker URL is wrong: {0}")]
    Url(String),
    /// RabbitMQ refused, or the connection broke.
    #[error("RabbitMQ: {0}")]
    Broker(#[from] lapin::Error),
    /// No answer in time.
    #[error("RabbitMQ did not answer within {0:?}")]
    Timeout(Duration),
    /// Another consumer has the live queue.
    #[error(
        "the live queue is in use: by another process of the same name, or RabbitMQ has not noticed yet that the last one is gone ({0})"
    )]
    InUse(lapin::Error),
    /// The broker refuses queues that outlive their connection and not a restart of the broker.
    #[error(
        "this RabbitMQ permits no kept live queue: it wants deprecated_features.permit.transient_nonexcl_queues = true ({0})"
    )]
    NotPermitted(lapin::Error),
    /// A message was not confirmed.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Why a message was not confirmed. Whether the broker has it is unknown after `TimedOut` and `ConnectionLost`; in every
/// case the sender may send it again, since batches carry an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// As many messages wait as are allowed.
    #[error("too many messages are waiting for the broker")]
    Busy,
    /// There is no connection now.
    #[error("the message broker is not reachable")]
    Unavailable,
    /// The broker has raised a memory or disk alarm and takes nothing.
    #[error("the message broker takes no messages now (resource alarm)")]
    Blocked,
    /// The connection broke before the confirm came.
    #[error("the connection to the message broker was lost")]
    ConnectionLost,
    /// No confirm in time.
    #[error("the message broker did not confirm in time")]
    TimedOut,
    /// The broker said no.
    #[error("the message broker refused the message")]
    Refused,
    /// No queue takes this message: the topology is broken.
    #[error("no queue takes the message")]
    Unroutable,
}

impl PublishError {
    /// Every reason, for metrics that exist from the start.
    pub const ALL: [Self; 7] = [
        Self::Busy,
        Self::Unavailable,
        Self::Blocked,
        Self::ConnectionLost,
        Self::TimedOut,
        Self::Refused,
        Self::Unroutable,
    ];

    /// The reason as a metric label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::Blocked => "blocked",
            Self::ConnectionLost => "connection_lost",
            Self::TimedOut => "timed_out",
            Self::Refused => "refused",
            Self::Unroutable => "unroutable",
        }
    }
}
