//! `citytrack-node send` and `citytrack-node spool flush`

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio_util::sync::CancellationToken;

use super::{conclude, setup, stop_on_signals};
use crate::cli::SendArgs;
use crate::delivery::Delivery;
use crate::input;
use crate::pictures::{Delivering, Inbox, Store, Taking};
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
    let store = setup::pictures(&args.spool, &report)?;
    let inboxes = inboxes(args, store.as_ref())?;
    report.note(&format!("frames from standard input to {}", client.destination()));
    let lines = input::read(io::stdin())?;
    let stop = CancellationToken::new();
    let taking = Taking {
        store: store.as_ref(),
        report: &report,
    };
    let sending = async {
        let delivering = delivering(store.as_ref(), &delivery, &stop, how.stop_within);
        let pictures = async {
            match &delivering {
                Some(delivering) => delivering.run(&inboxes).await,
                None => Ok(()),
            }
        };
        tokio::try_join!(how.run(lines, taking, &delivery, &stop), pictures)
    };
    let sent = tokio::select! {
        result = sending => result.map(|_| ()).map_err(Into::into),
        result = stop_on_signals(&stop, &report) => result,
    };
    Ok(conclude(&report, args.output.summary, spooled, &sent))
}

pub(super) async fn flush(args: &SendArgs) -> anyhow::Result<ExitCode> {
    let report = Report::new(args.output.quiet);
    let client = setup::client(&args.connection)?;
    if !args.images.is_empty() {
        bail!("--images goes with `send`: `spool flush` sends what was taken before");
    }
    let Some(spool) = setup::spool(&args.spool, &report)? else {
        bail!("which spool? Name its folder, --spool FOLDER");
    };
    let outbox = setup::outbox(Some(spool), &args.spool, &args.batching, &args.connection);
    let delivery = setup::delivery(&outbox, &client, &args.connection, &report);
    let stop = CancellationToken::new();
    let store = setup::pictures(&args.spool, &report)?;
    let stop_within = args.batching.stop_within;
    let sending = async {
        let nothing_new = async { Ok(()) };
        let delivering = delivering(store.as_ref(), &delivery, &stop, stop_within);
        let pictures = async {
            match &delivering {
                Some(delivering) => delivering.flush().await,
                None => Ok(()),
            }
        };
        tokio::try_join!(session::run(nothing_new, &delivery, &stop, stop_within), pictures)
    };
    let sent = tokio::select! {
        result = sending => result.map(|_| ()).map_err(Into::into),
        result = stop_on_signals(&stop, &report) => result,
    };
    Ok(conclude(&report, args.output.summary, true, &sent))
}

fn delivering<'a>(
    store: Option<&'a Arc<Store>>,
    delivery: &'a Delivery<'a>,
    stop: &'a CancellationToken,
    stop_within: Duration,
) -> Option<Delivering<'a>> {
    store.map(|store| Delivering {
        store,
        delivery,
        stop,
        stop_within,
    })
}

/// The folders of pictures. Each must be there, or the person has made a mistake.
fn inboxes(args: &SendArgs, store: Option<&Arc<Store>>) -> anyhow::Result<Vec<Inbox>> {
    if store.is_none() && !args.images.is_empty() {
        bail!("--images needs a spool, which keeps the pictures until they are sent: --spool FOLDER");
    }
    let folders = args.images.iter().map(|argument| {
        let folder = argument.file.clone();
        if !folder.is_dir() {
            bail!("--images {}: no such folder", folder.display());
        }
        let camera = argument.camera.clone();
        Ok(Inbox { folder, camera })
    });
    folders.collect()
}
