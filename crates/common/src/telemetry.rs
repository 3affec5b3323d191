//! Log lines: text on a terminal, JSON otherwise. Fields are dotted (`batch.id`), secrets and bodies never appear.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, filter::ParseError};

use crate::settings::{LogFormat, LogSettings};

/// lapin warns about every message that the broker returns with its whole payload, which is somebody's data; and about every
/// channel that the broker closes, which it tells its caller too, who may have asked for that.
const NEVER: [&str; 2] = ["lapin::returned_messages=off", "lapin::channel=off"];

/// Starts logging to standard error for the whole process. A second call (tests in one process) changes nothing.
///
/// # Errors
/// When the directives of `settings.level` cannot be read.
pub fn init(settings: &LogSettings) -> Result<(), ParseError> {
    let mut filter = EnvFilter::try_new(&settings.level)?;
    // Whoever names lapin wants to see it.
    let never = NEVER.iter().filter(|_| !settings.level.contains("lapin"));
    for directive in never {
        filter = filter.add_directive(directive.parse()?);
    }
    let json = match settings.format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let _already_set = if json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    Ok(())
}
