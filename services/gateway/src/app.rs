//! Puts the gateway together.

use std::{io, net::SocketAddr, sync::Arc, thread::available_parallelism};

use citytrack_common::{Check, Lifecycle, TaskError, admin};
use pingora::{proxy::http_proxy, server::configuration::ServerConf};
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::{
    error::StartError,
    health::HealthChecks,
    listener::Listener,
    metrics::Metrics,
    pools::Pools,
    proxy::Gateway,
    settings::Settings,
    worker::{Patience, Worker},
};

/// A gateway whose port is open and that serves as soon as it runs.
pub struct App {
    listener: Listener,
    health: HealthChecks,
}

impl App {
    /// Opens the port.
    ///
    /// # Errors
    /// When the port cannot be opened or a metric cannot be registered.
    pub fn build(settings: Settings, registry: &Registry, ready: Check) -> Result<Self, StartError> {
        let metrics = Metrics::new(registry)?;
        let pools = Arc::new(Pools::new(&settings.pools));
        let gateway = Gateway::new(&settings, pools.clone(), metrics.clone());
        let workers = workers(&settings, &gateway, &metrics).map_err(StartError::Threads)?;
        let listener = Listener::bind(&settings.listener, workers)?;
        Ok(Self {
            listener,
            health: HealthChecks::new(pools, metrics, settings, ready)?,
        })
    }

    /// The address that is really listened on.
    ///
    /// # Errors
    /// When the system does not know it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves until `stop`, then finishes what is in hand. The first round of health checks comes before the first request.
    ///
    /// # Errors
    /// When a thread that serves connections ended before.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), TaskError> {
        self.health.round().await;
        // The checks go on while the last requests are finished: these still need servers.
        tokio::select! {
            served = self.listener.run(stop) => served,
            never = self.health.run() => match never {},
        }
    }
}

/// Starts a gateway and its admin listener in the process.
///
/// # Errors
/// When one of the ports cannot be opened.
pub fn start(settings: Settings, lifecycle: &Lifecycle) -> Result<(), TaskError> {
    // At debug, pingora writes whole request heads, and with them tokens: it never gets further than info.
    log::set_max_level(log::LevelFilter::Info);
    let registry = admin::registry()?;
    admin::start(&settings.admin, registry.clone(), lifecycle)?;
    let app = App::build(settings, &registry, lifecycle.readiness().check("pools"))?;
    tracing::info!(address = %app.address()?, "listening");
    let spawner = lifecycle.spawner();
    let stop = spawner.stop();
    spawner.spawn("proxy", app.run(stop));
    Ok(())
}

/// One worker per thread, each with its share of the connections that are kept to servers.
fn workers(settings: &Settings, gateway: &Gateway, metrics: &Metrics) -> io::Result<Vec<Worker>> {
    let threads = settings
        .listener
        .threads
        .or_else(|| available_parallelism().ok())
        .map_or(1, usize::from);
    let engine = Arc::new(ServerConf {
        upstream_keepalive_pool_size: settings.upstream.keep_alive_connections.get().div_ceil(threads),
        max_retries: settings.upstream.attempts.get(),
        ..ServerConf::default()
    });
    let patience = Patience {
        keep_alive: settings.listener.client_keep_alive.into(),
        head: settings.listener.client_head_timeout.into(),
    };
    let worker = |_| Worker::start(http_proxy(&engine, gateway.clone()), metrics.clone(), patience);
    (0..threads).map(worker).collect()
}
