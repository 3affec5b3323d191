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
    // One thread for everything but HTTP, which has workers of its own: tasks that mostly wait wake no other thread. Nothing that
    // blocks may run here; a process that needs more than one core needs more instances (docs/adr/0016).
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

/// Runs `work`, which comes to an end by itself, without logs, readiness or signals: for tools. Its error is printed, with
/// exit code 1, or 2 when it is about the command line (`clap::Error`).
pub fn run_once(work: impl Future<Output = Result<(), TaskError>>) -> ExitCode {
    // A second thread keeps connections alive while the work waits for somebody at the terminal.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let ended = runtime.map_err(TaskError::from).and_then(|runtime| {
        let ended = runtime.block_on(work);
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(usage) = error.downcast_ref::<clap::Error>() {
                let _ = usage.print();
                return ExitCode::from(2);
            }
            #[expect(clippy::print_stderr, reason = "a tool talks to a person")]
            {
                eprintln!("error: {}", chain(&*error));
            }
            ExitCode::FAILURE
        }
    }
}
