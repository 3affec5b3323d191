//! What the gateway counts. Every series is there, at zero, from the start.

use citytrack_common::metrics::{add, gauge};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::{error::Failure, routes::PoolName};

/// The status classes that requests are counted by; `none` means that the client was gone before an answer.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// The metrics of the gateway.
#[derive(Clone)]
pub struct Metrics {
    pools: [PoolMetrics; PoolName::ALL.len()],
    upstream_healthy: IntGaugeVec,
    /// Client connections that are open now.
    pub connections: IntGauge,
    /// Web sockets that are open now.
    pub websockets: IntGauge,
    /// Event streams (`text/event-stream`) that are open now.
    pub event_streams: IntGauge,
}

/// The series of one pool, looked up once: a request only adds to numbers.
#[derive(Clone)]
pub struct PoolMetrics {
    requests: [IntCounter; CLASSES.len()],
    failures: [IntCounter; Failure::ALL.len()],
    /// Time from the head of a request to the end of its answer, without web sockets and event streams.
    pub duration: Histogram,
    /// Further attempts after a server failed.
    pub retries: IntCounter,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// When one of them is registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name, help, labels: &[&str]| add(registry, IntCounterVec::new(Opts::new(name, help), labels)?);
        let requests = counters(
            "citytrack_gateway_requests_total",
            "Requests, by pool and class of status",
            &["pool", "class"],
        )?;
        let failures = counters(
            "citytrack_gateway_failures_total",
            "Requests that the gateway itself could not get answered, by pool and reason",
            &["pool", "reason"],
        )?;
        let retries = counters(
            "citytrack_gateway_retries_total",
            "Further attempts after a server failed, by pool",
            &["pool"],
        )?;
        let duration = HistogramOpts::new(
            "citytrack_gateway_request_duration_seconds",
            "Time from the head of a request to the end of its answer, by pool, without WebSockets and event streams",
        )
        .buckets(vec![
            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ]);
        let duration = add(registry, HistogramVec::new(duration, &["pool"])?)?;
        let healthy = Opts::new(
            "citytrack_gateway_upstream_healthy",
            "1 when a server is healthy, by pool and server",
        );
        Ok(Self {
            pools: PoolName::ALL.map(|pool| {
                let pool = pool.as_str();
                PoolMetrics {
                    requests: CLASSES.map(|class| requests.with_label_values(&[pool, class])),
                    failures: Failure::ALL.map(|failure| failures.with_label_values(&[pool, failure.reason()])),
                    duration: duration.with_label_values(&[pool]),
                    retries: retries.with_label_values(&[pool]),
                }
            }),
            upstream_healthy: add(registry, IntGaugeVec::new(healthy, &["pool", "server"])?)?,
            connections: gauge(registry, "citytrack_gateway_connections", "Open client connections")?,
            websockets: gauge(registry, "citytrack_gateway_websockets", "Open WebSockets")?,
            event_streams: gauge(registry, "citytrack_gateway_event_streams", "Open event streams")?,
        })
    }

    /// The series of `pool`.
    pub fn pool(&self, pool: PoolName) -> &PoolMetrics {
        let [ingest_api, realtime_ws, stats, console] = &self.pools;
        match pool {
            PoolName::IngestApi => ingest_api,
            PoolName::RealtimeWs => realtime_ws,
            PoolName::Stats => stats,
            PoolName::Console => console,
        }
    }

    /// Connections whose answer has no end, so that there is none to wait for.
    pub fn endless(&self) -> i64 {
        self.websockets.get() + self.event_streams.get()
    }

    /// The health gauge of one server.
    pub fn healthy(&self, pool: PoolName, server: &str) -> IntGauge {
        self.upstream_healthy.with_label_values(&[pool.as_str(), server])
    }

    /// Takes the gauge of a server away that is no longer in its pool.
    pub fn forget(&self, pool: PoolName, server: &str) {
        // Fails only when it is gone already.
        let _ = self.upstream_healthy.remove_label_values(&[pool.as_str(), server]);
    }
}

impl PoolMetrics {
    /// Counts a request by its status.
    pub fn answered(&self, status: Option<u16>) {
        let class = usize::from(status.unwrap_or(0) / 100);
        if let Some(counter) = self.requests.get(class) {
            counter.inc();
        }
    }

    /// Counts a request that could not be answered by a server.
    pub fn failed(&self, failure: Failure) {
        if let Some(counter) = self.failures.get(failure as usize) {
            counter.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    #[test]
    fn every_series_is_there_from_the_start() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).unwrap();
        metrics.pool(PoolName::Stats).answered(Some(204));
        metrics.pool(PoolName::Stats).answered(None);
        metrics.pool(PoolName::Console).failed(Failure::NoHealthyServer);
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        for line in [
            r#"citytrack_gateway_requests_total{class="2xx",pool="stats"} 1"#,
            r#"citytrack_gateway_requests_total{class="none",pool="stats"} 1"#,
            r#"citytrack_gateway_requests_total{class="5xx",pool="ingest-api"} 0"#,
            r#"citytrack_gateway_failures_total{pool="console",reason="no-healthy-server"} 1"#,
            r#"citytrack_gateway_retries_total{pool="realtime-ws"} 0"#,
            r#"citytrack_gateway_request_duration_seconds_count{pool="console"} 0"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
