//! A gateway that runs inside the test, and what tests ask of it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use citytrack_common::{Readiness, settings};
use citytrack_gateway::{app::App, settings::Settings};
use prometheus::{Registry, TextEncoder};
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;

/// How long anything may take that a test waits for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
    pub(crate) stop: CancellationToken,
    registry: Registry,
    task: JoinSet<Result<(), citytrack_common::TaskError>>,
}

impl Gateway {
    /// Starts a gateway with `arguments` beside a free port and quick health checks, and waits for the first round of them.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let fixed = ["--gateway-listen", "127.0.0.1:0", "--gateway-health-interval", "50ms"];
        let settings: Settings = settings::from_args(fixed.iter().chain(arguments)).unwrap();
        let registry = Registry::new();
        let readiness = Readiness::default();
        let app = App::build(settings, &registry, readiness.check("pools")).unwrap();
        let address = app.address().unwrap();
        let stop = CancellationToken::new();
        let mut task = JoinSet::new();
        task.spawn(app.run(stop.clone()));
        until("the first health checks", async || {
            readiness.report().1["pools"] != "starting"
        })
        .await;
        Self {
            address,
            client: Client::new(),
            stop,
            registry,
            task,
        }
    }

    /// The address of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// What the server behind `path` tells about the request.
    pub(crate) async fn told(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// The server that answers for `path`.
    pub(crate) async fn server(&self, path: &str) -> String {
        self.told(path).await["server"].as_str().unwrap().to_owned()
    }

    /// Whether a series is in the metrics as it is given.
    pub(crate) fn counts(&self, series: &str) -> bool {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap();
        text.lines().any(|line| line == series)
    }

    /// Waits until a series is in the metrics as it is given: requests are counted just after they are answered.
    pub(crate) async fn counted(&self, series: &str) {
        until(series, async || self.counts(series)).await;
    }

    /// Waits for the end after `stop`.
    pub(crate) async fn ended(mut self) {
        let ended = tokio::time::timeout(DEADLINE, self.task.join_next()).await;
        ended.expect("the gateway ends").unwrap().unwrap().unwrap();
    }
}

/// The value of a pool setting with these servers.
pub(crate) fn pool(servers: &[&Backend]) -> String {
    servers
        .iter()
        .map(|server| server.address.to_string())
        .collect::<Vec<_>>()
        .join(",")
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < DEADLINE, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
