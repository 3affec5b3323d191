//! What the ingest API counts.

use citytrack_common::metrics::{add, counter};
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

/// Metrics of the ingest API.
pub(crate) struct IngestMetrics {
    pub(crate) batches: IntCounterVec,
    pub(crate) frames: IntCounter,
    pub(crate) detections: IntCounter,
}

impl IngestMetrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let answered = Opts::new("citytrack_ingest_batches_total", "Batches posted, by what was answered");
        let batches = add(registry, IntCounterVec::new(answered, &["outcome"])?)?;
        for outcome in [
            "accepted",
            "unauthorized",
            "unsupported",
            "too_large",
            "unreadable",
            "invalid",
            "unavailable",
        ] {
            batches.with_label_values(&[outcome]);
        }
        Ok(Self {
            batches,
            frames: counter(registry, "citytrack_ingest_frames_total", "Frames accepted")?,
            detections: counter(registry, "citytrack_ingest_detections_total", "Detections accepted")?,
        })
    }
}
