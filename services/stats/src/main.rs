//! The read API: counts from the minute buckets.

use std::process::ExitCode;

use citytrack_common::{process, settings};
use citytrack_domain::Clock;
use citytrack_stats::{App, Settings};

fn main() -> ExitCode {
    let settings: Settings = settings::parse();
    let (log, shutdown) = (settings.log.clone(), settings.shutdown.clone());
    process::run("stats", &log, shutdown, async |lifecycle| {
        App::start(&settings, Clock::System, lifecycle).map(|_app| ())
    })
}
