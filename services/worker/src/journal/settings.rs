//! Settings of the role `journal`.

use std::num::NonZeroU16;

use citytrack_common::settings::{AdminSettings, BrokerSettings, DatabaseSettings, LogSettings, ShutdownSettings};
use clap::{Args, Parser};
use humantime::Duration;

/// Notes every message in PostgreSQL: when, where and how large, never what it says.
#[derive(Clone, Parser)]
#[command(mut_arg("admin-listen", |arg| arg.default_value("127.0.0.1:21261")))]
pub struct JournalSettings {
    /// How it notes.
    #[command(flatten)]
    pub journal: NoteSettings,
    /// PostgreSQL.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// RabbitMQ.
    #[command(flatten)]
    pub broker: BrokerSettings,
    /// The listener for operators.
    #[command(flatten)]
    pub admin: AdminSettings,
    /// Log lines.
    #[command(flatten)]
    pub log: LogSettings,
    /// How the process ends.
    #[command(flatten)]
    pub shutdown: ShutdownSettings,
}

/// How messages are noted, and for how long.
#[derive(Args, Clone, Debug)]
pub struct NoteSettings {
    /// Messages taken from each of the two queues and not yet acknowledged, at most; all of them are in memory, pictures too
    #[arg(long = "journal-prefetch", env = "CITYTRACK_JOURNAL__PREFETCH", default_value = "16")]
    pub prefetch: NonZeroU16,
    /// Shortest time from the start of one transaction to the start of the next, unless as many messages wait as may be taken.
    /// What comes after a quiet time is noted at once
    #[arg(long = "journal-gather", env = "CITYTRACK_JOURNAL__GATHER", default_value = "20ms")]
    pub gather: Duration,
    /// How often the worker says in the database that it is at work, while there is nothing to note. The API calls the journal
    /// disabled when it has not heard of it for 30 seconds
    #[arg(
        long = "journal-ping-interval",
        env = "CITYTRACK_JOURNAL__PING_INTERVAL",
        default_value = "5s"
    )]
    pub ping_interval: Duration,
    /// Longest wait between two attempts to note while PostgreSQL is away
    #[arg(
        long = "journal-max-backoff",
        env = "CITYTRACK_JOURNAL__MAX_BACKOFF",
        default_value = "5s"
    )]
    pub max_backoff: Duration,
    /// Entries kept. They are dropped by half a million, so there may be so many more
    #[arg(
        long = "retention-journal-entries",
        env = "CITYTRACK_RETENTION__JOURNAL_ENTRIES",
        default_value = "10000000"
    )]
    pub retention_entries: u64,
    /// How long entries are kept at most
    #[arg(
        long = "retention-journal",
        env = "CITYTRACK_RETENTION__JOURNAL",
        default_value = "7days"
    )]
    pub retention: Duration,
    /// How often old entries are dropped
    #[arg(
        long = "retention-interval",
        env = "CITYTRACK_RETENTION__INTERVAL",
        default_value = "10m"
    )]
    pub interval: Duration,
}
