//! The settings of the read API.

use std::num::NonZeroUsize;

use citytrack_access::MIN_SECRET_LENGTH;
use citytrack_common::settings::{
    AdminSettings, DatabaseSettings, HttpSettings, LogSettings, PictureStoreSettings, SecretParser, ShutdownSettings,
};
use citytrack_domain::Patience;
use clap::{Args, Parser};
use humantime::Duration;
use secrecy::SecretString;

/// The read API of CityTrack: counts and other statistics.
#[derive(Clone, Parser)]
#[command(
    name = "stats", version, about,
    mut_arg("http-listen", |arg| arg.default_value("127.0.0.1:21140")),
    mut_arg("admin-listen", |arg| arg.default_value("127.0.0.1:21141")),
)]
pub struct Settings {
    /// The read API.
    #[command(flatten)]
    pub http: HttpSettings,
    /// The listener for operators.
    #[command(flatten)]
    pub admin: AdminSettings,
    /// PostgreSQL; a replica that only reads is enough.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Where pictures are kept.
    #[command(flatten)]
    pub pictures: PictureStoreSettings,
    /// Key that viewer tokens are signed with, at least 32 characters; the same for console, realtime-ws and stats
    #[arg(
        long = "viewer-secret",
        env = "CITYTRACK_VIEWER__SECRET",
        hide_env_values = true,
        value_parser = SecretParser::at_least(MIN_SECRET_LENGTH)
    )]
    pub viewer_secret: SecretString,
    /// When nobody knows any more what a camera shows.
    #[command(flatten)]
    pub occupancy: OccupancySettings,
    /// How much one answer may hold.
    #[command(flatten)]
    pub answer: AnswerSettings,
    /// Raw detections, however many.
    #[command(flatten)]
    pub export: ExportSettings,
    /// Log lines.
    #[command(flatten)]
    pub log: LogSettings,
    /// How the process ends.
    #[command(flatten)]
    pub shutdown: ShutdownSettings,
}

/// How long a camera may be silent before it counts as unknown in the occupancy: the longer of both.
#[derive(Clone, Debug, Args)]
pub struct OccupancySettings {
    /// So long a camera may be silent in any case
    #[arg(
        id = "occupancy-floor",
        long = "occupancy-floor",
        env = "CITYTRACK_OCCUPANCY__FLOOR",
        default_value = "10s"
    )]
    pub floor: Duration,
    /// A camera may be silent for so many times the mean distance of its newest receipts
    #[arg(
        id = "occupancy-factor",
        long = "occupancy-factor",
        env = "CITYTRACK_OCCUPANCY__FACTOR",
        default_value = "5",
        value_parser = positive
    )]
    pub factor: f64,
}

impl OccupancySettings {
    /// As a rule.
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            floor: self.floor.into(),
            factor: self.factor,
        }
    }
}

/// How much one answer may hold.
#[derive(Clone, Copy, Debug, Args)]
pub struct AnswerSettings {
    /// Buckets that a range may be divided into; more get 400
    #[arg(
        id = "answer-max-buckets",
        long = "answer-max-buckets",
        env = "CITYTRACK_ANSWER__MAX_BUCKETS",
        default_value = "10000"
    )]
    pub max_buckets: NonZeroUsize,
}

impl AnswerSettings {
    pub(crate) fn limits(self) -> Limits {
        Limits {
            buckets: self.max_buckets.get(),
        }
    }
}

/// How much one answer may hold, for the handlers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Buckets of a range.
    pub(crate) buckets: usize,
}

/// Exports of raw detections: each has a connection to PostgreSQL of its own, beside the pool.
#[derive(Clone, Debug, Args)]
pub struct ExportSettings {
    /// Exports that may run at once; more get 503 and are told when to come again
    #[arg(
        id = "export-max-concurrent",
        long = "export-max-concurrent",
        env = "CITYTRACK_EXPORT__MAX_CONCURRENT",
        default_value = "4"
    )]
    pub max_concurrent: NonZeroUsize,
    /// How long one export may take; then it breaks off
    #[arg(
        id = "export-time-limit",
        long = "export-time-limit",
        env = "CITYTRACK_EXPORT__TIME_LIMIT",
        default_value = "1h"
    )]
    pub time_limit: Duration,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("must be a number greater than 0, such as 5 or 2.5".to_owned()),
    }
}
