//! The write API for detection nodes.

use std::process::ExitCode;

use citytrack_common::{process, settings};
use citytrack_ingest_api::{App, Settings};

fn main() -> ExitCode {
    let settings: Settings = settings::parse_checked(Settings::check);
    let (log, shutdown) = (settings.log.clone(), settings.shutdown.clone());
    process::run("ingest-api", &log, shutdown, async |lifecycle| {
        App::start(&settings, lifecycle).map(drop)
    })
}
