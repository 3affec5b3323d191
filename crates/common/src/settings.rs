//! Settings: clap structs filled from `CITYTRACK_…` environment variables (or the flag of the same meaning), checked before
//! a port opens. `--help` and `docs/configuration.md` are both made from them, so they cannot drift.
//!
//! Every argument has an `id` like its flag: ids must differ among all structs that a service flattens into one.

use std::{fmt::Write as _, net::SocketAddr, num::NonZeroUsize};

use clap::{
    Args, Command, CommandFactory, Parser, ValueEnum,
    builder::TypedValueParser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use humantime::Duration;
use secrecy::SecretString;

pub use crate::{forwarded::ProxySettings, picture_store::PictureStoreSettings};

/// Reads the settings of this process. On `--help` and `--version` it prints and exits with 0; on a bad setting it prints
/// what is wrong with which variable and exits with 2.
pub fn parse<S: Parser>() -> S {
    S::try_parse().unwrap_or_else(|error| {
        name_the_variable(&S::command(), &error);
        error.exit()
    })
}

/// Reads the settings of this process, like [`parse`], and checks whether they fit each other: what `check` says names the
/// variables.
pub fn parse_checked<S: Parser>(check: impl FnOnce(&S) -> Result<(), String>) -> S {
    let settings = parse();
    if let Err(wrong) = check(&settings) {
        S::command().error(ErrorKind::ValueValidation, wrong).exit();
    }
    settings
}

/// clap names the flag; people who set a variable look for the variable.
fn name_the_variable(command: &Command, error: &clap::Error) {
    let wrong = match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => "wrong",
        ErrorKind::MissingRequiredArgument => "missing",
        _ => return,
    };
    let flags = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => std::slice::from_ref(flag),
        Some(ContextValue::Strings(flags)) => flags,
        _ => return,
    };
    for variable in flags.iter().filter_map(|flag| variable_of(command, flag)) {
        #[expect(clippy::print_stderr, reason = "logging is not set up before the settings are read")]
        {
            eprintln!("error: the setting {variable} is {wrong}");
        }
    }
}

/// The variable of `--flag <value>`, of the command itself or of one of its subcommands.
fn variable_of(command: &Command, flag: &str) -> Option<String> {
    let name = flag.split_whitespace().next()?.trim_start_matches("--");
    let argument = command
        .get_arguments()
        .find(|argument| argument.get_long() == Some(name));
    match argument {
        Some(argument) => Some(argument.get_env()?.to_string_lossy().into_owned()),
        None => command
            .get_subcommands()
            .find_map(|subcommand| variable_of(subcommand, flag)),
    }
}

/// Builds settings from arguments alone, for tests: `from_args::<Settings>(["--http-listen", "127.0.0.1:0"])`.
///
/// # Errors
/// The same as on the command line: a missing, unknown or invalid setting.
pub fn from_args<S: Parser>(args: impl IntoIterator<Item = impl Into<std::ffi::OsString>>) -> Result<S, clap::Error> {
    let args = std::iter::once("test".into()).chain(args.into_iter().map(Into::into));
    S::from_arg_matches(&S::command().try_get_matches_from(args)?)
}

/// A Markdown table of every setting of `S`: variable, default, meaning.
pub fn reference<S: CommandFactory>() -> String {
    let mut table = String::from("| variable | default | meaning |\n| --- | --- | --- |\n");
    for arg in S::command().get_arguments() {
        let Some(variable) = arg.get_env() else { continue };
        let default: Vec<_> = arg
            .get_default_values()
            .iter()
            .map(|value| value.to_string_lossy())
            .collect();
        let default = match (default.is_empty(), arg.is_required_set()) {
            (false, _) => format!("`{}`", default.join(",")),
            (true, true) => "required".to_owned(),
            (true, false) => "–".to_owned(),
        };
        let help = arg
            .get_long_help()
            .or(arg.get_help())
            .map(ToString::to_string)
            .unwrap_or_default();
        let help = help
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .replace('|', "\\|");
        let _ = writeln!(table, "| `{}` | {default} | {help} |", variable.to_string_lossy());
    }
    table
}

