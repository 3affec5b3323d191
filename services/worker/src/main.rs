//! The background worker of CityTrack; its role is the first argument. Also the tool for dead letters.

use std::process::ExitCode;

use citytrack_common::{process, settings};
use citytrack_worker::{
    Command, journal,
    pictures::{save, transform},
    start,
};

fn main() -> ExitCode {
    match settings::parse() {
        Command::Persist(settings) => {
            let (log, shutdown) = (settings.log.clone(), settings.shutdown.clone());
            process::run("worker", &log, shutdown, async |lifecycle| start(&settings, lifecycle))
        }
        Command::Journal(settings) => {
            let (log, shutdown) = (settings.log.clone(), settings.shutdown.clone());
            process::run("worker", &log, shutdown, async |lifecycle| {
                journal::start(&settings, lifecycle)
            })
        }
        Command::Transform(settings) => {
            let (log, shutdown) = (settings.common.log.clone(), settings.common.shutdown.clone());
            process::run("worker", &log, shutdown, async |lifecycle| {
                transform::start(&settings, lifecycle)
            })
        }
        Command::Save(settings) => {
            let (log, shutdown) = (settings.common.log.clone(), settings.common.shutdown.clone());
            process::run("worker", &log, shutdown, async |lifecycle| {
                save::start(&settings, lifecycle)
            })
        }
        Command::DeadLetters(tool) => process::run_once(tool.act()),
    }
}
