//! The connections to PostgreSQL.

use std::{fmt, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::{Config, NoTls};

use crate::{Error, error::NoAnswer, migrations, reader};

/// A connection from the pool; it goes back when dropped.
pub type Client = deadpool_postgres::Client;

/// How to reach PostgreSQL and how to treat it.
#[derive(Clone)]
pub struct DatabaseOptions {
    /// `postgres://user:password@host:port/database`
    pub url: String,
    /// Connections at most.
    pub pool_size: usize,
    /// How long to wait for a connection from the pool, and for PostgreSQL to take a new one.
    pub wait: Duration,
    /// PostgreSQL ends a statement that takes longer, and a transaction in which it hears nothing for so long.
    pub statement_timeout: Duration,
    /// Refuse every change, also by mistake.
    pub read_only: bool,
    /// How the connections are named in `pg_stat_activity`.
    pub application_name: &'static str,
}

/// PostgreSQL, by a pool of connections that are made when needed. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    /// For connections of their own, beside the pool: without limits on how long a statement may take.
    config: Config,
    wait: Duration,
    /// For the work of one call; see [`Self::in_time`].
    deadline: Duration,
}

impl Database {
    /// Prepares the pool. No connection is made yet, so a database that is away is no error here.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn connect(options: &DatabaseOptions) -> Result<Self, Error> {
        let mut config: Config = options.url.parse().map_err(Error::Address)?;
        config
            .application_name(options.application_name)
            .connect_timeout(options.wait)
            // A server that vanished without a word is noticed within half a minute.
            .keepalives_idle(Duration::from_secs(15))
            .keepalives_interval(Duration::from_secs(5))
            .tcp_user_timeout(Duration::from_secs(30));
        let given = config.get_options().unwrap_or_default().to_owned();
        let watched = watched(options);
        config.options(format!("{given} {watched}"));
        let mut limited = config.clone();
        limited.options(format!("{given} {watched} {}", limits(options)));
        let pool = pool(limited, options.pool_size, options.wait)?;
        Ok(Self {
            pool,
            config,
            wait: options.wait,
            deadline: options.wait + options.statement_timeout,
        })
    }

    /// A connection from the pool.
    ///
    /// # Errors
    /// [`Error::Transient`] when there is none in time.
    pub async fn client(&self) -> Result<Client, Error> {
        Ok(self.pool.get().await?)
    }

    /// Asks PostgreSQL whether it is there.
    ///
    /// # Errors
    /// When it is not.
    pub async fn ping(&self) -> Result<(), Error> {
        self.in_time(async {
            self.client().await?.simple_query("select 1").await?;
            Ok(())
        })
        .await
    }

    /// The result of `work`, which asks PostgreSQL, but not later than a connection and a statement may take. PostgreSQL
    /// keeps to the limits of a statement itself, unless it cannot be heard any more; whoever waits for what a half-open
    /// connection says waits for ever.
    pub(crate) async fn in_time<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let result = tokio::time::timeout(self.deadline, work).await;
        result.unwrap_or_else(|_| {
            // The connection went back to the pool when the work was dropped, and those beside it are no better.
            self.pool.retain(|_, _| false);
            Err(Error::transient(NoAnswer(self.deadline)))
        })
    }

    /// Brings the schema up to date, and what the read-only role may read in it. Of several processes that do so at once,
    /// one works and the others wait for it.
    ///
    /// # Errors
    /// [`Error::Transient`] when PostgreSQL is away, another when a migration fails.
    pub async fn migrate(&self) -> Result<(), Error> {
        let mut client = self.dedicated().await?;
        migrations::run(&mut client).await?;
        reader::grant(&mut client).await
    }

    /// Whether every migration that this build knows has been applied.
    ///
    /// # Errors
    /// When PostgreSQL cannot be asked.
    pub async fn schema_is_current(&self) -> Result<bool, Error> {
        migrations::are_applied(&self.client().await?).await
    }

    /// A connection of its own, without statement timeout; closed when dropped. For locks that are held for long.
    ///
    /// # Errors
    /// [`Error::Transient`] when it cannot be made.
    pub async fn dedicated(&self) -> Result<Client, Error> {
        // A pool of one, which lives as long as its connection: the manager stays the only place that connects.
        let pool = pool(self.config.clone(), 1, self.wait)?;
        let client = pool.get().await?;
        pool.close();
        Ok(client)
    }

    /// Connections in use, and how many there may be.
    pub fn usage(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size.saturating_sub(status.available), status.max_size)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}

fn pool(config: Config, size: usize, wait: Duration) -> Result<Pool, Error> {
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    Pool::builder(Manager::from_config(config, NoTls, recycling))
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(wait))
        .create_timeout(Some(wait))
        .build()
        .map_err(Error::transient)
}

/// PostgreSQL looks after the connection, too: a client that vanished, or that says nothing in the middle of a transaction
/// for as long as a statement may take, must not keep its locks for hours.
fn watched(options: &DatabaseOptions) -> String {
    let idle = options.statement_timeout.as_millis();
    format!(
        "-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=30000 \
         -c idle_in_transaction_session_timeout={idle}"
    )
}

/// Session settings, sent when connecting, so that they hold for every statement without another round trip.
fn limits(options: &DatabaseOptions) -> String {
    let timeout = options.statement_timeout.as_millis();
    let read_only = if options.read_only {
        " -c default_transaction_read_only=on"
    } else {
        ""
    };
    format!("-c statement_timeout={timeout} -c timezone=UTC{read_only}")
}
