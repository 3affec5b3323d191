//! The settings of the read API.

use citytrack_access::MIN_SECRET_LENGTH;
use citytrack_common::settings::{
    AdminSettings, DatabaseSettings, HttpSettings, LogSettings, SecretParser, ShutdownSettings,
};
use clap::Parser;
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
    /// Key that viewer tokens are signed with, at least 32 characters; the same for console, realtime-ws and stats
    #[arg(
        long = "viewer-secret",
        env = "CITYTRACK_VIEWER__SECRET",
        hide_env_values = true,
        value_parser = SecretParser::at_least(MIN_SECRET_LENGTH)
    )]
    pub viewer_secret: SecretString,
    /// Log lines.
    #[command(flatten)]
    pub log: LogSettings,
    /// How the process ends.
    #[command(flatten)]
    pub shutdown: ShutdownSettings,
}
