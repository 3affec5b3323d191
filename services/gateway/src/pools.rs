//! The servers behind the gateway, which of them are healthy, and which one gets the next request.
//!
//! pingora's own load balancer takes every server for healthy until a check says otherwise, knows no backups and cannot be
//! told about a failed connection; these three are what a killed instance needs, so the choice is made here.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use arc_swap::ArcSwap;
use tracing::info;

use crate::{
    metrics::Metrics,
    routes::PoolName,
    server::Server,
    server_list::ServerSpec,
    settings::{PoolSettings, UpstreamSettings},
};

/// Servers that do the same.
pub struct Pool {
    name: PoolName,
    entries: Vec<ServerSpec>,
    servers: ArcSwap<Vec<Arc<Server>>>,
    next: AtomicUsize,
}

impl Pool {
    fn new(name: PoolName, entries: Vec<ServerSpec>) -> Self {
        Self {
            name,
            entries,
            servers: ArcSwap::default(),
            next: AtomicUsize::new(0),
        }
    }

    /// Its name.
    pub fn name(&self) -> PoolName {
        self.name
    }

    /// The entries of its setting, which may be names.
    pub fn entries(&self) -> &[ServerSpec] {
        &self.entries
    }

    /// Its servers now.
    pub fn servers(&self) -> Arc<Vec<Arc<Server>>> {
        self.servers.load_full()
    }

    /// The server for the next request: the healthy ones in turn, backups only when none of the others is, and the slow
    /// ones only when none is healthy at all.
    pub fn pick(&self) -> Option<Arc<Server>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.nth(turn, |server| server.is_healthy() && !server.is_backup())
            .or_else(|| self.nth(turn, Server::is_healthy))
            .or_else(|| self.nth(turn, Server::is_slow))
    }

    fn nth(&self, turn: usize, fit: impl Fn(&Server) -> bool) -> Option<Arc<Server>> {
        let servers = self.servers.load();
        let those = || servers.iter().filter(|server| fit(server));
        // A server may fall ill between the count and the choice: then any that is still well will do.
        let nth = turn.checked_rem(those().count())?;
        those().nth(nth).or_else(|| those().next()).cloned()
    }

    /// Whether one of its servers is healthy.
    pub fn has_healthy(&self) -> bool {
        self.servers.load().iter().any(|server| server.is_healthy())
    }

    /// Whether several of its servers are healthy.
    pub fn has_choice(&self) -> bool {
        self.servers.load().iter().filter(|server| server.is_healthy()).count() > 1
    }

    /// Replaces the servers by those at `addresses` (one list per entry). Servers
    /// that stay keep what is known about them.
    pub fn update(&self, addresses: &[Vec<SocketAddr>], upstream: &UpstreamSettings, metrics: &Metrics) {
        let old = self.servers.load_full();
        let mut new: Vec<Arc<Server>> = Vec::new();
        for (spec, addresses) in self.entries.iter().zip(addresses) {
            // An address that comes from two entries stays with the first one.
            for &address in addresses {
                if !new.iter().any(|server| server.address() == address) {
                    let known = old.iter().find(|server| server.address() == address).cloned();
                    new.push(known.unwrap_or_else(|| {
                        let gauge = metrics.healthy(self.name, &address.to_string());
                        Arc::new(Server::new(self.name, address, spec.backup, upstream, gauge))
                    }));
                }
            }
        }
        for server in old
            .iter()
            .filter(|server| !new.iter().any(|kept| kept.address() == server.address()))
        {
            metrics.forget(self.name, server.name());
            info!(
                pool = self.name.as_str(),
                server = server.name(),
                "server is no longer in the pool"
            );
        }
        self.servers.store(Arc::new(new));
    }
}

/// All pools.
pub struct Pools([Pool; PoolName::ALL.len()]);

impl Pools {
    /// The pools of the settings, still without servers: the health checks resolve them.
    pub fn new(settings: &PoolSettings) -> Self {
        Self(PoolName::ALL.map(|name| {
            let list = match name {
                PoolName::IngestApi => &settings.ingest_api,
                PoolName::RealtimeWs => &settings.realtime_ws,
                PoolName::Stats => &settings.stats,
                PoolName::Console => &settings.console,
            };
            Pool::new(name, list.0.clone())
        }))
    }

