//! The access log: one line a request. Never the query string and never headers, because tokens travel in both.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tracing::info;

use crate::settings::{AccessLogMode, AccessLogSettings};

/// Decides which requests get a line, and writes it.
pub struct AccessLog {
    settings: AccessLogSettings,
    seen: AtomicU64,
}

/// What a line says.
pub struct Entry<'a> {
    /// Request method.
    pub method: &'a str,
    /// Path without query string.
    pub path: &'a str,
    /// Status of the answer; 0 when the client was gone before there was one.
    pub status: u16,
    /// From the head of the request to the end of the answer, or of the WebSocket.
    pub duration: Duration,
    /// Pool that the path belongs to.
    pub pool: &'a str,
    /// Server that answered.
    pub upstream: Option<&'a str>,
    /// How many servers were tried.
    pub attempts: usize,
    /// Bytes of the request's body.
    pub received: usize,
    /// Bytes of the answer's body.
    pub sent: usize,
    /// Request id.
    pub request_id: &'a str,
    /// Why no server answered.
    pub failure: Option<&'static str>,
}

impl AccessLog {
    /// A log as the settings say.
    pub fn new(settings: AccessLogSettings) -> Self {
        Self {
            settings,
            seen: AtomicU64::new(0),
        }
    }

    /// Whether this request gets a line; asked before an [`Entry`] is put together.
    pub fn wants(&self, status: u16) -> bool {
        let went_well = (100..500).contains(&status);
        match self.settings.requests {
            AccessLogMode::Off => false,
            AccessLogMode::Errors => !went_well,
            AccessLogMode::All if went_well => {
                let every = self.settings.every.get();
                every == 1 || self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(every)
            }
            AccessLogMode::All => true,
        }
    }

    /// Writes the line.
    pub fn write(&self, entry: &Entry<'_>) {
        info!(
            target: "access",
            pool = entry.pool,
            http.method = entry.method,
            http.path = entry.path,
            http.status = entry.status,
            duration_ms = entry.duration.as_secs_f64() * 1000.0,
            upstream = entry.upstream,
            attempts = entry.attempts,
            bytes.received = entry.received,
            bytes.sent = entry.sent,
            request.id = entry.request_id,
            failure = entry.failure,
            "request"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(requests: AccessLogMode, every: u64) -> AccessLog {
        AccessLog::new(AccessLogSettings {
            requests,
            every: every.try_into().unwrap(),
        })
    }

    #[test]
    fn the_mode_decides() {
        assert!(log(AccessLogMode::All, 1).wants(200));
        assert!(!log(AccessLogMode::Errors, 1).wants(404));
        assert!(log(AccessLogMode::Errors, 1).wants(502));
        assert!(log(AccessLogMode::Errors, 1).wants(0));
        assert!(!log(AccessLogMode::Off, 1).wants(502));
    }

    #[test]
    fn sampling_spares_failures() {
        let log = log(AccessLogMode::All, 10);
        assert_eq!((0..100).filter(|_| log.wants(200)).count(), 10);
        assert_eq!((0..100).filter(|_| log.wants(503)).count(), 100);
    }
}
