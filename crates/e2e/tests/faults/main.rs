//! Faults under load, with the built binaries and real servers: after each one, every batch that was answered 202 is stored
//! once and counted once, and everything is ready again without a hand. The table of faults is in `docs/testing.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod books;
mod broker_network;
mod broker_server;
mod clocks;
mod database_network;
mod database_server;
mod hold;
mod ingest_killed;
mod journal;
mod live_feed;
mod messages;
mod overload;
mod pictures;
mod repeats;
mod worker_killed;

use std::time::Duration;

use citytrack_e2e::{Process, Setup, System, Traffic, TrafficPlan};
use citytrack_testkit::{Proxy, eventually_within};

/// As long as some of a service's own timeouts, one after the other.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a network breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    /// Both ends get an RST, and new connections are refused.
    Cut,
    /// Half-open: nothing passes any more, and nobody is told.
    Silence,
}

impl Break {
    fn apply(self, proxy: &Proxy) {
        match self {
            Self::Cut => proxy.cut(),
            Self::Silence => proxy.freeze(),
        }
    }
}

/// A system with short timeouts whose `service` reaches the broker through a proxy.
async fn broker_behind_proxy(service: &'static str) -> (Setup, Proxy) {
    let setup = Setup::new().await.quick();
    let (proxy, url) = Proxy::before(&setup.servers().broker).await;
    (setup.set(service, "CITYTRACK_BROKER__URL", &url), proxy)
}

/// The same for the database.
async fn database_behind_proxy(service: &'static str) -> (Setup, Proxy) {
    let setup = Setup::new().await.quick();
    let (proxy, url) = Proxy::before(&setup.servers().database).await;
    (setup.set(service, "CITYTRACK_DATABASE__URL", &url), proxy)
}

/// Traffic of one node key, well under way.
async fn traffic(system: &System, plan: &TrafficPlan) -> Traffic {
    let key = system.venue("demo").await;
    let traffic = Traffic::start(&system.url(""), &[key], plan);
    traffic.accepted_more(50).await;
    traffic
}

/// Waits until a check in a process's readiness is not fine, for a reason that contains this text.
async fn says(process: &Process, check: &str, reason: &str) {
    eventually_within(PATIENCE, &format!("readiness says: {check}: {reason}"), async || {
        let (ready, report) = process.readiness().await?;
        let told = report["checks"][check].as_str().unwrap();
        (!ready && told.contains(reason)).then_some(())
    })
    .await;
}
