//! The role `journal`: notes every message, never what it says.
//!
//! Its queues are declared by this role alone, so that they cost nothing where nobody runs it: one for detections, one for
//! pictures, each with a keeper of its own.

mod keeper;
mod metrics;
mod note;
mod settings;

use std::time::Duration;

use citytrack_broker::{
    Inbox, InboxMetrics, Options, Source,
    copies::{CopyQueue, JOURNAL, JOURNAL_OF_IMAGES},
    topology::{DETECTIONS, IMAGES, Topology},
};
use citytrack_common::{Lifecycle, TaskError, admin, health, lifecycle::chain};
use citytrack_domain::Clock;
use citytrack_storage::{
    Database, DatabaseOptions, Error,
    journal::{self, Bounds, Forgotten, JournalWriter},
};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use self::settings::{JournalSettings, NoteSettings};
use self::{keeper::Keeper, metrics::JournalMetrics};
use crate::rounds;

/// What is noted.
struct Copies {
    topology: Topology,
    queue: &'static CopyQueue,
    /// How its connection is called in the readiness.
    check: &'static str,
}

const COPIES: [Copies; 2] = [
    Copies {
        topology: DETECTIONS,
        queue: &JOURNAL,
        check: "broker",
    },
    Copies {
        topology: IMAGES,
        queue: &JOURNAL_OF_IMAGES,
        check: "broker: pictures",
    },
];

/// Starts the worker in the role `journal`.
///
/// # Errors
/// When the admin address is taken or a URL cannot be read. Servers that are away are waited for.
pub fn start(settings: &JournalSettings, lifecycle: &Lifecycle) -> Result<(), TaskError> {
    let registry = admin::registry()?;
    let spawner = lifecycle.spawner();
    let readiness = lifecycle.readiness();
    let database = Database::connect(&DatabaseOptions {
        url: settings.database.url.expose_secret().to_owned(),
        pool_size: settings.database.pool_size.get(),
        wait: settings.database.wait.into(),
        statement_timeout: settings.database.statement_timeout.into(),
        read_only: false,
        application_name: "citytrack worker (journal)",
    })?;
    let (metrics, inbox_metrics) = (JournalMetrics::new(&registry)?, InboxMetrics::new(&registry)?);
    let (how, database_check) = (&settings.journal, readiness.check("database"));
    for copies in COPIES {
        let inbox = inbox(settings, &copies, inbox_metrics.clone())?;
        let status = health::follow(readiness.check(copies.check), inbox.status(), spawner.stop());
        spawner.spawn("broker status", status);
        let keeper = Keeper {
            inbox,
            writer: JournalWriter::new(database.clone()),
            database: database.clone(),
            database_check: database_check.clone(),
            clock: Clock::System,
            prefetch: how.prefetch.get().into(),
            gather: how.gather.into(),
            ping_interval: how.ping_interval.into(),
            max_backoff: how.max_backoff.into(),
            metrics: metrics.clone(),
            stop: spawner.stop(),
        };
        spawner.spawn("journal", keeper.run());
    }
    let bounds = Bounds {
        entries: how.retention_entries,
        age: how.retention.into(),
    };
    let upkeep = upkeep(database, bounds, how.interval.into(), metrics, spawner.stop());
    spawner.spawn("journal upkeep", upkeep);
    admin::start(&settings.admin, registry, lifecycle)
}

fn inbox(settings: &JournalSettings, copies: &Copies, metrics: InboxMetrics) -> Result<Inbox, TaskError> {
    let connection = Options {
        url: settings.broker.url.expose_secret().to_owned(),
        name: format!("citytrack worker: {}", copies.queue.name),
        heartbeat: settings.broker.heartbeat.into(),
        topology: copies.topology,
    };
    connection
        .check()
        .map_err(|error| format!("CITYTRACK_BROKER__URL: {error}"))?;
    let (source, prefetch) = (Source::Copies(copies.queue), settings.journal.prefetch.get());
    Ok(Inbox::new(connection, source, prefetch, metrics))
}

/// Drops what is old, at once and then every `interval`.
async fn upkeep(
    database: Database,
    bounds: Bounds,
    interval: Duration,
    metrics: JournalMetrics,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    let failed = |error: &Error| {
        metrics.upkeep_failures.inc();
        warn!(error = %chain(error), "old entries of the journal cannot be dropped; it is tried again soon");
    };
    let round = || round(&database, &bounds, &metrics);
    rounds::run(database.clone(), interval, stop, round, failed).await;
    Ok(())
}

async fn round(database: &Database, bounds: &Bounds, metrics: &JournalMetrics) -> Result<(), Error> {
    let Forgotten { partitions, entries } = journal::keep_small(database, bounds, Clock::System.now()).await?;
    metrics.forgotten.inc_by(partitions.len() as u64);
    if !partitions.is_empty() || entries > 0 {
        info!(?partitions, entries, "old entries of the journal are dropped");
    }
    Ok(())
}
