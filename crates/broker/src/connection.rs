//! One connection to RabbitMQ, with the topology declared.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use lapin::{Channel, Connection, ConnectionProperties, Event, uri::AMQPUri};
use tokio::time::timeout;
use tracing::warn;

use crate::{
    error::Error,
    socket::SocketGuard,
    topology::{self, Topology},
};

/// Bytes of a frame, unless the URL says otherwise. lapin keeps 64 of them for each connection, so those of RabbitMQ's own
/// 128 KiB take 8 MiB of memory; larger messages travel in several.
const FRAME_SIZE: u32 = 16 * 1024;
/// How long the broker may take to accept a connection and to answer a declaration.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Waits between attempts to connect: from the first to the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Where the broker is and how to talk to it.
#[derive(Clone)]
pub struct Options {
    /// `amqp://user:password@host:port/vhost`
    pub url: String,
    /// What the connection is called in RabbitMQ's own views.
    pub name: String,
    /// A connection that is silent for two of these is given up.
    pub heartbeat: Duration,
    /// What to declare.
    pub topology: Topology,
}

impl Options {
    /// Reads the URL, so that a wrong one is noticed at start and not retried for ever.
    ///
    /// # Errors
    /// [`Error::Url`]
    pub fn check(&self) -> Result<(), Error> {
        self.url.parse::<AMQPUri>().map(drop).map_err(Error::Url)
    }
}

/// How the connection is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not there (yet, or any more), and why.
    Down(String),
    /// Working.
    Up,
    /// There, but the broker takes no messages: a memory or disk alarm, and what it says about it.
    Blocked(String),
}

/// Fine, or why not: for readiness.
impl From<&Status> for Result<(), String> {
    fn from(status: &Status) -> Self {
        match status {
            Status::Up => Ok(()),
            Status::Down(reason) => Err(format!("no connection to RabbitMQ: {reason}")),
            Status::Blocked(reason) => Err(format!("RabbitMQ takes no messages: {reason}")),
        }
    }
}

/// An open connection. Dropping it closes it.
pub(crate) struct Link {
    pub(crate) channel: Channel,
    connection: Connection,
    /// Last, so that nothing is waited for that comes over it.
    _socket: SocketGuard,
}

impl Link {
    /// Connects once, within a time limit, and declares the topology.
    pub(crate) async fn open(options: &Options) -> Result<Self, Error> {
        // No longer than an open connection may be silent.
        let limit = CONNECT_TIMEOUT.min(options.heartbeat * 2);
        timeout(limit, Self::connect(options, limit))
            .await
            .unwrap_or(Err(Error::Timeout(limit)))
    }

    async fn connect(options: &Options, limit: Duration) -> Result<Self, Error> {
        let mut uri: AMQPUri = options.url.parse().map_err(Error::Url)?;
        uri.query.heartbeat = Some(u16::try_from(options.heartbeat.as_secs()).unwrap_or(u16::MAX).max(1));
        uri.query.frame_max.get_or_insert(FRAME_SIZE);
        let properties = ConnectionProperties::default().with_connection_name(options.name.as_str().into());
        let socket = SocketGuard::default();
        let connection = socket.connect(uri, properties, limit).await?;
        let channel = connection.create_channel().await?;
        topology::declare(&channel, &options.topology).await?;
        Ok(Self {
            channel,
            connection,
            _socket: socket,
        })
    }

    /// For a question that the broker may answer by closing the channel. It is closed when dropped.
    pub(crate) async fn another_channel(&self) -> Result<Channel, lapin::Error> {
        self.connection.create_channel().await
    }

    /// Connects, trying for as long as it takes; `report` hears of every failure.
    pub(crate) async fn establish(options: &Options, mut report: impl FnMut(&Error)) -> Self {
        let mut wait = BACKOFF.0;
        loop {
            match Self::open(options).await {
                Ok(link) => return link,
                Err(error) => {
                    warn!(broker.connection = options.name, %error, retry.after = ?wait, "cannot connect to RabbitMQ");
                    report(&error);
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(BACKOFF.1);
        }
    }

    /// Changes of the connection's status; `Down` is the last.
    pub(crate) fn statuses(&self) -> impl Stream<Item = Status> + Send + Unpin + use<> {
        self.connection
            .events_listener()
            .filter_map(|event| {
                std::future::ready(match event {
                    Event::ConnectionBlocked(reason) => Some(Status::Blocked(reason)),
                    Event::ConnectionUnblocked => Some(Status::Up),
                    Event::Error(error) => Some(Status::Down(error.to_string())),
                    _ => None,
                })
            })
            .boxed()
    }

    /// Says goodbye; the broker need not wait for the connection to go silent.
    pub(crate) async fn close(self) {
        let goodbye = self.connection.close(200, "closing".into());
        let _already_gone = timeout(Duration::from_secs(2), goodbye).await;
    }
}