/// Reads a secret, which must have a minimum length; unlike clap's own parsers it never prints the value it refuses.
/// `value_parser = SecretParser::at_least(32)`
#[derive(Clone, Copy, Debug)]
pub struct SecretParser {
    min: usize,
}

impl SecretParser {
    /// Accepts secrets of `min` characters or more.
    pub fn at_least(min: usize) -> Self {
        Self { min }
    }
}

impl TypedValueParser for SecretParser {
    type Value = SecretString;

    fn parse_ref(
        &self,
        _command: &Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<SecretString, clap::Error> {
        match value.to_str() {
            Some(text) if text.chars().count() >= self.min => Ok(text.into()),
            _ => {
                let reason = format!("a secret of at least {} characters is needed\n", self.min);
                let mut error = clap::Error::raw(ErrorKind::ValueValidation, reason);
                if let Some(arg) = arg {
                    error.insert(ContextKind::InvalidArg, ContextValue::String(arg.to_string()));
                }
                Err(error)
            }
        }
    }
}

/// Where log lines go and how they look.
#[derive(Args, Clone, Debug)]
pub struct LogSettings {
    /// What to log: a level (`error`, `warn`, `info`, `debug`, `trace`) or directives such as `info,lapin=debug`
    #[arg(
        id = "log-level",
        long = "log-level",
        env = "CITYTRACK_LOG__LEVEL",
        default_value = "info"
    )]
    pub level: String,
    /// How to write log lines; `auto` is text on a terminal and JSON otherwise
    #[arg(id = "log-format", long = "log-format", env = "CITYTRACK_LOG__FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// One readable line an event.
    Text,
    /// One JSON object an event.
    Json,
}

/// The listener for the service's own API.
#[derive(Args, Clone, Debug)]
pub struct HttpSettings {
    /// Address that the service's API listens on
    #[arg(
        id = "http-listen",
        long = "http-listen",
        env = "CITYTRACK_HTTP__LISTEN",
        default_value = "127.0.0.1:8000"
    )]
    pub listen: SocketAddr,
    /// Threads that serve HTTP
    #[arg(
        id = "http-workers",
        long = "http-workers",
        env = "CITYTRACK_HTTP__WORKERS",
        default_value = "2"
    )]
    pub workers: NonZeroUsize,
    /// Connections that one thread holds open at most; more wait in the listen queue
    #[arg(
        id = "http-max-connections",
        long = "http-max-connections",
        env = "CITYTRACK_HTTP__MAX_CONNECTIONS",
        default_value = "10000"
    )]
    pub max_connections: NonZeroUsize,
    /// How long an idle connection is kept open for the next request
    #[arg(
        id = "http-keep-alive",
        long = "http-keep-alive",
        env = "CITYTRACK_HTTP__KEEP_ALIVE",
        default_value = "75s"
    )]
    pub keep_alive: Duration,
    /// How long a client may take to send the head of a request; slower ones get 408
    #[arg(
        id = "http-head-timeout",
        long = "http-head-timeout",
        env = "CITYTRACK_HTTP__HEAD_TIMEOUT",
        default_value = "10s"
    )]
    pub head_timeout: Duration,
}

/// The listener for operators: `/livez`, `/readyz`, `/metrics`.
#[derive(Args, Clone, Debug)]
pub struct AdminSettings {
    /// Address of the admin listener with /livez, /readyz and /metrics; keep it off the public network
    #[arg(
        id = "admin-listen",
        long = "admin-listen",
        env = "CITYTRACK_ADMIN__LISTEN",
        default_value = "127.0.0.1:8001"
    )]
    pub listen: SocketAddr,
}

/// How the process ends.
#[derive(Args, Clone, Debug)]
pub struct ShutdownSettings {
    /// How long to go on serving after readiness went false, so that load balancers notice first
    #[arg(
        id = "shutdown-drain-delay",
        long = "shutdown-drain-delay",
        env = "CITYTRACK_SHUTDOWN__DRAIN_DELAY",
        default_value = "0s"
    )]
    pub drain_delay: Duration,
    /// How long work in hand may take to finish before the process ends anyway
    #[arg(
        id = "shutdown-deadline",
        long = "shutdown-deadline",
        env = "CITYTRACK_SHUTDOWN__DEADLINE",
        default_value = "30s"
    )]
    pub deadline: Duration,
}

