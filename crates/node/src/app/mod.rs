//! The program: from its settings to its exit code.

mod replay;
mod send;
mod setup;
mod status;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::bail;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::{Cli, Command, SpoolCommand, Summary};
use crate::report::Report;
use crate::totals::Totals;

const FAILURE: u8 = 1;
const BAD_SETTINGS: u8 = 2;
const INCOMPLETE: u8 = 3;
const BACKLOG: u8 = 4;

/// Does what the command line says.
pub async fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Replay(args) => replay::run(&args).await,
        Command::Send(args) => Box::pin(send::run(&args)).await,
        Command::Spool(SpoolCommand::Flush(args)) => Box::pin(send::flush(&args)).await,
        Command::Spool(SpoolCommand::Status(args)) => status::run(&args),
    };
    done.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::from(BAD_SETTINGS)
    })
}

/// The first signal asks for a good end; the second one is the end.
async fn stop_on_signals(stop: &CancellationToken, report: &Report) -> anyhow::Result<()> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let mut next = async || {
        tokio::select! { _ = interrupts.recv() => {}, _ = terminations.recv() => {} }
    };
    next().await;
    report.note("stopping: sending what was collected (again to stop at once)");
    stop.cancel();
    next().await;
    bail!("stopped at once");
}

/// The last words of a run, and its exit code. `spooled`: what is unsent is kept.
fn conclude(report: &Report, form: Summary, spooled: bool, result: &anyhow::Result<()>) -> ExitCode {
    report.clear_progress();
    let totals = report.totals();
    if let Err(error) = result {
        complain(error);
    }
    let _ = io::stdout().write_all(summary(&totals, form).as_bytes());
    match result {
        Err(_) => ExitCode::from(FAILURE),
        Ok(()) if totals.all_accepted() => ExitCode::SUCCESS,
        Ok(()) if spooled && totals.nothing_lost() => ExitCode::from(BACKLOG),
        Ok(()) => ExitCode::from(INCOMPLETE),
    }
}

fn summary(totals: &Totals, form: Summary) -> String {
    match form {
        Summary::Text => totals.as_text() + "\n",
        Summary::Json => totals.as_json() + "\n",
        Summary::None => String::new(),
    }
}

fn complain(error: &anyhow::Error) {
    let _ = writeln!(io::stderr(), "citytrack-node: {error:#}");
}
