//! The live feed: detections from the broker to browsers, over WebSocket.

use std::process::ExitCode;

use citytrack_common::{TaskError, process, settings};
use citytrack_domain::Clock;
use citytrack_realtime_ws::{App, Settings};

fn main() -> ExitCode {
    let settings = settings::parse::<Settings>();
    process::run(
        "realtime-ws",
        &settings.log,
        settings.shutdown.clone(),
        async |lifecycle| -> Result<(), TaskError> {
            App::start(&settings, Clock::System, lifecycle)?;
            Ok(())
        },
    )
}
