//! The background worker of CityTrack; its role is the first argument.

use std::process::ExitCode;

use citytrack_common::{process, settings};
use citytrack_worker::{Settings, start};

fn main() -> ExitCode {
    let settings: Settings = settings::parse();
    let (log, shutdown) = (settings.log.clone(), settings.shutdown.clone());
    process::run("worker", &log, shutdown, async |lifecycle| start(&settings, lifecycle))
}
