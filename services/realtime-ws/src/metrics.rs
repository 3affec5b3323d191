//! What this service counts.

use citytrack_common::metrics::{add, counter, gauge, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::ending::Ending;

/// The metrics of the live feed.
#[derive(Clone)]
pub(crate) struct LiveMetrics {
    /// Sockets open now.
    pub(crate) sessions: IntGauge,
    /// Subscriptions in force now.
    pub(crate) subscriptions: IntGauge,
    /// Venues taken from the broker now.
    pub(crate) venues: IntGauge,
    pub(crate) sent: IntCounter,
    pub(crate) dropped: IntCounter,
    pub(crate) closed: IntCounterVec,
    pub(crate) refused: IntCounter,
    pub(crate) holes: IntCounter,
    starts: IntCounterVec,
    /// Viewers of each venue that is taken; venues that are not are not here.
    watching: IntGaugeVec,
    pub(crate) encoded: IntCounter,
    pub(crate) age: Histogram,
    pub(crate) batches: IntCounterVec,
}

/// What became of a batch from the broker.
#[derive(Clone, Copy)]
pub(crate) enum BatchOutcome {
    Shown,
    Repeated,
    Unreadable,
}

impl BatchOutcome {
    const ALL: [Self; 3] = [Self::Shown, Self::Repeated, Self::Unreadable];

    fn label(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Repeated => "repeated",
            Self::Unreadable => "unreadable",
        }
    }
}

impl LiveMetrics {
    /// Registers them all, at zero.
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name, help| gauge(registry, name, help);
        let counter = |name, help| counter(registry, name, help);
        let by = |label, name, help| add(registry, IntCounterVec::new(Opts::new(name, help), &[label])?);
        let metrics = Self {
            sessions: gauge("citytrack_live_sessions", "Sockets that are open")?,
            subscriptions: gauge("citytrack_live_subscriptions", "Subscriptions that are in force")?,
            venues: gauge("citytrack_live_venues", "Venues that are taken from the broker")?,
            sent: counter(
                "citytrack_live_frames_sent_total",
                "Frames that were written to sockets",
            )?,
            dropped: counter(
                "citytrack_live_frames_dropped_total",
                "Frames that gave way to newer ones in the queue of a slow socket",
            )?,
            closed: by(
                "reason",
                "citytrack_live_sessions_closed_total",
                "Sockets that ended, by reason",
            )?,
            refused: counter(
                "citytrack_live_handshakes_refused_total",
                "Requests for a WebSocket that were refused",
            )?,
            holes: counter(
                "citytrack_live_holes_total",
                "Times that messages of a venue never came here, because the broker dropped them from this instance's queue",
            )?,
            starts: by(
                "from",
                "citytrack_live_starts_total",
                "Subscriptions that began: new ones, those that went on without a loss, and those that could not",
            )?,
            watching: add(
                registry,
                IntGaugeVec::new(
                    Opts::new(
                        "citytrack_live_watching",
                        "Subscriptions of each venue that is taken from the broker",
                    ),
                    &["venue"],
                )?,
            )?,
            encoded: counter(
                "citytrack_live_frames_encoded_total",
                "Frames that were encoded: once for each distinct filter that wants them",
            )?,
            age: histogram(
                registry,
                "citytrack_live_event_age_seconds",
                "Time from the arrival of a batch at ingest-api until its frames are in the queues of the sockets",
                &[
                    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0,
                ],
            )?,
            batches: by(
                "outcome",
                "citytrack_live_batches_total",
                "Batches that came from the broker, by what became of them",
            )?,
        };
        for ending in Ending::ALL {
            metrics.closed.with_label_values(&[ending.label()]);
        }
        for from in ["new", "recovered", "lost"] {
            metrics.starts.with_label_values(&[from]);
        }
        for outcome in BatchOutcome::ALL {
            metrics.batches.with_label_values(&[outcome.label()]);
        }
        Ok(metrics)
    }

    /// A subscription began.
    pub(crate) fn started(&self, since: bool, recovered: bool) {
        let from = match (since, recovered) {
            (false, _) => "new",
            (true, true) => "recovered",
            (true, false) => "lost",
        };
        self.starts.with_label_values(&[from]).inc();
    }

    /// So many watch the venue; `None`: it is not taken any more.
    pub(crate) fn watching(&self, venue: &str, watching: Option<u64>) {
        match watching {
            Some(watching) => {
                let watching = i64::try_from(watching).unwrap_or(i64::MAX);
                self.watching.with_label_values(&[venue]).set(watching);
            }
            // It may never have been there.
            None => drop(self.watching.remove_label_values(&[venue])),
        }
    }

    pub(crate) fn batch(&self, outcome: BatchOutcome) {
        self.batches.with_label_values(&[outcome.label()]).inc();
    }
}
