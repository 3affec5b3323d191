//! Short ways to register a metric.

use prometheus::{Error, Histogram, HistogramOpts, IntCounter, IntGauge, Registry, core::Collector};

/// Registers `collector` and gives it back.
///
/// # Errors
/// When one of the same name is registered already.
pub fn add<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

/// A counter at zero.
///
/// # Errors
/// When the name is taken or no name of a metric.
pub fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, Error> {
    add(registry, IntCounter::new(name, help)?)
}

/// A gauge at zero.
///
/// # Errors
/// When the name is taken or no name of a metric.
pub fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, Error> {
    add(registry, IntGauge::new(name, help)?)
}

/// A histogram without observations.
///
/// # Errors
/// When the name is taken or no name of a metric, or `buckets` do not ascend.
pub fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, Error> {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    add(registry, Histogram::with_opts(options)?)
}
