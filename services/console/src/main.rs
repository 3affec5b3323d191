//! The console: web pages, and the control API for venues, nodes, keys and viewer tokens.

use std::process::ExitCode;

use citytrack_common::{process, settings};
use citytrack_console::{App, Settings};
use citytrack_domain::Clock;

fn main() -> ExitCode {
    let settings: Settings = settings::parse();
    let (log, shutdown) = (settings.log.clone(), settings.shutdown.clone());
    process::run("console", &log, shutdown, async |lifecycle| {
        App::start(&settings, Clock::System, lifecycle).map(|_app| ())
    })
}
