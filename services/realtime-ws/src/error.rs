//! Why the service cannot start.

use citytrack_common::TaskError;

/// An error at start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener cannot be opened.
    #[error(transparent)]
    Listener(TaskError),
    /// The address of the broker cannot be read.
    #[error("CITYTRACK_BROKER__URL: {0}")]
    Broker(#[from] citytrack_broker::Error),
    /// A metric is there twice.
    #[error("the metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
}
