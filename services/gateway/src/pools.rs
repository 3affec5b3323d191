//! The servers behind the gateway, which of them are healthy, and which one gets the next request.
//!
//! pingora's own load balancer takes every server for healthy until a check says otherwise, knows no backups and cannot be
//! told about a failed connection; these three are what a killed instance needs, so the choice is made here.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use pingora::{protocols::TcpKeepalive, upstreams::peer::HttpPeer};
use prometheus::IntGauge;
use tracing::{info, warn};

use crate::{
    metrics::Metrics,
    routes::PoolName,
    settings::{HealthSettings, PoolSettings, ServerSpec, UpstreamSettings},
};

/// How often a quiet connection is probed, so that a dead peer of an idle WebSocket is noticed.
pub const TCP_KEEPALIVE: TcpKeepalive = TcpKeepalive {
    idle: Duration::from_mins(1),
    interval: Duration::from_secs(15),
    count: 4,
    user_timeout: Duration::ZERO, // the system's own
};

/// One address that requests can be sent to.
pub struct Server {
    address: SocketAddr,
    backup: bool,
    /// The entry of the setting that it came from.
    entry: usize,
    peer: HttpPeer,
    health: Health,
}

/// What is known about a server. Written by the health checks and, when a connection fails, by requests; both at once do
/// no harm, because the next check puts it right.
struct Health {
    /// Where it is written: the pool and the server's address.
    name: (PoolName, String),
    checked: AtomicBool,
    healthy: AtomicBool,
    /// Checks in a row that contradict `healthy`.
    contrary: AtomicU32,
    gauge: IntGauge,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as text.
    pub fn name(&self) -> &str {
        &self.health.name.1
    }

    /// What the proxy engine connects to.
    pub fn peer(&self) -> &HttpPeer {
        &self.peer
    }

    /// Whether it gets traffic.
    pub fn is_healthy(&self) -> bool {
        self.health.healthy.load(Ordering::Relaxed)
    }

    /// Takes in the result of a health check. The first one counts at once, later ones when there are enough in a row.
    pub fn checked(&self, result: Result<(), String>, settings: &HealthSettings) {
        let health = &self.health;
        let first = !health.checked.swap(true, Ordering::Relaxed);
        if result.is_ok() == self.is_healthy() && !first {
            health.contrary.store(0, Ordering::Relaxed);
            return;
        }
        let in_a_row = health.contrary.fetch_add(1, Ordering::Relaxed) + 1;
        let needed = if result.is_ok() {
            settings.successes
        } else {
            settings.failures
        };
        if first || in_a_row >= needed.get() {
            health.set(result);
        }
    }

    /// Takes it out at once because a connection to it failed; health checks bring it back.
    pub fn failed(&self, reason: &str) {
        if self.is_healthy() {
            self.health.set(Err(reason.to_owned()));
        }
    }
}

