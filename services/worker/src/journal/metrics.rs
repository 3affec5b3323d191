//! What the role counts.

use citytrack_common::metrics::{add, counter, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, Opts, Registry};

/// Metrics of the role `journal`.
#[derive(Clone)]
pub(super) struct JournalMetrics {
    pub(super) messages: IntCounterVec,
    pub(super) transaction: Histogram,
    pub(super) retries: IntCounter,
    pub(super) forgotten: IntCounter,
    pub(super) upkeep_failures: IntCounter,
}

impl JournalMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let messages = Opts::new(
            "citytrack_journal_messages_total",
            "Messages settled, by what became of them",
        );
        let metrics = Self {
            messages: add(registry, IntCounterVec::new(messages, &["outcome"])?)?,
            transaction: histogram(
                registry,
                "citytrack_journal_transaction_duration_seconds",
                "Time to note what was taken from the queue at once",
                &[0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0],
            )?,
            retries: counter(
                registry,
                "citytrack_journal_retries_total",
                "Attempts to note that failed and were made again, as when PostgreSQL is away",
            )?,
            forgotten: counter(
                registry,
                "citytrack_journal_partitions_dropped_total",
                "Partitions of old entries that were dropped",
            )?,
            upkeep_failures: counter(
                registry,
                "citytrack_journal_upkeep_failures_total",
                "Attempts to drop old entries that failed",
            )?,
        };
        for outcome in ["noted", "known", "refused"] {
            metrics.messages.with_label_values(&[outcome]);
        }
        Ok(metrics)
    }
}
