//! The program `gateway`.

use std::process::ExitCode;

use citytrack_common::{process, settings};
use citytrack_gateway::{app, settings::Settings};

fn main() -> ExitCode {
    let settings: Settings = settings::parse();
    let (log, shutdown) = (settings.log.clone(), settings.shutdown.clone());
    process::run("gateway", &log, shutdown, async |lifecycle| {
        app::start(settings, lifecycle)
    })
}