impl Health {
    fn set(&self, result: Result<(), String>) {
        self.contrary.store(0, Ordering::Relaxed);
        self.healthy.store(result.is_ok(), Ordering::Relaxed);
        self.gauge.set(i64::from(result.is_ok()));
        let (pool, server) = (self.name.0.as_str(), self.name.1.as_str());
        match result {
            Ok(()) => info!(pool, server, "server is healthy"),
            Err(reason) => warn!(pool, server, reason, "server gets no more traffic"),
        }
    }
}

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

    /// The server for the next request: the healthy ones in turn, backups only when none of the others is.
    pub fn pick(&self) -> Option<Arc<Server>> {
        let servers = self.servers.load();
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        [false, true].into_iter().find_map(|backup| {
            let candidates = || {
                servers
                    .iter()
                    .filter(move |server| server.backup == backup && server.is_healthy())
            };
            let count = candidates().count();
            // A server may fall ill between the count and the choice: then any that is still well will do.
            (count > 0)
                .then(|| candidates().nth(turn % count).or_else(|| candidates().next()))
                .flatten()
                .cloned()
        })
    }

    /// Replaces the servers by those at `addresses` (one list per entry; `None` keeps what the entry had). Servers that
    /// stay keep what is known about them.
    pub fn update(&self, addresses: &[Option<Vec<SocketAddr>>], upstream: &UpstreamSettings, metrics: &Metrics) {
        let old = self.servers.load_full();
        let mut servers: Vec<Arc<Server>> = Vec::new();
        for (entry, (spec, addresses)) in self.entries.iter().zip(addresses).enumerate() {
            let Some(addresses) = addresses else {
                servers.extend(old.iter().filter(|server| server.entry == entry).cloned());
                continue;
            };
            for &address in addresses {
                if servers.iter().any(|server| server.address == address) {
                    continue; // two names for the same address
                }
                let known = old
                    .iter()
                    .find(|server| server.address == address && server.entry == entry);
                servers.push(known.cloned().unwrap_or_else(|| {
                    let name = (self.name, address.to_string());
                    let gauge = metrics.healthy(name.0, &name.1);
                    Arc::new(Server {
                        address,
                        backup: spec.backup,
                        entry,
                        peer: peer(address, upstream),
                        health: Health::unknown(name, gauge),
                    })
                }));
            }
        }
        for gone in old
            .iter()
            .filter(|server| !servers.iter().any(|kept| kept.address == server.address))
        {
            metrics.forget(self.name, gone.name());
            info!(
                pool = self.name.as_str(),
                server = gone.name(),
                "server is no longer in the pool"
            );
        }
        self.servers.store(Arc::new(servers));
    }
}

impl Health {
    fn unknown(name: (PoolName, String), gauge: IntGauge) -> Self {
        gauge.set(0);
        Self {
            name,
            checked: AtomicBool::default(),
            healthy: AtomicBool::default(),
            contrary: AtomicU32::default(),
            gauge,
        }
    }
}

fn peer(address: SocketAddr, settings: &UpstreamSettings) -> HttpPeer {
    let mut peer = HttpPeer::new(address, false, String::new());
    peer.options.connection_timeout = Some(settings.connect_timeout.into());
    peer.options.read_timeout = Some(settings.read_timeout.into());
    peer.options.write_timeout = Some(settings.write_timeout.into());
    peer.options.idle_timeout = Some(settings.idle_timeout.into());
    peer.options.tcp_keepalive = Some(TCP_KEEPALIVE);
    peer
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
    use crate::settings::Settings;

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
        fixture.resolve(|spec| Some(vec![SocketAddr::new(spec.host.parse().unwrap(), spec.port)]));
        fixture
    }

    impl Fixture {
        fn resolve(&self, addresses: impl Fn(&ServerSpec) -> Option<Vec<SocketAddr>>) {
            let addresses: Vec<_> = self.pool.entries().iter().map(addresses).collect();
            self.pool.update(&addresses, &self.settings.upstream, &self.metrics);
        }

        fn check(&self, port: u16, healthy: bool) {
            let result = if healthy { Ok(()) } else { Err("503".to_owned()) };
            for server in self
                .pool
                .servers()
                .iter()
                .filter(|server| server.address.port() == port)
            {
                server.checked(result.clone(), &self.settings.health);
            }
        }

        fn picks(&self, times: usize) -> Vec<u16> {
            (0..times)
                .filter_map(|_| self.pool.pick())
                .map(|server| server.address.port())
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
        fixture.pool.servers().first().unwrap().failed("connection refused");
        assert_eq!(fixture.picks(2), [2, 2]);
        fixture.check(1, true);
        assert_eq!(fixture.picks(2), [1, 1]);
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
        fixture.resolve(|spec| (spec.port == 1).then(|| vec![new]));
        let servers: Vec<_> = fixture
            .pool
            .servers()
            .iter()
            .map(|server| (server.address, server.is_healthy()))
            .collect();
        assert_eq!(servers, [(new, false), ("10.0.0.2:2".parse().unwrap(), true)]);
    }
}
