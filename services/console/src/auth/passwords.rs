//! Where passwords are hashed and compared: beside the threads that serve, and only so many at once. Each takes some 40 ms of
//! a core and 19 MiB, which is meant to be hard on whoever guesses, not on us.

use std::{sync::Arc, time::Duration};

use actix_web::web;
use citytrack_access::{Password, password};
use citytrack_common::Problem;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

const AT_ONCE: usize = 2;
/// Those that are at work or wait for it: a second or so of work.
const PLACES: usize = 64;
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Hashes and compares passwords. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PasswordDesk {
    places: Arc<Semaphore>,
    at_work: Arc<Semaphore>,
}

impl PasswordDesk {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(PLACES)),
            at_work: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Whether `presented` is the password with this hash; nobody's, when there is none.
    pub(crate) async fn verify(&self, presented: SecretString, hash: Option<String>) -> Result<bool, Problem> {
        self.work(move || password::verify(presented.expose_secret(), hash.as_deref()))
            .await
    }

    /// What is stored instead of the password.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Problem> {
        self.work(move || password.hash()).await?.ok_or_else(Problem::internal)
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let busy = || Problem::unavailable("too many passwords are being looked at", RETRY_AFTER);
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        let at_work = self.at_work.clone().acquire_owned().await.map_err(|_| busy())?;
        web::block(move || {
            // Held until the work is done, also when whoever asked is gone.
            let _at_work = at_work;
            work()
        })
        .await
        .map_err(|_| Problem::internal())
    }
}
