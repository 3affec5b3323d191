//! The settings of this service.

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};

use bytesize::ByteSize;
use citytrack_access::MIN_SECRET_LENGTH;
use citytrack_common::settings::{
    AdminSettings, BrokerSettings, HttpSettings, LogSettings, ProxySettings, SecretParser, ShutdownSettings,
};
use clap::{Args, Parser};
use humantime::Duration;
use secrecy::SecretString;

/// The live feed of CityTrack: detections to browsers over WebSocket.
#[derive(Clone, Parser)]
#[command(name = "realtime-ws", version)]
pub struct Settings {
    /// The listener that browsers reach through the gateway.
    #[command(flatten)]
    pub http: HttpSettings,
    /// The proxies in front of it.
    #[command(flatten)]
    pub proxies: ProxySettings,
    /// The listener for operators.
    #[command(flatten)]
    pub admin: AdminSettings,
    /// Where detections come from.
    #[command(flatten)]
    pub broker: BrokerSettings,
    /// Sockets and subscriptions.
    #[command(flatten)]
    pub live: LiveSettings,
    /// Log lines.
    #[command(flatten)]
    pub log: LogSettings,
    /// The end of the process.
    #[command(flatten)]
    pub shutdown: ShutdownSettings,
    /// The key that viewer tokens are signed with, at least 32 characters; the same in console, stats and realtime-ws
    #[arg(
        long = "viewer-secret",
        env = "CITYTRACK_VIEWER__SECRET",
        hide_env_values = true,
        value_parser = SecretParser::at_least(MIN_SECRET_LENGTH)
    )]
    pub viewer_secret: SecretString,
    /// The token of the control API; with it, the presence at every venue can be asked for. Without, viewers alone can ask
    #[arg(
        long = "administrator-token",
        env = "CITYTRACK_ADMINISTRATOR__TOKEN",
        hide_env_values = true,
        value_parser = SecretParser::at_least(MIN_SECRET_LENGTH)
    )]
    pub administrator_token: Option<SecretString>,
}

