//! `citytrack-node send` and `citytrack-node spool flush`

use std::io;
use std::process::ExitCode;

use anyhow::bail;
use tokio_util::sync::CancellationToken;

use super::{conclude, setup, stop_on_signals};
use crate::cli::SendArgs;
use crate::input;
use crate::report::Report;
use crate::send::Send;
use crate::session::{self, WhenFull};

pub(super) async fn run(args: &SendArgs) -> anyhow::Result<ExitCode> {
    let report = Report::new(args.output.quiet);
    let client = setup::client(&args.connection)?;
    let spool = setup::spool(&args.spool, &report)?;
    let spooled = spool.is_some();
    // A detector must not be held up where there is a spool to decide what is dropped; a file that is piped in can wait.
    let usual = if spooled { WhenFull::DropOldest } else { WhenFull::Wait };
    let how = Send {
        limits: setup::limits(&args.batching),
        when_full: args.batching.when_full.unwrap_or(usual),
        stop_within: args.batching.stop_within,
    };
    let outbox = setup::outbox(spool, &args.spool, &args.batching, &args.connection);
    let mut delivery = setup::delivery(&outbox, &client, &args.connection, &report);
    // Nobody is there to see it end: a key that is refused now may be good again later.
    delivery.retry_denied = true;
    report.note(&format!("frames from standard input to {}", client.destination()));
    let lines = input::read(io::stdin())?;
    let stop = CancellationToken::new();
    let sent = tokio::select! {
        result = how.run(lines, &delivery, &stop) => result.map_err(Into::into),
        result = stop_on_signals(&stop, &report) => result,
    };
    Ok(conclude(&report, args.output.summary, spooled, &sent))
}

pub(super) async fn flush(args: &SendArgs) -> anyhow::Result<ExitCode> {
    let report = Report::new(args.output.quiet);
    let client = setup::client(&args.connection)?;
    let Some(spool) = setup::spool(&args.spool, &report)? else {
        bail!("which spool? Name its folder, --spool FOLDER");
    };
    let outbox = setup::outbox(Some(spool), &args.spool, &args.batching, &args.connection);
    let delivery = setup::delivery(&outbox, &client, &args.connection, &report);
    let stop = CancellationToken::new();
    let nothing_new = async { Ok(()) };
    let sent = tokio::select! {
        result = session::run(nothing_new, &delivery, &stop, args.batching.stop_within) => result.map_err(Into::into),
        result = stop_on_signals(&stop, &report) => result,
    };
    Ok(conclude(&report, args.output.summary, true, &sent))
}
