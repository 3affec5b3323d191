//! Stops the workers in the middle of a transaction, so that a fault comes at exactly the wrong moment.

use citytrack_e2e::System;
use citytrack_storage::{Client, Database};
use citytrack_testkit::eventually;

/// A lock that every transaction of a worker needs: its ids and frames are written, its buckets are not.
pub(crate) struct Hold {
    database: Database,
    locked: Client,
}

impl Hold {
    /// Takes the lock, and waits until so many workers wait for it or for each other.
    pub(crate) async fn workers(system: &System, count: i64) -> Self {
        let hold = Self::start(system).await;
        hold.waiting(count).await;
        hold
    }

    /// Takes the lock.
    pub(crate) async fn start(system: &System) -> Self {
        let locked = system.database.client().await.unwrap();
        let lock = "begin; lock table camera_minute in exclusive mode";
        locked.batch_execute(lock).await.unwrap();
        Self {
            database: system.database.clone(),
            locked,
        }
    }

    /// Waits until so many workers are in the middle of a transaction.
    pub(crate) async fn waiting(&self, workers: i64) {
        let waiting = "select count(*) from pg_stat_activity where application_name = 'citytrack worker'
                       and wait_event_type = 'Lock' and datname = current_database()";
        eventually(&format!("{workers} workers wait"), async || {
            let now = self
                .database
                .client()
                .await
                .unwrap()
                .query_one(waiting, &[])
                .await
                .unwrap();
            (now.get::<_, i64>(0) == workers).then_some(())
        })
        .await;
    }

    /// Lets them go on.
    pub(crate) async fn release(self) {
        self.locked.batch_execute("rollback").await.unwrap();
    }
}
