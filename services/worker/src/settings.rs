//! Settings of the worker.

use std::num::{NonZeroU16, NonZeroUsize};

use bytesize::ByteSize;
use citytrack_common::settings::{AdminSettings, BrokerSettings, DatabaseSettings, LogSettings, ShutdownSettings};
use clap::{Args, Parser};
use humantime::Duration;

use crate::{
    dead_letters::Tool,
    journal::JournalSettings,
    pictures::{SaveSettings, TransformSettings},
};

/// The background worker of CityTrack.
#[derive(Parser)]
#[command(name = "worker", version, about)]
pub enum Command {
    /// Stores batches in PostgreSQL, makes partitions ahead and drops old ones
    Persist(Box<Settings>),
    /// Makes people on pictures unrecognisable, and the other forms that a venue wants
    Transform(Box<TransformSettings>),
    /// Stores pictures in PostgreSQL, and deletes them when their time is over
    Save(Box<SaveSettings>),
    /// Notes every message that goes through RabbitMQ: when, where and how large, never what it says
    ///
    /// It gets a copy of every message, pictures too, and writes a row for each: what that costs is in docs/messaging.md.
    Journal(Box<JournalSettings>),
    /// Shows what could not be stored, processes it again or throws it away
    ///
    /// Dead letters are messages that were accepted and could not be stored, in RabbitMQ's queue citytrack.dead. These
    /// commands need RabbitMQ alone. A command holds the letters that it has looked at, so that another one does not see
    /// them meanwhile; when it ends, however it ends, all are back that were neither replayed nor dropped.
    DeadLetters(Tool),
}

/// Stores batches in PostgreSQL, makes partitions ahead and drops old ones.
#[derive(Clone, Parser)]
#[command(mut_arg("admin-listen", |arg| arg.default_value("127.0.0.1:21181")))]
pub struct Settings {
    /// How it stores.
    #[command(flatten)]
    pub persist: PersistSettings,
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

/// Settings of the role `persist`.
#[derive(Args, Clone, Debug)]
pub struct PersistSettings {
    /// Messages taken from the queue and not yet acknowledged, at most; also the most that one transaction stores
    #[arg(long = "persist-prefetch", env = "CITYTRACK_PERSIST__PREFETCH", default_value = "64")]
    pub prefetch: NonZeroU16,
    /// No more messages are taken at once when those taken have so many bytes; bounds the memory that a backlog needs
    #[arg(
        long = "persist-max-take",
        env = "CITYTRACK_PERSIST__MAX_TAKE",
        default_value = "1MiB"
    )]
    pub max_take: ByteSize,
    /// Shortest time from the start of one transaction to the start of the next, so that under load many batches share one.
    /// What comes after a quiet time is stored at once
    #[arg(long = "persist-gather", env = "CITYTRACK_PERSIST__GATHER", default_value = "10ms")]
    pub gather: Duration,
    /// How often PostgreSQL is asked whether it is there while there is nothing to store
    #[arg(
        long = "persist-ping-interval",
        env = "CITYTRACK_PERSIST__PING_INTERVAL",
        default_value = "5s"
    )]
    pub ping_interval: Duration,
    /// Longest wait between two attempts to store while PostgreSQL is away
    #[arg(
        long = "persist-max-backoff",
        env = "CITYTRACK_PERSIST__MAX_BACKOFF",
        default_value = "5s"
    )]
    pub max_backoff: Duration,
    /// How long frames are kept; whole days are dropped. Minute buckets stay
    #[arg(
        long = "retention-frames",
        env = "CITYTRACK_RETENTION__FRAMES",
        default_value = "90days"
    )]
    pub retention_frames: Duration,
    /// How long batch ids are kept to recognise repetitions; must be longer than ingest-api accepts batches (7 days) plus
    /// the time that they may wait in the queue. A batch whose id is older is not stored but put aside with the dead letters
    #[arg(
        long = "retention-batches",
        env = "CITYTRACK_RETENTION__BATCHES",
        default_value = "14days"
    )]
    pub retention_batches: Duration,
    /// How long entries of the audit log are kept
    #[arg(
        long = "retention-audit",
        env = "CITYTRACK_RETENTION__AUDIT",
        default_value = "2years"
    )]
    pub retention_audit: Duration,
    /// Days ahead that partitions are made for
    #[arg(
        long = "retention-days-ahead",
        env = "CITYTRACK_RETENTION__DAYS_AHEAD",
        default_value = "3"
    )]
    pub days_ahead: u8,
    /// How often partitions are looked after
    #[arg(
        long = "retention-interval",
        env = "CITYTRACK_RETENTION__INTERVAL",
        default_value = "1h"
    )]
    pub interval: Duration,
    /// How often what was stored is folded into the roll-ups by hour and day. Counts are right at once in any case; the longer
    /// this is, the more a question about a long range has to add up
    #[arg(long = "rollup-interval", env = "CITYTRACK_ROLLUP__INTERVAL", default_value = "5s")]
    pub rollup_interval: Duration,
    /// Dead letters that may wait to be handed to the broker
    #[arg(
        long = "persist-dead-letters-waiting",
        env = "CITYTRACK_PERSIST__DEAD_LETTERS_WAITING",
        default_value = "16"
    )]
    pub dead_letters_waiting: NonZeroUsize,
    /// How often RabbitMQ is asked how many dead letters there are
    #[arg(
        long = "persist-dead-letters-interval",
        env = "CITYTRACK_PERSIST__DEAD_LETTERS_INTERVAL",
        default_value = "15s"
    )]
    pub dead_letters_interval: Duration,
}
