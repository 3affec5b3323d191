//! Active health checks: every server is asked for `/readyz` in rounds, and names are resolved again now and then.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use citytrack_common::Check;
use futures_util::future::join_all;
use pingora::{
    Error, ErrorType,
    http::RequestHeader,
    lb::{
        Backend,
        health_check::{HealthCheck as _, HttpHealthCheck},
    },
};
use tokio::{net::lookup_host, time::timeout};
use tracing::warn;

use crate::{
    metrics::Metrics,
    pools::Pools,
    routes::PoolName,
    server::{Fault, Server},
    server_list::ServerSpec,
    settings::Settings,
};

/// Keeps the pools up to date.
pub struct HealthChecks {
    pools: Arc<Pools>,
    metrics: Metrics,
    settings: Settings,
    probe: HttpHealthCheck,
    ready: Check,
    resolved: Option<Instant>,
    /// The addresses of every entry of every pool when it was last resolved.
    addresses: [Vec<Vec<SocketAddr>>; PoolName::ALL.len()],
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
            addresses: Default::default(),
        })
    }

    /// Goes round for ever.
    pub async fn run(mut self) -> Infallible {
        loop {
            tokio::time::sleep(self.settings.health.interval.into()).await;
            self.round().await;
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
            Ok(backend) => timeout(limit, self.probe.check(&backend))
                .await
                .unwrap_or_else(|_| Error::e_explain(ErrorType::ReadTimedout, format!("no answer within {limit:?}"))),
            Err(error) => Err(error),
        };
        server.checked(result.map_err(|error| fault(&error)), &self.settings.health);
    }

    /// The gateway is ready when it can do anything useful. It does not wait for every pool: all gateways see the same
    /// servers, so if one broken pool took the gateways out of service, a failure of the statistics would stop ingest too.
    fn report(&self) {
        if self.pools.iter().any(|pool| {
            pool.servers()
                .iter()
                .any(|server| server.is_healthy() || server.is_slow())
        }) {
            self.ready.ok();
        } else {
            self.ready.fail("no server of any pool is healthy");
        }
    }

    /// Looks up every name. True when all could be resolved; one that could not keeps the addresses that it had.
    async fn resolve(&mut self) -> bool {
        let limit = self.settings.health.timeout.into();
        let found = join_all(
            self.pools
                .iter()
                .map(|pool| join_all(pool.entries().iter().map(|spec| look_up(spec, limit)))),
        );
        let mut complete = true;
        for ((pool, known), found) in self.pools.iter().zip(&mut self.addresses).zip(found.await) {
            known.resize(found.len(), Vec::new());
            for (known, found) in known.iter_mut().zip(found) {
                match found {
                    Some(addresses) => *known = addresses,
                    None => complete = false,
                }
            }
            pool.update(known, &self.settings.upstream, &self.metrics);
        }
        complete
    }
}

async fn look_up(spec: &ServerSpec, limit: Duration) -> Option<Vec<SocketAddr>> {
    let reason = match timeout(limit, lookup_host((spec.host.as_str(), spec.port))).await {
        Ok(Ok(addresses)) => return Some(addresses.collect()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    warn!(host = spec.host, reason, "cannot resolve the name of a server");
    None
}

/// An error of the proxy engine in few words: its own text names every layer.
fn fault(error: &Error) -> Fault {
    use ErrorType::{ConnectTimedout, CustomCode, ReadTimedout, WriteTimedout};
    Fault {
        reason: match error.etype() {
            CustomCode(_, status) => format!("/readyz answered {status}"),
            kind => format!("{}: {}", kind.as_str(), error.root_cause()),
        },
        timed_out: matches!(error.etype(), ConnectTimedout | ReadTimedout | WriteTimedout),
    }
}