/// What a socket may do, and how long things may take.
#[derive(Args, Clone, Debug)]
pub struct LiveSettings {
    /// Sockets open at most; one more gets 503
    #[arg(long = "live-sockets", env = "CITYTRACK_LIVE__SOCKETS", default_value = "10000")]
    pub sockets: NonZeroU32,
    /// Sockets open at most with one viewer token; one more gets 429
    #[arg(
        long = "live-sockets-per-token",
        env = "CITYTRACK_LIVE__SOCKETS_PER_TOKEN",
        default_value = "1000"
    )]
    pub sockets_per_token: NonZeroU32,
    /// Sockets open at most from one address, likewise
    #[arg(
        long = "live-sockets-per-address",
        env = "CITYTRACK_LIVE__SOCKETS_PER_ADDRESS",
        default_value = "1000"
    )]
    pub sockets_per_address: NonZeroU32,
    /// Origins of the pages of other sites that may use the feed, such as `https://example.org`, separated by commas; `*` is
    /// every page. Pages of the address that the feed itself is reached by always may
    #[arg(
        long = "live-origins",
        env = "CITYTRACK_LIVE__ORIGINS",
        value_delimiter = ',',
        default_value = ""
    )]
    pub origins: Vec<String>,
    /// How long a socket may be open before it shows a token (4401)
    #[arg(
        long = "live-authenticate-within",
        env = "CITYTRACK_LIVE__AUTHENTICATE_WITHIN",
        default_value = "5s"
    )]
    pub authenticate_within: Duration,
    /// Whether messages are compressed for clients that can read that (permessage-deflate): once for all who get the same
    #[arg(
        long = "live-compression",
        env = "CITYTRACK_LIVE__COMPRESSION",
        default_value = "false",
        action = clap::ArgAction::Set
    )]
    pub compression: bool,
    /// Subscriptions that one socket may hold
    #[arg(
        long = "live-subscriptions",
        env = "CITYTRACK_LIVE__SUBSCRIPTIONS",
        default_value = "16"
    )]
    pub subscriptions: NonZeroUsize,
    /// Largest message that a client may send; a larger one ends the socket
    #[arg(
        long = "live-message-size",
        env = "CITYTRACK_LIVE__MESSAGE_SIZE",
        default_value = "16KiB"
    )]
    pub message_size: ByteSize,
    /// Messages a second that a client may send; five seconds' worth may come at once
    #[arg(
        long = "live-message-rate",
        env = "CITYTRACK_LIVE__MESSAGE_RATE",
        default_value = "20"
    )]
    pub message_rate: NonZeroU32,
    /// Conditions of one filter inside each other
    #[arg(
        long = "live-filter-depth",
        env = "CITYTRACK_LIVE__FILTER_DEPTH",
        default_value = "8"
    )]
    pub filter_depth: NonZeroUsize,
    /// Conditions of one filter altogether
    #[arg(
        long = "live-filter-conditions",
        env = "CITYTRACK_LIVE__FILTER_CONDITIONS",
        default_value = "64"
    )]
    pub filter_conditions: NonZeroUsize,
    /// Cameras that one filter may name
    #[arg(
        long = "live-filter-cameras",
        env = "CITYTRACK_LIVE__FILTER_CAMERAS",
        default_value = "200"
    )]
    pub filter_cameras: NonZeroUsize,
    /// Classes that one filter may name
    #[arg(
        long = "live-filter-classes",
        env = "CITYTRACK_LIVE__FILTER_CLASSES",
        default_value = "100"
    )]
    pub filter_classes: NonZeroUsize,
    /// Frames that wait for one socket at most; then older ones of a camera give way to newer ones, and the client is told
    #[arg(long = "live-queue", env = "CITYTRACK_LIVE__QUEUE", default_value = "1024")]
    pub queue: NonZeroUsize,
    /// Size of the frames that wait for one socket at most, with the same effect
    #[arg(long = "live-queue-size", env = "CITYTRACK_LIVE__QUEUE_SIZE", default_value = "4MiB")]
    pub queue_size: ByteSize,
    /// A socket that takes nothing for so long although frames wait for it is closed (4408)
    #[arg(long = "live-slow-after", env = "CITYTRACK_LIVE__SLOW_AFTER", default_value = "10s")]
    pub slow_after: Duration,
    /// A socket that was silent for so long is pinged
    #[arg(
        long = "live-ping-interval",
        env = "CITYTRACK_LIVE__PING_INTERVAL",
        default_value = "20s"
    )]
    pub ping_interval: Duration,
    /// A socket that was silent for so long, pings included, is given up
    #[arg(long = "live-dead-after", env = "CITYTRACK_LIVE__DEAD_AFTER", default_value = "60s")]
    pub dead_after: Duration,
    /// Messages in a row that cannot be understood; one more ends the socket (4400)
    #[arg(
        long = "live-bad-messages",
        env = "CITYTRACK_LIVE__BAD_MESSAGES",
        default_value = "10"
    )]
    pub bad_messages: u32,
    /// How long a subscription waits for the broker before the client is told that it is not available
    #[arg(
        long = "live-subscribe-timeout",
        env = "CITYTRACK_LIVE__SUBSCRIBE_TIMEOUT",
        default_value = "5s"
    )]
    pub subscribe_timeout: Duration,
    /// How long a venue is still taken from the broker after its last subscriber left
    #[arg(
        long = "live-unbind-after",
        env = "CITYTRACK_LIVE__UNBIND_AFTER",
        default_value = "30s"
    )]
    pub unbind_after: Duration,
    /// At shutdown sockets are closed (1012) one by one over this time, so that clients do not all come back at once
    #[arg(
        long = "live-close-window",
        env = "CITYTRACK_LIVE__CLOSE_WINDOW",
        default_value = "1s"
    )]
    pub close_window: Duration,
    /// Messages that the broker holds for this instance at most; then it drops the oldest
    #[arg(
        long = "live-broker-queue",
        env = "CITYTRACK_LIVE__BROKER_QUEUE",
        default_value = "10000"
    )]
    pub broker_queue: NonZeroU64,
    /// Bytes of such messages, likewise
    #[arg(
        long = "live-broker-queue-size",
        env = "CITYTRACK_LIVE__BROKER_QUEUE_SIZE",
        default_value = "64MiB"
    )]
    pub broker_queue_size: ByteSize,
    /// Messages that the broker hands out before they are settled; the newer half of them stays unsettled, and comes again when
    /// this instance is killed and comes back
    #[arg(
        long = "live-broker-prefetch",
        env = "CITYTRACK_LIVE__BROKER_PREFETCH",
        default_value = "512"
    )]
    pub broker_prefetch: NonZeroU16,
    /// The name of this instance, different for each; its queue at the broker is called after it. By default host and port
    #[arg(long = "live-instance", env = "CITYTRACK_LIVE__INSTANCE")]
    pub instance: Option<String>,
    /// How long the broker keeps the queue of an instance that is away, so that it can go on where it was. `0s`: not at all,
    /// for versions of RabbitMQ that deny transient queues that are not exclusive
    #[arg(
        long = "live-broker-keep",
        env = "CITYTRACK_LIVE__BROKER_KEEP",
        default_value = "60s"
    )]
    pub broker_keep: Duration,
    /// Frames of each venue that are kept for viewers who come back
    #[arg(long = "live-history", env = "CITYTRACK_LIVE__HISTORY", default_value = "20000")]
    pub history: NonZeroUsize,
    /// Memory that they take at most, roughly
    #[arg(
        long = "live-history-size",
        env = "CITYTRACK_LIVE__HISTORY_SIZE",
        default_value = "32MiB"
    )]
    pub history_size: ByteSize,
    /// How long they are kept at most
    #[arg(long = "live-history-age", env = "CITYTRACK_LIVE__HISTORY_AGE", default_value = "2m")]
    pub history_age: Duration,
    /// How long a viewer who comes back waits for this instance to catch up with what it has seen elsewhere
    #[arg(
        long = "live-resume-timeout",
        env = "CITYTRACK_LIVE__RESUME_TIMEOUT",
        default_value = "2s"
    )]
    pub resume_timeout: Duration,
    /// A frame that came in so long after it was taken is marked as backlog and is never the latest of its camera
    #[arg(
        long = "live-backlog-after",
        env = "CITYTRACK_LIVE__BACKLOG_AFTER",
        default_value = "30s"
    )]
    pub backlog_after: Duration,
    /// An older frame is not shown to new viewers as the latest of its camera
    #[arg(
        long = "live-snapshot-age",
        env = "CITYTRACK_LIVE__SNAPSHOT_AGE",
        default_value = "1h"
    )]
    pub snapshot_age: Duration,
    /// Batch ids of each venue that are remembered, so that a batch that a node sends again is shown once
    #[arg(
        long = "live-remembered-batches",
        env = "CITYTRACK_LIVE__REMEMBERED_BATCHES",
        default_value = "65536"
    )]
    pub remembered_batches: NonZeroUsize,
}

#[cfg(test)]
mod tests {
    use citytrack_common::settings::from_args;

    use super::*;

    #[test]
    fn only_the_broker_and_the_secret_have_no_default() {
        let secret = "0123456789abcdef0123456789abcdef";
        let args = ["--broker-url", "amqp://localhost", "--viewer-secret", secret];
        let settings = from_args::<Settings>(args).unwrap();
        assert_eq!(settings.live.message_size, ByteSize::kib(16));
        assert!(from_args::<Settings>(["--broker-url", "amqp://localhost", "--viewer-secret", "short"]).is_err());
    }
}
