//! The body of every `main`: telemetry, runtime, build, run, exit code.

use std::process::ExitCode;

use tracing::{error, info};

use crate::{
    lifecycle::{Lifecycle, TaskError, chain},
    settings::{LogSettings, ShutdownSettings},
    telemetry,
};

/// Starts logging and the runtime, lets `start` build the service and spawn its tasks, and runs until the end.
///
/// Fails with exit code 1 when the service cannot start or a task ends early; bad log directives are a bad setting: 2.
pub fn run<E: Into<TaskError>>(
    service: &'static str,
    log: &LogSettings,
    shutdown: ShutdownSettings,
    start: impl AsyncFnOnce(&Lifecycle) -> Result<(), E>,
) -> ExitCode {
    if let Err(error) = telemetry::init(log) {
        #[expect(clippy::print_stderr, reason = "logging could not be set up")]
        {
            eprintln!("error: the setting CITYTRACK_LOG__LEVEL is wrong: {error}");
        }
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "cannot start the runtime");
            return ExitCode::FAILURE;
        }
    };
    let exit = runtime.block_on(async {
        let lifecycle = Lifecycle::new(shutdown);
        if let Err(error) = start(&lifecycle).await {
            error!(service, error = %chain(&*error.into()), "cannot start");
            return ExitCode::FAILURE;
        }
        info!(service, version = env!("CARGO_PKG_VERSION"), "started");
        lifecycle.run().await
    });
    // Blocking work that is still running must not hold the end of the process.
    runtime.shutdown_background();
    exit
}