    /// One of them.
    pub fn get(&self, name: PoolName) -> &Pool {
        let [ingest_api, realtime_ws, stats, console] = &self.0;
        match name {
            PoolName::IngestApi => ingest_api,
            PoolName::RealtimeWs => realtime_ws,
            PoolName::Stats => stats,
            PoolName::Console => console,
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use citytrack_common::settings;
    use prometheus::Registry;

    use super::*;
    use crate::{server::Fault, settings::Settings};

    struct Fixture {
        pool: Pool,
        settings: Settings,
        metrics: Metrics,
    }

    fn pool(list: &str) -> Fixture {
        let settings: Settings = settings::from_args(["--gateway-pools-stats", list]).unwrap();
        let metrics = Metrics::new(&Registry::new()).unwrap();
        let pool = Pool::new(PoolName::Stats, settings.pools.stats.0.clone());
        let fixture = Fixture {
            pool,
            settings,
            metrics,
        };
        fixture.resolve(|spec| vec![SocketAddr::new(spec.host.parse().unwrap(), spec.port)]);
        fixture
    }

    fn fault(timed_out: bool) -> Fault {
        let reason = if timed_out { "no answer" } else { "503" }.to_owned();
        Fault { reason, timed_out }
    }

    impl Fixture {
        fn fail(&self, port: u16, timed_out: bool) {
            let servers = self.pool.servers();
            let server = servers.iter().find(|server| server.address().port() == port).unwrap();
            server.failed(fault(timed_out));
        }

        fn resolve(&self, addresses: impl Fn(&ServerSpec) -> Vec<SocketAddr>) {
            let addresses: Vec<_> = self.pool.entries().iter().map(addresses).collect();
            self.pool.update(&addresses, &self.settings.upstream, &self.metrics);
        }

        fn check(&self, port: u16, healthy: bool) {
            let result = if healthy { Ok(()) } else { Err(fault(false)) };
            for server in self
                .pool
                .servers()
                .iter()
                .filter(|server| server.address().port() == port)
            {
                server.checked(result.clone(), &self.settings.health);
            }
        }

        fn picks(&self, times: usize) -> Vec<u16> {
            (0..times)
                .filter_map(|_| self.pool.pick())
                .map(|server| server.address().port())
                .collect()
        }
    }

    #[test]
    fn healthy_servers_take_turns() {
        let fixture = pool("10.0.0.1:1,10.0.0.1:2,10.0.0.1:3");
        assert_eq!(fixture.picks(1), [0_u16; 0], "nothing is known yet");
        for port in 1..=3 {
            fixture.check(port, true);
        }
        assert_eq!(fixture.picks(4), [2, 3, 1, 2]);
    }

    #[test]
    fn a_backup_serves_only_when_no_other_can() {
        let fixture = pool("10.0.0.1:1,10.0.0.1:2 backup");
        fixture.check(1, true);
        fixture.check(2, true);
        assert_eq!(fixture.picks(3), [1, 1, 1]);
        fixture.fail(1, false);
        assert_eq!(fixture.picks(2), [2, 2]);
        fixture.check(1, true);
        assert_eq!(fixture.picks(2), [1, 1]);
    }

    #[test]
    fn slow_servers_serve_when_none_is_healthy() {
        let fixture = pool("10.0.0.1:1,10.0.0.1:2,10.0.0.1:3");
        for port in 1..=3 {
            fixture.check(port, true);
        }
        fixture.fail(1, true);
        fixture.fail(2, false);
        assert_eq!(fixture.picks(2), [3, 3], "one is healthy");
        fixture.fail(3, true);
        let mut picks = fixture.picks(2);
        picks.sort_unstable();
        assert_eq!(picks, [1, 3], "but not the one that refused");
        fixture.fail(1, false);
        assert_eq!(fixture.picks(2), [3, 3], "the last fault counts");
        fixture.check(2, true);
        assert_eq!(fixture.picks(2), [2, 2]);
        for _ in 0..2 {
            fixture.check(3, false);
        }
        fixture.fail(2, false);
        assert_eq!(fixture.picks(1), [0_u16; 0]);
    }

    #[test]
    fn it_takes_two_failed_checks_by_default() {
        let fixture = pool("10.0.0.1:1");
        fixture.check(1, true);
        fixture.check(1, false);
        fixture.check(1, true);
        fixture.check(1, false);
        assert_eq!(fixture.picks(1), [1], "not in a row");
        fixture.check(1, false);
        assert_eq!(fixture.picks(1), [0_u16; 0]);
        assert_eq!(fixture.metrics.healthy(PoolName::Stats, "10.0.0.1:1").get(), 0);
    }

    #[test]
    fn a_name_may_change_its_addresses() {
        let fixture = pool("10.0.0.1:1,10.0.0.2:2");
        fixture.check(1, true);
        fixture.check(2, true);
        let new: SocketAddr = "10.0.0.9:1".parse().unwrap();
        fixture.resolve(|spec| {
            vec![if spec.port == 1 {
                new
            } else {
                "10.0.0.2:2".parse().unwrap()
            }]
        });
        let servers = fixture.pool.servers();
        let servers: Vec<_> = servers
            .iter()
            .map(|server| (server.name(), server.is_healthy()))
            .collect();
        assert_eq!(servers, [("10.0.0.9:1", false), ("10.0.0.2:2", true)]);
    }
}
