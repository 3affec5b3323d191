//! What the ingest API counts.

use citytrack_common::metrics::{add, counter, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, Opts, Registry};

use crate::{error::SubmitError, rate::Policy};

/// Seconds; below zero the node's clock is ahead of ours.
const CAPTURE_AGES: [f64; 11] = [-3600.0, -60.0, -5.0, -1.0, 0.0, 1.0, 5.0, 60.0, 600.0, 3600.0, 86_400.0];

/// Metrics of the ingest API.
pub(crate) struct IngestMetrics {
    batches: IntCounterVec,
    /// That of `batches` which every good request counts.
    accepted: IntCounter,
    rate_limited: IntCounterVec,
    frames: IntCounter,
    detections: IntCounter,
    capture_age: Histogram,
    pub(crate) unrecorded: IntCounter,
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
            "rate_limited",
            "unavailable",
        ] {
            batches.with_label_values(&[outcome]);
        }
        let limited = Opts::new(
            "citytrack_ingest_rate_limited_total",
            "Batches that came faster than their node may send, by the policy that they met",
        );
        let rate_limited = add(registry, IntCounterVec::new(limited, &["policy"])?)?;
        for policy in Policy::OF_BATCHES {
            rate_limited.with_label_values(&[policy.name()]);
        }
        Ok(Self {
            accepted: batches.with_label_values(&["accepted"]),
            batches,
            rate_limited,
            frames: counter(registry, "citytrack_ingest_frames_total", "Frames accepted")?,
            detections: counter(registry, "citytrack_ingest_detections_total", "Detections accepted")?,
            capture_age: histogram(
                registry,
                "citytrack_ingest_capture_age_seconds",
                "From the newest captured_at of an accepted batch to its arrival; below zero the node's clock is ahead",
                &CAPTURE_AGES,
            )?,
            unrecorded: counter(
                registry,
                "citytrack_ingest_refusals_unrecorded_total",
                "Batches refused for good that are not in the loss ledger, because too many came at once or the database refused",
            )?,
        })
    }

    /// Counts a batch that was accepted. `capture_age` in seconds.
    pub(crate) fn accepted(&self, frames: usize, detections: usize, capture_age: f64) {
        self.accepted.inc();
        self.frames.inc_by(frames as u64);
        self.detections.inc_by(detections as u64);
        self.capture_age.observe(capture_age);
    }

    /// Counts a batch that was not accepted.
    pub(crate) fn refused(&self, error: &SubmitError) {
        self.batches.with_label_values(&[error.label()]).inc();
        if let SubmitError::TooMany { refused, .. } = error {
            self.rate_limited.with_label_values(&[refused.policy.name()]).inc();
        }
    }
}
