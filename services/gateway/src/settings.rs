//! The settings of the gateway.

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
};

use bytesize::ByteSize;
use citytrack_common::settings::{AdminSettings, LogSettings, ShutdownSettings};
use clap::{Args, Parser, ValueEnum};
use humantime::Duration;

use crate::server_list::ServerList;

/// One public port for all of CityTrack: routes HTTP and WebSocket to the services behind it.
#[derive(Parser, Clone, Debug)]
#[command(name = "gateway", version, about)]
pub struct Settings {
    /// The public port.
    #[command(flatten)]
    pub listener: ListenerSettings,
    /// The servers behind the gateway.
    #[command(flatten)]
    pub pools: PoolSettings,
    /// How the gateway finds out which of them are healthy.
    #[command(flatten)]
    pub health: HealthSettings,
    /// The connections to them.
    #[command(flatten)]
    pub upstream: UpstreamSettings,
    /// The access log.
    #[command(flatten)]
    pub access_log: AccessLogSettings,
    /// The admin listener.
    #[command(flatten)]
    pub admin: AdminSettings,
    /// Log lines.
    #[command(flatten)]
    pub log: LogSettings,
    /// The end of the process.
    #[command(flatten)]
    pub shutdown: ShutdownSettings,
}

/// The public port and what is allowed on it.
#[derive(Args, Clone, Debug)]
pub struct ListenerSettings {
    /// Address of the public port
    #[arg(
        long = "gateway-listen",
        env = "CITYTRACK_GATEWAY__LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    pub address: SocketAddr,
    /// Connections that may wait to be accepted
    #[arg(long = "gateway-backlog", env = "CITYTRACK_GATEWAY__BACKLOG", default_value = "1024")]
    pub backlog: NonZeroU32,
    /// Client connections held open at most; more wait in the listen queue. Each may need a second file descriptor
    #[arg(
        long = "gateway-max-connections",
        env = "CITYTRACK_GATEWAY__MAX_CONNECTIONS",
        default_value = "8000"
    )]
    pub max_connections: NonZeroUsize,
    /// Threads that serve requests; by default one per processor core
    #[arg(long = "gateway-threads", env = "CITYTRACK_GATEWAY__THREADS")]
    pub threads: Option<NonZeroUsize>,
    /// How long an idle client connection is kept open for the next request, in whole seconds
    #[arg(
        long = "gateway-client-keep-alive",
        env = "CITYTRACK_GATEWAY__CLIENT_KEEP_ALIVE",
        default_value = "75s"
    )]
    pub client_keep_alive: Duration,
    /// How long a request head may take from its first byte to its end
    #[arg(
        long = "gateway-client-head-timeout",
        env = "CITYTRACK_GATEWAY__CLIENT_HEAD_TIMEOUT",
        default_value = "15s"
    )]
    pub client_head_timeout: Duration,
    /// How long a client may stay silent in the middle of a request body. Never cuts a WebSocket
    #[arg(
        long = "gateway-client-read-timeout",
        env = "CITYTRACK_GATEWAY__CLIENT_READ_TIMEOUT",
        default_value = "60s"
    )]
    pub client_read_timeout: Duration,
    /// How long a client may take no data while there is some for it
    #[arg(
        long = "gateway-client-write-timeout",
        env = "CITYTRACK_GATEWAY__CLIENT_WRITE_TIMEOUT",
        default_value = "60s"
    )]
    pub client_write_timeout: Duration,
    /// Largest request head; larger ones get 431
    #[arg(
        long = "gateway-max-header-size",
        env = "CITYTRACK_GATEWAY__MAX_HEADER_SIZE",
        default_value = "32KiB"
    )]
    pub max_header_size: ByteSize,
    /// Whether X-Forwarded-For, -Proto and -Host of clients are believed: only when every client is a proxy of your own
    #[arg(
        long = "gateway-trust-forwarded",
        env = "CITYTRACK_GATEWAY__TRUST_FORWARDED",
        default_value = "false"
    )]
    #[arg(action = clap::ArgAction::Set)]
    pub trust_forwarded: bool,
}

/// The servers of each pool: `host:port`, separated by commas; `host:port backup` serves only when no other is healthy. A
/// host may be a name; every address it resolves to is a server.
#[derive(Args, Clone, Debug)]
pub struct PoolSettings {
    /// Servers of ingest-api: `host:port, host:port backup`
    #[arg(
        long = "gateway-pools-ingest-api",
        env = "CITYTRACK_GATEWAY__POOLS__INGEST_API",
        default_value = "127.0.0.1:21100"
    )]
    pub ingest_api: ServerList,
    /// Servers of realtime-ws, in the same form
    #[arg(
        long = "gateway-pools-realtime-ws",
        env = "CITYTRACK_GATEWAY__POOLS__REALTIME_WS",
        default_value = "127.0.0.1:21120"
    )]
    pub realtime_ws: ServerList,
    /// Servers of stats, in the same form
    #[arg(
        long = "gateway-pools-stats",
        env = "CITYTRACK_GATEWAY__POOLS__STATS",
        default_value = "127.0.0.1:21140"
    )]
    pub stats: ServerList,
    /// Servers of console, in the same form
    #[arg(
        long = "gateway-pools-console",
        env = "CITYTRACK_GATEWAY__POOLS__CONSOLE",
        default_value = "127.0.0.1:21160"
    )]
    pub console: ServerList,
    /// How often the names among the servers are resolved again
    #[arg(
        long = "gateway-resolve-interval",
        env = "CITYTRACK_GATEWAY__RESOLVE_INTERVAL",
        default_value = "30s"
    )]
    pub resolve_interval: Duration,
}

