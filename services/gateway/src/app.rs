//! Puts the gateway together.

use std::{net::SocketAddr, sync::Arc, thread::available_parallelism};

use citytrack_common::{Lifecycle, TaskError, admin};
use pingora::{proxy::http_proxy, server::configuration::ServerConf};
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::{
    error::StartError, health::HealthChecks, listener::Listener, metrics::Metrics, pools::Pools, proxy::Gateway,
    settings::Settings,
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
    pub fn build(settings: Settings, registry: &Registry, ready: citytrack_common::Check) -> Result<Self, StartError> {
        let metrics = Metrics::new(registry)?;
        let pools = Arc::new(Pools::new(&settings.pools));
        let gateway = Gateway::new(&settings, pools.clone(), metrics.clone());
        let proxy = http_proxy(&Arc::new(engine(&settings)), gateway);
        let listener = Listener::bind(settings.listener.clone(), proxy, metrics.clone())?;
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
    pub async fn run(mut self, stop: CancellationToken) {
        self.health.round().await;
        let serving = self.listener.run(stop.clone());
        // The checks go on while requests are finished: they still pick servers.
        let done = CancellationToken::new();
        tokio::join!(
            async {
                serving.await;
                done.cancel();
            },
            self.health.run(done.clone())
        );
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
    spawner.spawn("proxy", async move {
        app.run(stop).await;
        Ok::<_, StartError>(())
    });
    Ok(())
}

/// What the proxy engine has to know; everything else about it is up to the callers of the engine.
fn engine(settings: &Settings) -> ServerConf {
    let threads = settings
        .listener
        .threads
        .or_else(|| available_parallelism().ok())
        .map_or(1, usize::from);
    let upstream = &settings.upstream;
    ServerConf {
        threads,
        // pingora counts these per thread.
        upstream_keepalive_pool_size: upstream.keep_alive_connections.get().div_ceil(threads),
        max_retries: upstream.attempts.get(),
        ..ServerConf::default()
    }
}
