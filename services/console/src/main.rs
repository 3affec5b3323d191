//! The console: web pages, and the control API. Also the tool that makes the first user.

use std::process::ExitCode;

use citytrack_common::{process, settings};
use citytrack_console::{App, Settings, Tool};
use citytrack_domain::Clock;

fn main() -> ExitCode {
    let command = std::env::args_os().nth(1);
    if command.is_some_and(|command| command == "create-user") {
        let Tool::CreateUser(tool) = settings::parse();
        return process::run_once(tool.act());
    }
    let settings: Settings = settings::parse();
    let (log, shutdown) = (settings.log.clone(), settings.shutdown.clone());
    process::run("console", &log, shutdown, async |lifecycle| {
        App::start(&settings, Clock::System, lifecycle).map(|_app| ())
    })
}
