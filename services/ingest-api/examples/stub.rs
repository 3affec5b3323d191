//! The ingest API without its last step: batches are checked, encoded and answered 202, but not handed to the broker. What it takes
//! per request is the share that is ours (`scripts/bench/run path`).

use std::process::ExitCode;

use citytrack_common::{process, settings};
use citytrack_ingest_api::{App, Settings};

fn main() -> ExitCode {
    let settings: Settings = settings::parse_checked(Settings::check);
    let (log, shutdown) = (settings.log.clone(), settings.shutdown.clone());
    process::run("ingest-api-stub", &log, shutdown, async |lifecycle| {
        App::start(&settings, lifecycle).map(drop)
    })
}
