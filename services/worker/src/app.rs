//! Puts the worker together.

use citytrack_broker::{
    Inbox, InboxMetrics, Options, Publisher, PublisherMetrics, PublisherOptions, Source,
    topology::{DETECTIONS, PERSIST},
};
use citytrack_common::{Lifecycle, TaskError, admin, health};
use citytrack_domain::Clock;
use citytrack_storage::{Database, DatabaseOptions, batches::BatchWriter, partitions::Retention};
use secrecy::ExposeSecret;

use crate::{
    dead_letters::{self, DeadLetters},
    maintenance,
    metrics::{PersistMetrics, RollupMetrics},
    persist::Persist,
    rollups,
    settings::Settings,
};

/// Starts the worker in the role `persist`.
///
/// # Errors
/// When the admin address is taken or the database URL cannot be read. Servers that are away are waited for.
pub fn start(settings: &Settings, lifecycle: &Lifecycle) -> Result<(), TaskError> {
    let registry = admin::registry()?;
    let spawner = lifecycle.spawner();
    let database = Database::connect(&DatabaseOptions {
        url: settings.database.url.expose_secret().to_owned(),
        pool_size: settings.database.pool_size.get(),
        wait: settings.database.wait.into(),
        statement_timeout: settings.database.statement_timeout.into(),
        read_only: false,
        application_name: "citytrack worker",
    })?;
    let connection = |name: &str| Options {
        url: settings.broker.url.expose_secret().to_owned(),
        name: format!("citytrack worker: {name}"),
        heartbeat: settings.broker.heartbeat.into(),
        topology: DETECTIONS,
    };
    connection("check")
        .check()
        .map_err(|error| format!("CITYTRACK_BROKER__URL: {error}"))?;
    let prefetch = settings.persist.prefetch.get();
    let inbox = Inbox::new(
        connection("persist"),
        Source::Work(PERSIST.name),
        prefetch,
        InboxMetrics::new(&registry)?,
    );
    let (publisher, publishing) = Publisher::new(
        PublisherOptions {
            connection: connection("dead letters"),
            exchange: DETECTIONS.dead_letter_exchange,
            kind: dead_letters::SCHEMA,
            mandatory: true,
            max_waiting: settings.persist.dead_letters_waiting.get(),
            max_waiting_bytes: 64 << 20,
            max_group_bytes: 0,
            gather: std::time::Duration::ZERO,
            confirm_timeout: std::time::Duration::from_secs(10),
        },
        PublisherMetrics::new(&registry)?,
    );
    let metrics = PersistMetrics::new(&registry)?;
    let retention = Retention {
        frames: settings.persist.retention_frames.into(),
        batches: settings.persist.retention_batches.into(),
        audit: settings.persist.retention_audit.into(),
        days_ahead: settings.persist.days_ahead,
    };

    let readiness = lifecycle.readiness();
    spawner.spawn(
        "broker status",
        health::follow(readiness.check("broker"), inbox.status(), spawner.stop()),
    );
    spawner.spawn("dead letters", async move {
        publishing.await;
        Ok::<(), TaskError>(())
    });
    let count = dead_letters::count(
        connection("dead letter count"),
        settings.persist.dead_letters_interval.into(),
        metrics.clone(),
        spawner.stop(),
    );
    spawner.spawn("dead letter count", count);
    let upkeep = maintenance::run(
        database.clone(),
        retention,
        settings.persist.interval.into(),
        Clock::System,
        metrics.clone(),
        spawner.stop(),
    );
    spawner.spawn("partition maintenance", upkeep);
    let rollups = rollups::run(
        database.clone(),
        settings.persist.rollup_interval.into(),
        RollupMetrics::new(&registry)?,
        spawner.stop(),
    );
    spawner.spawn("rollups", rollups);
    let persist = Persist {
        inbox,
        writer: BatchWriter::new(database.clone()),
        database,
        dead_letters: DeadLetters::new(publisher, Clock::System),
        database_check: readiness.check("database"),
        clock: Clock::System,
        prefetch: prefetch.into(),
        max_take: usize::try_from(settings.persist.max_take.as_u64()).unwrap_or(usize::MAX),
        gather: settings.persist.gather.into(),
        ping_interval: settings.persist.ping_interval.into(),
        max_backoff: settings.persist.max_backoff.into(),
        ids_kept: settings.persist.retention_batches.into(),
        metrics,
        stop: spawner.stop(),
    };
    spawner.spawn("persist", persist.run());
    admin::start(&settings.admin, registry, lifecycle)
}
