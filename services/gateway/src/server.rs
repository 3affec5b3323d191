//! One server behind the gateway and what is known about its health.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use pingora::{protocols::TcpKeepalive, upstreams::peer::HttpPeer};
use prometheus::IntGauge;
use tracing::{info, warn};

use crate::{
    routes::PoolName,
    settings::{HealthSettings, UpstreamSettings},
};

/// How often a quiet connection is probed, so that a dead peer of an idle WebSocket is noticed.
pub const TCP_KEEPALIVE: TcpKeepalive = TcpKeepalive {
    idle: Duration::from_mins(1),
    interval: Duration::from_secs(15),
    count: 4,
    user_timeout: Duration::ZERO, // the system's own
};

/// Why a server could not be used.
#[derive(Clone, Debug)]
pub struct Fault {
    /// For the log.
    pub reason: String,
    /// It did not answer in time, which may only mean that it has much to do. Anything else (a refused or reset connection,
    /// an explicit 503) says that it cannot be used.
    pub timed_out: bool,
}

/// One address that requests can be sent to. What is known about its health is written by the health checks and, when a
/// connection fails, by requests; both at once do no harm, because the next check puts it right.
pub struct Server {
    pool: PoolName,
    name: String,
    address: SocketAddr,
    backup: bool,
    peer: HttpPeer,
    checked: AtomicBool,
    healthy: AtomicBool,
    /// Whether its last fault was a time-out.
    timed_out: AtomicBool,
    /// Checks in a row that contradict `healthy`.
    contrary: AtomicU32,
    gauge: IntGauge,
}

impl Server {
    /// A server that gets no traffic before a first health check. `gauge` shows whether it does.
    pub fn new(
        pool: PoolName,
        address: SocketAddr,
        backup: bool,
        settings: &UpstreamSettings,
        gauge: IntGauge,
    ) -> Self {
        gauge.set(0);
        Self {
            pool,
            name: address.to_string(),
            address,
            backup,
            peer: peer(address, settings),
            checked: AtomicBool::new(false),
            healthy: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
            contrary: AtomicU32::new(0),
            gauge,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as text.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it serves only when no other is healthy.
    pub fn is_backup(&self) -> bool {
        self.backup
    }

    /// What the proxy engine connects to.
    pub fn peer(&self) -> &HttpPeer {
        &self.peer
    }

    /// Whether it gets traffic.
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Whether it is only slow: it gets traffic when no server of its pool is healthy, because slow answers are better than
    /// none, and an overload must not become an outage.
    pub fn is_slow(&self) -> bool {
        !self.is_healthy() && self.timed_out.load(Ordering::Relaxed)
    }

    /// Takes in the result of a health check. The first one counts at once, later ones when there are enough in a row.
    pub fn checked(&self, result: Result<(), Fault>, settings: &HealthSettings) {
        self.note(result.as_ref().err());
        let first = !self.checked.swap(true, Ordering::Relaxed);
        if result.is_ok() == self.is_healthy() && !first {
            self.contrary.store(0, Ordering::Relaxed);
            return;
        }
        let in_a_row = self.contrary.fetch_add(1, Ordering::Relaxed) + 1;
        let needed = if result.is_ok() {
            settings.successes
        } else {
            settings.failures
        };
        if first || in_a_row >= needed.get() {
            self.set(result);
        }
    }

    /// Takes it out at once because a connection to it failed; health checks bring it back.
    pub fn failed(&self, fault: Fault) {
        self.note(Some(&fault));
        if self.is_healthy() {
            self.set(Err(fault));
        }
    }

    fn note(&self, fault: Option<&Fault>) {
        if let Some(fault) = fault {
            self.timed_out.store(fault.timed_out, Ordering::Relaxed);
        }
    }

    fn set(&self, result: Result<(), Fault>) {
        self.contrary.store(0, Ordering::Relaxed);
        self.healthy.store(result.is_ok(), Ordering::Relaxed);
        self.gauge.set(i64::from(result.is_ok()));
        let (pool, server) = (self.pool.as_str(), self.name());
        match result {
            Ok(()) => info!(pool, server, "server is healthy"),
            Err(fault) if fault.timed_out => {
                warn!(
                    pool,
                    server,
                    reason = fault.reason,
                    "server gets traffic only when no other is healthy"
                );
            }
            Err(fault) => warn!(pool, server, reason = fault.reason, "server gets no traffic"),
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
