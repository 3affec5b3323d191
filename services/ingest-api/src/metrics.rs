//! What the ingest API counts.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

/// Metrics of the ingest API.
pub(crate) struct IngestMetrics {
    pub(crate) batches: IntCounterVec,
    pub(crate) frames: IntCounter,
    pub(crate) detections: IntCounter,
}

impl IngestMetrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let batches = IntCounterVec::new(
            Opts::new("citytrack_ingest_batches_total", "Batches posted, by what was answered"),
            &["outcome"],
        )?;
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
        let frames = IntCounter::new("citytrack_ingest_frames_total", "Frames accepted")?;
        let detections = IntCounter::new("citytrack_ingest_detections_total", "Detections accepted")?;
        registry.register(Box::new(batches.clone()))?;
        registry.register(Box::new(frames.clone()))?;
        registry.register(Box::new(detections.clone()))?;
        Ok(Self {
            batches,
            frames,
            detections,
        })
    }
}
