//! What the broker side of a process counts.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector};

use crate::error::PublishError;

/// Metrics of a publisher.
#[derive(Clone)]
pub struct PublisherMetrics {
    pub(crate) published: IntCounter,
    pub(crate) errors: IntCounterVec,
    pub(crate) group: Histogram,
    pub(crate) waiting: IntGauge,
    pub(crate) confirm: Histogram,
    pub(crate) reconnects: IntCounter,
}

impl PublisherMetrics {
    /// Registers them all, at zero.
    ///
    /// # Errors
    /// When one is registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Self::of(registry, "")
    }

    /// The same for another publisher of the process: `citytrack_broker_<what>_published_total` and so on.
    ///
    /// # Errors
    /// When one is registered already.
    pub fn named(registry: &Registry, what: &str) -> Result<Self, prometheus::Error> {
        Self::of(registry, &format!("{what}_"))
    }

    fn of(registry: &Registry, what: &str) -> Result<Self, prometheus::Error> {
        let name = |end: &str| format!("citytrack_broker_{what}{end}");
        let metrics = Self {
            published: counter(registry, &name("published_total"), "Payloads that the broker confirmed")?,
            errors: register(
                registry,
                IntCounterVec::new(
                    Opts::new(
                        name("publish_errors_total"),
                        "Payloads that were not confirmed, by reason",
                    ),
                    &["reason"],
                )?,
            )?,
            group: histogram(
                registry,
                &name("group_size"),
                "Payloads that were joined into one message",
                &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0],
            )?,
            waiting: register(
                registry,
                IntGauge::new(name("waiting"), "Payloads that wait for their message or its confirm")?,
            )?,
            confirm: histogram(
                registry,
                &name("confirm_duration_seconds"),
                "Time from publishing a message to its confirm",
                &[
                    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
                ],
            )?,
            reconnects: counter(
                registry,
                &name("publisher_connections_total"),
                "Connections made for publishing, the first included",
            )?,
        };
        for error in PublishError::ALL {
            metrics.errors.with_label_values(&[error.label()]);
        }
        Ok(metrics)
    }
}

/// Metrics of an inbox.
#[derive(Clone)]
pub struct InboxMetrics {
    pub(crate) consumed: IntCounter,
    pub(crate) redelivered: IntCounter,
    pub(crate) unsettled: IntCounter,
    pub(crate) reconnects: IntCounter,
}

impl InboxMetrics {
    /// Registers them all, at zero.
    ///
    /// # Errors
    /// When one is registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            consumed: counter(
                registry,
                "citytrack_broker_consumed_total",
                "Messages taken from the queue",
            )?,
            redelivered: counter(
                registry,
                "citytrack_broker_redelivered_total",
                "Messages taken that had been delivered before",
            )?,
            unsettled: counter(
                registry,
                "citytrack_broker_unsettled_total",
                "Acknowledgements that came too late because the connection was gone: the messages come again",
            )?,
            reconnects: counter(
                registry,
                "citytrack_broker_consumer_connections_total",
                "Connections made for consuming, the first included",
            )?,
        })
    }
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    register(registry, IntCounter::new(name, help)?)
}

fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, prometheus::Error> {
    register(
        registry,
        Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?,
    )
}
