//! Active health checks: every server is asked for `/readyz` in rounds, and names are resolved again now and then.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use citytrack_common::Check;
use futures_util::future::join_all;
use pingora::{
    Error,
    http::RequestHeader,
    lb::{
        Backend,
        health_check::{HealthCheck as _, HttpHealthCheck},
    },
};
use tokio::{net::lookup_host, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    metrics::Metrics,
    pools::{Pool, Pools, Server},
    settings::{ServerSpec, Settings},
};

/// Keeps the pools up to date.
pub struct HealthChecks {
    pools: Arc<Pools>,
    metrics: Metrics,
    settings: Settings,
    probe: HttpHealthCheck,
    ready: Check,
    resolved: Option<Instant>,
}

impl HealthChecks {
    /// Health checks for `pools`, which report to `ready`.
    ///
    /// # Errors
    /// When the proxy engine refuses the request that servers are asked with.
    pub fn new(pools: Arc<Pools>, metrics: Metrics, settings: Settings, ready: Check) -> Result<Self, Box<Error>> {
        let mut probe = HttpHealthCheck::new("gateway", false);
        let mut request = RequestHeader::build("GET", b"/readyz", Some(2))?;
        request.insert_header("Host", "gateway")?;
        request.insert_header("User-Agent", "citytrack-gateway")?;
        probe.req = request;
        Ok(Self {
            pools,
            metrics,
            settings,
            probe,
            ready,
            resolved: None,
        })
    }

    /// Goes round until the process stops.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            self.round().await;
            tokio::select! {
                () = tokio::time::sleep(self.settings.health.interval.into()) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Resolves if it is time, asks every server once, and reports.
    pub async fn round(&mut self) {
        let interval = Duration::from(self.settings.pools.resolve_interval);
        if self.resolved.is_none_or(|when| when.elapsed() >= interval) {
            // A name that cannot be resolved is tried again in the next round.
            self.resolved = self.resolve().await.then(Instant::now);
        }
        let servers: Vec<_> = self.pools.iter().flat_map(|pool| pool.servers().to_vec()).collect();
        join_all(servers.iter().map(|server| self.check(server))).await;
        self.report();
    }

    async fn check(&self, server: &Server) {
        let limit: Duration = self.settings.health.timeout.into();
        let result = match Backend::new(server.name()) {
            Ok(backend) => timeout(limit, self.probe.check(&backend)).await.unwrap_or_else(|_| {
                Error::e_explain(pingora::ErrorType::ReadTimedout, format!("no answer within {limit:?}"))
            }),
            Err(error) => Err(error),
        };
        server.checked(result.map_err(|error| error.to_string()), &self.settings.health);
    }

    /// The gateway is ready when it can do anything useful. It does not wait for every pool: all gateways see the same
    /// servers, so if one broken pool took the gateways out of service, a failure of the statistics would stop ingest too.
    fn report(&self) {
        if self
            .pools
            .iter()
            .any(|pool| pool.servers().iter().any(|server| server.is_healthy()))
        {
            self.ready.ok();
        } else {
            self.ready.fail("no server of any pool is healthy");
        }
    }

    /// True when every name could be resolved.
    async fn resolve(&self) -> bool {
        let resolved = join_all(self.pools.iter().map(|pool| self.resolve_pool(pool))).await;
        resolved.into_iter().all(|complete| complete)
    }

    async fn resolve_pool(&self, pool: &Pool) -> bool {
        let addresses = join_all(pool.entries().iter().map(|spec| self.resolve_entry(pool, spec))).await;
        pool.update(&addresses, &self.settings.upstream, &self.metrics);
        addresses.iter().all(Option::is_some)
    }

    async fn resolve_entry(&self, pool: &Pool, spec: &ServerSpec) -> Option<Vec<SocketAddr>> {
        let found = timeout(
            self.settings.health.timeout.into(),
            lookup_host((spec.host.as_str(), spec.port)),
        )
        .await;
        let reason = match found {
            Ok(Ok(addresses)) => return Some(addresses.collect()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        warn!(
            pool = pool.name().as_str(),
            host = spec.host,
            reason,
            "cannot resolve the name of a server"
        );
        None
    }
}
