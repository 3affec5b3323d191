//! What the roles of pictures have in common: their connections, and patience with PostgreSQL.

use std::time::Duration;

use citytrack_broker::{
    Inbox, InboxMetrics, Options, Publisher, PublisherMetrics, PublisherOptions, Source, topology::IMAGES,
};
use citytrack_common::{Check, Spawner, TaskError, lifecycle::chain};
use citytrack_messages::images::ANSWER;
use citytrack_storage::{Database, DatabaseOptions, Error};
use prometheus::Registry;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::settings::CommonSettings;

/// The first wait after a failure; it doubles up to the setting.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// Bytes of messages that may wait for the broker: some of the largest pictures with all that is made of them.
const MAX_WAITING: usize = 128 << 20;

/// The process stops before everything in hand is settled; the broker will deliver it again.
pub(crate) struct Stopped;

/// PostgreSQL, which may be away for a while.
#[derive(Clone)]
pub(crate) struct Patient {
    pub(crate) database: Database,
    pub(crate) check: Check,
    pub(crate) max_backoff: Duration,
    pub(crate) stop: CancellationToken,
}

impl Patient {
    /// Tries for as long as it takes; only what will never work is given back.
    pub(crate) async fn until_answered<T, F: Future<Output = Result<T, Error>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<Result<T, Error>, Stopped> {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let error = match work().await {
                Ok(done) => {
                    self.check.ok();
                    return Ok(Ok(done));
                }
                Err(error) if error.refuses_data() => return Ok(Err(error)),
                Err(error @ (Error::NotFound(_) | Error::Conflict(_))) => return Ok(Err(error)),
                Err(error) => error,
            };
            warn!(error = %chain(&error), retry.after = ?backoff, "pictures are held until they can be stored");
            self.check.fail(chain(&error));
            let waited = self.stop.run_until_cancelled(tokio::time::sleep(backoff)).await;
            waited.ok_or(Stopped)?;
            backoff = (backoff * 2).min(self.max_backoff);
        }
    }
}

/// Reads the address of PostgreSQL.
pub(crate) fn database(settings: &CommonSettings, application_name: &'static str) -> Result<Database, TaskError> {
    Ok(Database::connect(&DatabaseOptions {
        url: settings.database.url.expose_secret().to_owned(),
        pool_size: settings.database.pool_size.get(),
        wait: settings.database.wait.into(),
        statement_timeout: settings.database.statement_timeout.into(),
        read_only: false,
        application_name,
    })?)
}

fn connection(settings: &CommonSettings, name: &str) -> Result<Options, TaskError> {
    let connection = Options {
        url: settings.broker.url.expose_secret().to_owned(),
        name: format!("citytrack worker: {name}"),
        heartbeat: settings.broker.heartbeat.into(),
        topology: IMAGES,
    };
    let checked = connection
        .check()
        .map_err(|error| format!("CITYTRACK_BROKER__URL: {error}"));
    checked?;
    Ok(connection)
}

/// An inbox on a work queue.
pub(crate) fn inbox(
    settings: &CommonSettings,
    queue: &'static str,
    prefetch: u16,
    registry: &Registry,
) -> Result<Inbox, TaskError> {
    let connection = connection(settings, queue)?;
    Ok(Inbox::new(
        connection,
        Source::Work(queue),
        prefetch,
        InboxMetrics::new(registry)?,
    ))
}

/// Starts a publisher; `name` is that of its connection and, in its metrics, its own.
pub(crate) fn publisher(
    settings: &CommonSettings,
    (exchange, kind): (&'static str, &'static str),
    name: &'static str,
    registry: &Registry,
    spawner: &Spawner,
) -> Result<Publisher, TaskError> {
    let options = PublisherOptions {
        connection: connection(settings, name)?,
        exchange,
        kind,
        // An upload that waited may have gone, and its queue with it.
        mandatory: kind != ANSWER,
        max_waiting: 1_000,
        max_waiting_bytes: MAX_WAITING,
        max_group_bytes: 0,
        gather: Duration::ZERO,
        confirm_timeout: Duration::from_secs(10),
    };
    let (publisher, publishing) = Publisher::new(options, PublisherMetrics::named(registry, name)?);
    spawner.spawn(name, async move {
        publishing.await;
        Ok::<(), TaskError>(())
    });
    Ok(publisher)
}
