//! Settings of the roles `transform` and `save`.

use std::num::{NonZeroU16, NonZeroU64};

use bytesize::ByteSize;
use citytrack_common::settings::{
    AdminSettings, BrokerSettings, DatabaseSettings, LogSettings, PictureStoreSettings, ShutdownSettings,
};
use clap::{Args, Parser};
use humantime::Duration;

/// Makes people on pictures unrecognisable, and what else is made of a picture.
#[derive(Clone, Parser)]
#[command(mut_arg("admin-listen", |arg| arg.default_value("127.0.0.1:21221")))]
pub struct TransformSettings {
    /// How it transforms.
    #[command(flatten)]
    pub transform: TransformingSettings,
    /// What both roles need.
    #[command(flatten)]
    pub common: CommonSettings,
}

/// Stores what became of pictures, and deletes it when its time is over.
#[derive(Clone, Parser)]
#[command(mut_arg("admin-listen", |arg| arg.default_value("127.0.0.1:21241")))]
pub struct SaveSettings {
    /// How it saves.
    #[command(flatten)]
    pub save: SavingSettings,
    /// Where pictures are kept.
    #[command(flatten)]
    pub store: PictureStoreSettings,
    /// What both roles need.
    #[command(flatten)]
    pub common: CommonSettings,
}

/// What both roles need.
#[derive(Args, Clone)]
pub struct CommonSettings {
    /// Longest wait between two attempts while PostgreSQL is away
    #[arg(
        long = "images-max-backoff",
        env = "CITYTRACK_IMAGES__MAX_BACKOFF",
        default_value = "5s"
    )]
    pub max_backoff: Duration,
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

/// How pictures are transformed.
#[derive(Args, Clone, Debug)]
pub struct TransformingSettings {
    /// Pictures that are transformed at once, each on a thread of its own
    #[arg(
        long = "transform-parallel",
        env = "CITYTRACK_TRANSFORM__PARALLEL",
        default_value = "2"
    )]
    pub parallel: NonZeroU16,
    /// Uploads taken from the queue and not yet acknowledged, at most; all of them are in memory. With more of them than `parallel` a
    /// thread has its next picture at once
    #[arg(
        long = "transform-prefetch",
        env = "CITYTRACK_TRANSFORM__PREFETCH",
        default_value = "3"
    )]
    pub prefetch: NonZeroU16,
    /// Most pixels of a picture
    #[arg(
        long = "transform-max-pixels",
        env = "CITYTRACK_TRANSFORM__MAX_PIXELS",
        default_value = "50000000"
    )]
    pub max_pixels: u64,
    /// Memory for the pixels of all pictures that are transformed at once. One whose pixels need more is too large; one that may need
    /// more than is left, with what is made of it, waits. The whole process takes some 80 MB on top of it
    #[arg(
        long = "transform-memory",
        env = "CITYTRACK_TRANSFORM__MEMORY",
        default_value = "144MiB"
    )]
    pub memory: ByteSize,
    /// How long a picture may take; what takes longer has failed for good
    #[arg(
        long = "transform-time-limit",
        env = "CITYTRACK_TRANSFORM__TIME_LIMIT",
        default_value = "20s"
    )]
    pub time_limit: Duration,
    /// A picture that came back so often without an end, as its worker died or stopped or lost RabbitMQ, has failed for good
    #[arg(
        long = "transform-attempts",
        env = "CITYTRACK_TRANSFORM__ATTEMPTS",
        default_value = "5"
    )]
    pub attempts: NonZeroU64,
    /// Most bytes of the message that takes what was made of a picture, and the original where it is kept, to save: no more than
    /// RabbitMQ's `max_message_size`. 16 MiB is what RabbitMQ 4 takes unless it is told otherwise. A picture that needs more has failed
    #[arg(
        long = "transform-max-message",
        env = "CITYTRACK_TRANSFORM__MAX_MESSAGE",
        default_value = "16MiB"
    )]
    pub max_message: ByteSize,
    /// How long a picture without boxes waits for the detections of its camera and time, which may come after it
    #[arg(
        long = "transform-frame-wait",
        env = "CITYTRACK_TRANSFORM__FRAME_WAIT",
        default_value = "2s"
    )]
    pub frame_wait: Duration,
}

impl TransformingSettings {
    /// Uploads in hand at most: one for each thread at least.
    pub(super) fn in_hand(&self) -> u16 {
        self.prefetch.max(self.parallel).get()
    }
}

/// How pictures are saved.
#[derive(Args, Clone, Debug)]
pub struct SavingSettings {
    /// Messages taken from the queue and not yet acknowledged, at most; all of them are in memory
    #[arg(long = "save-prefetch", env = "CITYTRACK_SAVE__PREFETCH", default_value = "16")]
    pub prefetch: NonZeroU16,
    /// How often pictures are looked for whose time is over
    #[arg(
        long = "save-retention-interval",
        env = "CITYTRACK_SAVE__RETENTION_INTERVAL",
        default_value = "1h"
    )]
    pub retention_interval: Duration,
}
