//! Receipts: rows that say that a picture was received, so that whoever asks for it is told to wait.
//!
//! A convenience: what the broker has safely is safe, and the worker that saves the picture writes the same row. So PostgreSQL may hold an
//! answer up for a moment only, and may be away.

use std::time::Duration;

use citytrack_common::lifecycle::chain;
use citytrack_domain::ImageDetails;
use citytrack_storage::{Database, images};
use prometheus::IntCounter;
use tokio::time::timeout;
use tracing::debug;

/// Where receipts are written.
pub(crate) struct Receipts {
    pub(crate) database: Database,
    /// An answer waits for its receipt no longer than this.
    pub(crate) patience: Duration,
    pub(crate) unwritten: IntCounter,
}

impl Receipts {
    /// Writes one, if that can be done in time.
    pub(crate) async fn write(&self, image: &ImageDetails) {
        let problem = match timeout(self.patience, images::receipt(&self.database, image)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => chain(&error),
            Err(_) => format!("not written within {:?}", self.patience),
        };
        self.unwritten.inc();
        debug!(image.id = %image.id, problem, "a picture has no receipt");
    }
}
