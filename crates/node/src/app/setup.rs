//! What all commands set up: the client, and where batches wait.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use secrecy::SecretString;

use crate::batch::BatchLimits;
use crate::cli::{BatchingArgs, ConnectionArgs, KEY_VARIABLE, SpoolArgs};
use crate::client::{Client, ClientOptions};
use crate::delivery::Delivery;
use crate::outbox::{Outbox, OutboxOptions};
use crate::pictures::Store;
use crate::report::Report;
use crate::retry::Backoff;
use crate::spool::{Spool, SpoolOptions};

/// Detections at which a batch is closed: about 1.5 MB of JSON, well below the 4 MiB that the server takes.
const BATCH_DETECTIONS: usize = 10_000;

pub(super) fn client(connection: &ConnectionArgs) -> anyhow::Result<Client> {
    let options = ClientOptions {
        server: connection.server.clone(),
        key: key(connection)?,
        timeout: connection.timeout,
        gzip_above: gzip_above(connection),
    };
    Ok(Client::new(options)?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the key must not be a flag, and clap reads variables only for flags"
)]
fn key(connection: &ConnectionArgs) -> anyhow::Result<SecretString> {
    let key = match &connection.key_file {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("--key-file {}", file.display()))?,
        None => match std::env::var(KEY_VARIABLE) {
            Ok(key) => key,
            Err(_) => bail!("no node key: set {KEY_VARIABLE}, or name a file with --key-file"),
        },
    };
    match key.trim() {
        "" => bail!("the node key ({KEY_VARIABLE} or --key-file) is empty"),
        key => Ok(key.into()),
    }
}

fn gzip_above(connection: &ConnectionArgs) -> usize {
    usize::try_from(connection.gzip_above.as_u64()).unwrap_or(usize::MAX)
}

pub(super) fn limits(batching: &BatchingArgs) -> BatchLimits {
    BatchLimits {
        interval: batching.batch_interval,
        frames: batching.batch_frames,
        detections: BATCH_DETECTIONS,
    }
}

/// The spool, if there is to be one.
pub(super) fn spool(args: &SpoolArgs, report: &Report) -> anyhow::Result<Option<Spool>> {
    let Some(folder) = args.folder.clone() else {
        return Ok(None);
    };
    let (mut spool, notes) = Spool::open(SpoolOptions {
        folder,
        size: args.spool_size,
        sync: args.spool_sync,
    })?;
    for note in &notes {
        report.trouble(&format!("spool: {note}"));
    }
    let dropped = spool.take_untold();
    let mut found = dropped;
    for (_, kept) in spool.waiting() {
        found.add(kept.count);
    }
    report.found(found);
    report.dropped(dropped);
    Ok(Some(spool))
}

/// Where pictures are kept: in the folder of the spool, which must be open.
pub(super) fn pictures(args: &SpoolArgs, report: &Report) -> anyhow::Result<Option<Arc<Store>>> {
    let Some(folder) = &args.folder else { return Ok(None) };
    let store = Store::open(folder, args.image_spool_size.as_u64())?;
    report.pictures_found(store.len() as u64);
    Ok(Some(Arc::new(store)))
}

pub(super) fn outbox(
    spool: Option<Spool>,
    args: &SpoolArgs,
    batching: &BatchingArgs,
    connection: &ConnectionArgs,
) -> Outbox {
    let options = OutboxOptions {
        gzip_above: gzip_above(connection),
        live_for: batching.live_for,
    };
    match spool {
        Some(spool) => Outbox::on_disk(spool, args.spool_sync, options),
        None => Outbox::in_memory(batching.max_pending, options),
    }
}

pub(super) fn delivery<'a>(
    outbox: &'a Outbox,
    client: &'a Client,
    connection: &ConnectionArgs,
    report: &'a Report,
) -> Delivery<'a> {
    Delivery {
        outbox,
        client,
        backoff: Backoff::default(),
        retry_for: connection.retry_for,
        retry_denied: false,
        report,
    }
}
