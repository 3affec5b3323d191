//! What the worker counts.

use citytrack_broker::topology::DETECTIONS;
use citytrack_common::metrics::{add, counter, gauge, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Metrics of the role `persist`.
#[derive(Clone)]
pub(crate) struct PersistMetrics {
    pub(crate) batches: IntCounterVec,
    pub(crate) frames: IntCounter,
    pub(crate) detections: IntCounter,
    pub(crate) retries: IntCounter,
    pub(crate) held: IntGauge,
    pub(crate) transaction: Histogram,
    pub(crate) batches_per_transaction: Histogram,
    pub(crate) event_age: Histogram,
    pub(crate) partitions: IntCounterVec,
    pub(crate) maintenance_failures: IntCounter,
    pub(crate) dead_letters: IntGauge,
}

impl PersistMetrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            batches: add(
                registry,
                IntCounterVec::new(
                    Opts::new(
                        "citytrack_persist_batches_total",
                        "Batches settled, by what became of them",
                    ),
                    &["outcome"],
                )?,
            )?,
            frames: counter(registry, "citytrack_persist_frames_total", "Frames stored")?,
            detections: counter(registry, "citytrack_persist_detections_total", "Detections stored")?,
            retries: counter(
                registry,
                "citytrack_persist_retries_total",
                "Attempts to store that failed and were made again, as when PostgreSQL is away",
            )?,
            held: gauge(
                registry,
                "citytrack_persist_held_batches",
                "Batches in hand that are not stored yet",
            )?,
            transaction: histogram(
                registry,
                "citytrack_persist_transaction_duration_seconds",
                "Time to store what was taken from the queue at once",
                &[0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0],
            )?,
            batches_per_transaction: histogram(
                registry,
                "citytrack_persist_transaction_batches",
                "Batches stored in one transaction",
                &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0],
            )?,
            event_age: histogram(
                registry,
                "citytrack_persist_event_age_seconds",
                "Time from the receipt of a batch to its commit",
                &[
                    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0,
                ],
            )?,
            partitions: add(
                registry,
                IntCounterVec::new(
                    Opts::new("citytrack_persist_partitions_total", "Partitions made and dropped"),
                    &["action"],
                )?,
            )?,
            maintenance_failures: counter(
                registry,
                "citytrack_persist_maintenance_failures_total",
                "Rounds of maintenance that failed, or left old streams in the loss ledger",
            )?,
            dead_letters: gauge(
                registry,
                "citytrack_persist_dead_letters",
                "Messages in the queue of dead letters, whoever put them there",
            )?,
        };
        gauge(
            registry,
            "citytrack_persist_dead_letters_limit",
            "Dead letters that the queue holds at most; then the oldest are dropped",
        )?
        .set(i64::try_from(DETECTIONS.dead_letter_limit).unwrap_or(i64::MAX));
        for outcome in ["stored", "duplicate", "dead_lettered"] {
            metrics.batches.with_label_values(&[outcome]);
        }
        for action in ["created", "dropped"] {
            metrics.partitions.with_label_values(&[action]);
        }
        Ok(metrics)
    }
}

/// Metrics of the roll-ups.
#[derive(Clone)]
pub(crate) struct RollupMetrics {
    pub(crate) rows: IntCounter,
    pub(crate) seconds: Histogram,
    pub(crate) failures: IntCounter,
}

impl RollupMetrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            rows: counter(
                registry,
                "citytrack_rollup_rows_total",
                "Rows of what was stored that were folded into the roll-ups",
            )?,
            seconds: histogram(
                registry,
                "citytrack_rollup_duration_seconds",
                "Time to fold what was stored since the last time",
                &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0],
            )?,
            failures: counter(
                registry,
                "citytrack_rollup_failures_total",
                "Rounds that failed; counts stay right, and long ranges are read more slowly",
            )?,
        })
    }
}
