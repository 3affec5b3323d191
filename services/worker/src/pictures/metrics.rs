//! What is counted of pictures.

use citytrack_common::metrics::{add, histogram};
use prometheus::{Histogram, IntCounterVec, Opts, Registry};

/// Metrics of a role.
#[derive(Clone)]
pub(crate) struct PictureMetrics {
    images: IntCounterVec,
    pub(crate) age: Histogram,
}

impl PictureMetrics {
    /// Of the role `transform`.
    pub(crate) fn of_transform(registry: &Registry) -> Result<Self, prometheus::Error> {
        Self::new(registry, "transform", &["ready", "failed", "dead_lettered"])
    }

    /// Of the role `save`.
    pub(crate) fn of_save(registry: &Registry) -> Result<Self, prometheus::Error> {
        Self::new(registry, "save", &["stored", "duplicate", "dead_lettered"])
    }

    fn new(registry: &Registry, role: &str, outcomes: &[&str]) -> Result<Self, prometheus::Error> {
        let settled = Opts::new(
            format!("citytrack_{role}_images_total"),
            "Pictures settled, by what became of them",
        );
        let images = add(registry, IntCounterVec::new(settled, &["outcome"])?)?;
        for outcome in outcomes {
            images.with_label_values(&[outcome]);
        }
        Ok(Self {
            images,
            age: histogram(
                registry,
                &format!("citytrack_{role}_image_age_seconds"),
                "Time from received_at of a picture to the end of this role's work on it",
                &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0],
            )?,
        })
    }

    pub(crate) fn settled(&self, outcome: &str) {
        self.images.with_label_values(&[outcome]).inc();
    }
}