/// Health checks: GET /readyz on the server's own address, where 200 is healthy.
#[derive(Args, Clone, Debug)]
pub struct HealthSettings {
    /// Pause between two rounds of health checks
    #[arg(
        long = "gateway-health-interval",
        env = "CITYTRACK_GATEWAY__HEALTH__INTERVAL",
        default_value = "1s"
    )]
    pub interval: Duration,
    /// How long one health check may take
    #[arg(
        long = "gateway-health-timeout",
        env = "CITYTRACK_GATEWAY__HEALTH__TIMEOUT",
        default_value = "1s"
    )]
    pub timeout: Duration,
    /// Failed health checks in a row after which a server gets no more traffic
    #[arg(
        long = "gateway-health-failures",
        env = "CITYTRACK_GATEWAY__HEALTH__FAILURES",
        default_value = "2"
    )]
    pub failures: NonZeroU32,
    /// Successful health checks in a row after which it gets traffic again
    #[arg(
        long = "gateway-health-successes",
        env = "CITYTRACK_GATEWAY__HEALTH__SUCCESSES",
        default_value = "1"
    )]
    pub successes: NonZeroU32,
}

/// Connections to the servers.
#[derive(Args, Clone, Debug)]
pub struct UpstreamSettings {
    /// How long connecting to a server may take
    #[arg(
        long = "gateway-upstream-connect-timeout",
        env = "CITYTRACK_GATEWAY__UPSTREAM__CONNECT_TIMEOUT",
        default_value = "1s"
    )]
    pub connect_timeout: Duration,
    /// How long a server may stay silent before and within its answer. Never cuts a WebSocket
    #[arg(
        long = "gateway-upstream-read-timeout",
        env = "CITYTRACK_GATEWAY__UPSTREAM__READ_TIMEOUT",
        default_value = "60s"
    )]
    pub read_timeout: Duration,
    /// How long a server may take no data while there is some for it
    #[arg(
        long = "gateway-upstream-write-timeout",
        env = "CITYTRACK_GATEWAY__UPSTREAM__WRITE_TIMEOUT",
        default_value = "30s"
    )]
    pub write_timeout: Duration,
    /// How long an unused connection to a server is kept; must be shorter than the server's own `CITYTRACK_HTTP__KEEP_ALIVE`
    #[arg(
        long = "gateway-upstream-idle-timeout",
        env = "CITYTRACK_GATEWAY__UPSTREAM__IDLE_TIMEOUT",
        default_value = "60s"
    )]
    pub idle_timeout: Duration,
    /// Unused connections to servers that are kept, in all
    #[arg(
        long = "gateway-upstream-keep-alive-connections",
        env = "CITYTRACK_GATEWAY__UPSTREAM__KEEP_ALIVE_CONNECTIONS",
        default_value = "512"
    )]
    pub keep_alive_connections: NonZeroUsize,
    /// Servers that one request is tried on at most
    #[arg(
        long = "gateway-upstream-attempts",
        env = "CITYTRACK_GATEWAY__UPSTREAM__ATTEMPTS",
        default_value = "4"
    )]
    pub attempts: NonZeroUsize,
}

/// One log line a request, because somebody will ask.
#[derive(Args, Clone, Debug)]
pub struct AccessLogSettings {
    /// Which requests get a line in the access log
    #[arg(
        long = "gateway-access-log",
        env = "CITYTRACK_GATEWAY__ACCESS_LOG",
        value_enum,
        default_value = "all"
    )]
    pub requests: AccessLogMode,
    /// Of the requests that went well, every how manieth gets a line; answers of 500 and above always do
    #[arg(
        long = "gateway-access-log-every",
        env = "CITYTRACK_GATEWAY__ACCESS_LOG_EVERY",
        default_value = "1"
    )]
    pub every: NonZeroU64,
}

/// Which requests are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccessLogMode {
    /// All of them.
    All,
    /// Those answered with 500 and above, and those that got no answer.
    Errors,
    /// None.
    Off,
}

#[cfg(test)]
mod tests {
    use citytrack_common::settings;

    use super::*;

    #[test]
    fn defaults_hold_and_everything_can_be_set() {
        let settings: Settings = settings::from_args(Vec::<String>::new()).unwrap();
        assert_eq!(settings.listener.address.port(), 8080);
        let settings: Settings = settings::from_args([
            "--gateway-pools-stats",
            "a:1,b:2 backup",
            "--gateway-trust-forwarded",
            "true",
        ])
        .unwrap();
        assert_eq!(settings.pools.stats.0.len(), 2);
        assert!(settings.listener.trust_forwarded);
    }
}
