//! Readiness: whether this process can do its work now, from state that its tasks report. Asking never calls a server.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::lifecycle::TaskError;

/// The readiness of the process: every check is fine and it is not shutting down.
#[derive(Clone, Default)]
pub struct Readiness {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    draining: AtomicBool,
    /// `Err` holds the reason, in words for operators.
    checks: Mutex<BTreeMap<&'static str, Result<(), String>>>,
}

/// One thing that must be fine, reported by the task that knows.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    readiness: Readiness,
}

impl Readiness {
    /// Adds a check, not fine until its task says so.
    pub fn check(&self, name: &'static str) -> Check {
        let check = Check {
            name,
            readiness: self.clone(),
        };
        check.fail("starting");
        check
    }

    /// Says that the process is ending: not ready from now on.
    pub fn drain(&self) {
        self.inner.draining.store(true, Ordering::Relaxed);
    }

    /// Every check by name with `ok` or the reason, and whether all is fine.
    pub fn report(&self) -> (bool, BTreeMap<&'static str, String>) {
        let draining = self.inner.draining.load(Ordering::Relaxed);
        let checks = self.inner.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = !draining && checks.values().all(Result::is_ok);
        let mut report: BTreeMap<_, _> = checks
            .iter()
            .map(|(name, state)| (*name, state.clone().err().unwrap_or_else(|| "ok".to_owned())))
            .collect();
        if draining {
            report.insert("shutdown", "the process is shutting down".to_owned());
        }
        (ready, report)
    }
}

impl Check {
    /// Reports that it is fine.
    pub fn ok(&self) {
        self.set(Ok(()));
    }

    /// Reports why it is not.
    pub fn fail(&self, reason: impl Into<String>) {
        self.set(Err(reason.into()));
    }

    fn set(&self, state: Result<(), String>) {
        self.readiness
            .inner
            .checks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(self.name, state);
    }
}

/// Follows a status that a connection reports, until the process stops: anything that says why it is not fine does.
pub async fn follow<S>(check: Check, mut status: watch::Receiver<S>, stop: CancellationToken) -> Result<(), TaskError>
where
    for<'a> &'a S: Into<Result<(), String>>,
{
    loop {
        let state: Result<(), String> = (&*status.borrow_and_update()).into();
        match state {
            Ok(()) => check.ok(),
            Err(reason) => check.fail(reason),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = status.changed() => if changed.is_err() {
                // The connection has ended for good, as it does on shutdown.
                stop.cancelled().await;
                return Ok(());
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_every_check_is_fine_and_not_draining() {
        let readiness = Readiness::default();
        let broker = readiness.check("broker");
        assert!(!readiness.report().0);
        broker.ok();
        assert!(readiness.report().0);
        broker.fail("connection lost");
        assert_eq!(readiness.report().1["broker"], "connection lost");
        broker.ok();
        readiness.drain();
        assert!(!readiness.report().0);
    }
}
