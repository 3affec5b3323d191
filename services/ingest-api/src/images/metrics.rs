//! What is counted of pictures.

use citytrack_common::metrics::{add, counter};
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use super::error::ImageError;
use crate::{error::SubmitError, rate::Policy};

const OUTCOMES: [&str; 9] = [
    "accepted",
    "unauthorized",
    "unsupported",
    "too_large",
    "unreadable",
    "invalid",
    "failed",
    "rate_limited",
    "unavailable",
];

/// Metrics of pictures.
pub(crate) struct ImageMetrics {
    images: IntCounterVec,
    rate_limited: IntCounterVec,
    bytes: IntCounter,
    pub(crate) without_receipt: IntCounter,
}

impl ImageMetrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let answered = Opts::new("citytrack_ingest_images_total", "Pictures posted, by what was answered");
        let images = add(registry, IntCounterVec::new(answered, &["outcome"])?)?;
        for outcome in OUTCOMES {
            images.with_label_values(&[outcome]);
        }
        let limited = Opts::new(
            "citytrack_ingest_images_rate_limited_total",
            "Pictures that came faster than their node may send, by the policy that they met",
        );
        let rate_limited = add(registry, IntCounterVec::new(limited, &["policy"])?)?;
        for policy in Policy::OF_IMAGES {
            rate_limited.with_label_values(&[policy.name()]);
        }
        Ok(Self {
            images,
            rate_limited,
            bytes: counter(
                registry,
                "citytrack_ingest_image_bytes_total",
                "Bytes of pictures accepted",
            )?,
            without_receipt: counter(
                registry,
                "citytrack_ingest_images_without_receipt_total",
                "Pictures accepted that PostgreSQL was not told of in time: unknown until they are ready",
            )?,
        })
    }

    pub(crate) fn accepted(&self, bytes: usize) {
        self.images.with_label_values(&["accepted"]).inc();
        self.bytes.inc_by(bytes as u64);
    }

    pub(crate) fn refused(&self, error: &ImageError) {
        self.images.with_label_values(&[error.label()]).inc();
        if let ImageError::Request(SubmitError::TooMany { refused, .. }) = error {
            self.rate_limited.with_label_values(&[refused.policy.name()]).inc();
        }
    }
}