/// The connection to PostgreSQL.
#[derive(Args, Clone)]
pub struct DatabaseSettings {
    /// PostgreSQL, as postgres://user:password@host:port/database
    #[arg(
        id = "database-url",
        long = "database-url",
        env = "CITYTRACK_DATABASE__URL",
        hide_env_values = true
    )]
    pub url: secrecy::SecretString,
    /// Connections held to PostgreSQL at most
    #[arg(
        id = "database-pool-size",
        long = "database-pool-size",
        env = "CITYTRACK_DATABASE__POOL_SIZE",
        default_value = "4"
    )]
    pub pool_size: NonZeroUsize,
    /// How long to wait for a connection from the pool, and for PostgreSQL to answer a connection attempt
    #[arg(
        id = "database-wait",
        long = "database-wait",
        env = "CITYTRACK_DATABASE__WAIT",
        default_value = "5s"
    )]
    pub wait: Duration,
    /// A statement that takes longer is ended by PostgreSQL, and so is a transaction in which it hears nothing for so long. An
    /// answer that takes longer than this and the wait for a connection together is not waited for: the connection is given up
    #[arg(
        id = "database-statement-timeout",
        long = "database-statement-timeout",
        env = "CITYTRACK_DATABASE__STATEMENT_TIMEOUT",
        default_value = "30s"
    )]
    pub statement_timeout: Duration,
}

/// The connection to RabbitMQ.
#[derive(Args, Clone)]
pub struct BrokerSettings {
    /// RabbitMQ, as amqp://user:password@host:port/vhost (`%2f` is the vhost `/`)
    #[arg(
        id = "broker-url",
        long = "broker-url",
        env = "CITYTRACK_BROKER__URL",
        hide_env_values = true
    )]
    pub url: secrecy::SecretString,
    /// Heartbeat interval; a silent connection is given up after two of them
    #[arg(
        id = "broker-heartbeat",
        long = "broker-heartbeat",
        env = "CITYTRACK_BROKER__HEARTBEAT",
        default_value = "10s"
    )]
    pub heartbeat: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Parser)]
    struct Sample {
        #[command(flatten)]
        http: HttpSettings,
        #[command(flatten)]
        _admin: AdminSettings,
        #[command(flatten)]
        _shutdown: ShutdownSettings,
        #[command(flatten)]
        log: LogSettings,
        #[arg(long, env = "CITYTRACK_SAMPLE__SECRET", hide_env_values = true, value_parser = SecretParser::at_least(8))]
        secret: Option<SecretString>,
    }

    #[test]
    fn defaults_hold_without_an_environment() {
        let sample = from_args::<Sample>(Vec::<String>::new()).unwrap();
        assert_eq!(sample.http.listen.port(), 8000);
        assert!(matches!(sample.log.format, LogFormat::Auto));
    }

    #[test]
    fn reference_lists_every_variable() {
        let table = reference::<Sample>();
        assert!(
            table.contains("| `CITYTRACK_HTTP__WORKERS` | `2` | Threads that serve HTTP |"),
            "{table}"
        );
        assert!(table.contains("`CITYTRACK_LOG__FORMAT`"), "{table}");
    }

    #[test]
    fn all_settings_fit_into_one_command() {
        #[derive(Parser)]
        struct Everything {
            #[command(flatten)]
            _sample: Sample,
            #[command(flatten)]
            _database: DatabaseSettings,
            #[command(flatten)]
            _broker: BrokerSettings,
        }
        Everything::command().debug_assert();
    }

    #[test]
    fn a_bad_value_is_refused() {
        assert!(from_args::<Sample>(["--http-workers", "0"]).is_err());
    }

    #[test]
    fn a_refused_secret_is_not_printed() {
        assert!(from_args::<Sample>(["--secret", "long enough"]).is_ok());
        let error = from_args::<Sample>(["--secret", "hunter2"]).err().unwrap();
        assert_eq!(
            error.to_string(),
            "error: a secret of at least 8 characters is needed\n"
        );
        assert!(
            matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(arg)) if arg.contains("--secret"))
        );
    }
}
