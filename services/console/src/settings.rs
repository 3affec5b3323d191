//! The settings of the console.

use bytesize::ByteSize;
use citytrack_access::MIN_SECRET_LENGTH;
use citytrack_common::settings::{
    AdminSettings, DatabaseSettings, HttpSettings, LogSettings, PictureStoreSettings, ProxySettings, SecretParser,
    ShutdownSettings,
};
use clap::{Args, Parser};
use humantime::Duration;
use secrecy::SecretString;

use crate::system::Target;

/// The console of CityTrack: web pages, and the control API for venues, nodes, keys and viewer tokens.
#[derive(Clone, Parser)]
#[command(
    name = "console", version, about,
    after_help = "Another command: console create-user --help",
    mut_arg("http-listen", |arg| arg.default_value("127.0.0.1:21160")),
    mut_arg("admin-listen", |arg| arg.default_value("127.0.0.1:21161")),
)]
pub struct Settings {
    /// The listener of the pages and the control API.
    #[command(flatten)]
    pub http: HttpSettings,
    /// The proxies in front.
    #[command(flatten)]
    pub proxies: ProxySettings,
    /// The listener for operators.
    #[command(flatten)]
    pub admin: AdminSettings,
    /// PostgreSQL.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Where pictures are kept.
    #[command(flatten)]
    pub pictures: PictureStoreSettings,
    /// Bearer token of the control API, at least 32 characters
    #[arg(
        long = "administrator-token",
        env = "CITYTRACK_ADMINISTRATOR__TOKEN",
        hide_env_values = true,
        value_parser = SecretParser::at_least(MIN_SECRET_LENGTH)
    )]
    pub administrator_token: SecretString,
    /// Viewer tokens.
    #[command(flatten)]
    pub viewer: ViewerSettings,
    /// Users who are signed in.
    #[command(flatten)]
    pub sessions: SessionSettings,
    /// Passwords of users.
    #[command(flatten)]
    pub passwords: PasswordSettings,
    /// The admin listeners of all services, which the system page asks: service=http://host:port, between commas
    #[arg(long = "system-targets", env = "CITYTRACK_SYSTEM__TARGETS", value_delimiter = ',')]
    pub system_targets: Vec<Target>,
    /// The JSON body of a request must come in within this time
    #[arg(long = "body-timeout", env = "CITYTRACK_BODY__TIMEOUT", default_value = "10s")]
    pub body_timeout: Duration,
    /// Counts from elsewhere.
    #[command(flatten)]
    pub imports: ImportSettings,
    /// Log lines.
    #[command(flatten)]
    pub log: LogSettings,
    /// The end of the process.
    #[command(flatten)]
    pub shutdown: ShutdownSettings,
}

/// How counts from elsewhere are taken in.
#[derive(Args, Clone, Debug)]
pub struct ImportSettings {
    /// The largest file of counts that may be imported
    #[arg(
        id = "import-max-body",
        long = "import-max-body",
        env = "CITYTRACK_IMPORT__MAX_BODY",
        default_value = "256 MiB"
    )]
    pub largest_body: ByteSize,
    /// Problems of an imported file that the answer tells one by one, at most; the rest are counted
    #[arg(
        id = "import-max-problems",
        long = "import-max-problems",
        env = "CITYTRACK_IMPORT__MAX_PROBLEMS",
        default_value = "10000"
    )]
    pub most_problems: usize,
    /// Files that may be imported at once; each has a connection to PostgreSQL of its own
    #[arg(
        id = "import-max-concurrent",
        long = "import-max-concurrent",
        env = "CITYTRACK_IMPORT__MAX_CONCURRENT",
        default_value = "2",
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub max_concurrent: u16,
    /// An import of which nothing comes in for so long is given up
    #[arg(
        id = "import-max-silence",
        long = "import-max-silence",
        env = "CITYTRACK_IMPORT__MAX_SILENCE",
        default_value = "30s"
    )]
    pub max_silence: Duration,
    /// An imported file must come in within this time
    #[arg(
        id = "import-max-time",
        long = "import-max-time",
        env = "CITYTRACK_IMPORT__MAX_TIME",
        default_value = "15m"
    )]
    pub max_time: Duration,
}

/// How viewer tokens are made.
#[derive(Args, Clone)]
pub struct ViewerSettings {
    /// Key that viewer tokens are signed with, at least 32 characters; the same for console, realtime-ws and stats
    #[arg(
        id = "viewer-secret",
        long = "viewer-secret",
        env = "CITYTRACK_VIEWER__SECRET",
        hide_env_values = true,
        value_parser = SecretParser::at_least(MIN_SECRET_LENGTH)
    )]
    pub secret: SecretString,
    /// The longest time that a viewer token may be valid
    #[arg(
        id = "viewer-max-ttl",
        long = "viewer-max-ttl",
        env = "CITYTRACK_VIEWER__MAX_TTL",
        default_value = "30d"
    )]
    pub max_ttl: Duration,
}

/// How long users stay signed in.
#[derive(Args, Clone, Debug)]
pub struct SessionSettings {
    /// A session of the console that nobody uses for so long ends
    #[arg(
        id = "session-idle",
        long = "session-idle",
        env = "CITYTRACK_SESSION__IDLE",
        default_value = "12h"
    )]
    pub idle: Duration,
    /// A session of the console ends after so long, however much it is used
    #[arg(
        id = "session-lifetime",
        long = "session-lifetime",
        env = "CITYTRACK_SESSION__LIFETIME",
        default_value = "7d"
    )]
    pub lifetime: Duration,
}

/// What passwords must be like.
#[derive(Args, Clone, Debug)]
pub struct PasswordSettings {
    /// Characters that the password of a user must have at least
    #[arg(
        id = "password-min-length",
        long = "password-min-length",
        env = "CITYTRACK_PASSWORD__MIN_LENGTH",
        default_value = "12",
        value_parser = clap::value_parser!(u16).range(8..=256)
    )]
    pub min_length: u16,
}

/// The same for handlers, in the types that they need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionRules {
    pub(crate) idle: std::time::Duration,
    pub(crate) lifetime: std::time::Duration,
    pub(crate) shortest_password: usize,
}

impl From<&Settings> for SessionRules {
    fn from(settings: &Settings) -> Self {
        Self {
            idle: settings.sessions.idle.into(),
            lifetime: settings.sessions.lifetime.into(),
            shortest_password: settings.passwords.min_length.into(),
        }
    }
}
