//! Changes that people and programs make: each a transaction that knows its actor, for the audit log.

use std::{
    ops::Deref,
    pin::pin,
    task::{Context, Waker},
};

use serde_json::json;

use crate::{Client, Database, Error, audit::Actor};

/// A transaction of `actor`. Functions that change something take it, so that no change can be made without an actor. What
/// they did is kept by [`Change::commit`], and undone when this value is dropped without.
///
/// As a [`Client`], it asks within the transaction.
#[must_use = "dropping it undoes the change"]
pub struct Change {
    client: Client,
    is_open: bool,
}

impl Database {
    /// Begins a change that `actor` makes: the entries of the audit log that come of it name it.
    ///
    /// # Errors
    /// [`Error::Transient`] when there is no connection in time.
    pub async fn change(&self, actor: &Actor) -> Result<Change, Error> {
        self.in_time(async { Change::begin(self.client().await?, actor).await })
            .await
    }

    /// As [`Self::change`], on a connection of its own, for a change whose statements may take any time.
    ///
    /// # Errors
    /// [`Error::Transient`] when there is no connection in time.
    pub async fn long_change(&self, actor: &Actor) -> Result<Change, Error> {
        self.in_time(async { Change::begin(self.dedicated().await?, actor).await })
            .await
    }
}

impl Change {
    async fn begin(client: Client, actor: &Actor) -> Result<Self, Error> {
        let actor = json!({
            "kind": actor.kind.as_str(),
            "name": actor.name,
            "id": actor.id,
            "address": actor.address,
        });
        let change = Self { client, is_open: true };
        change.batch_execute("begin").await?;
        // Until the end of the transaction; the triggers of the migration V7 read it.
        let set = "select set_config('citytrack.actor', $1, true)";
        change.query_one(set, &[&actor.to_string()]).await?;
        Ok(change)
    }

    /// Keeps what was changed, and the entries about it.
    ///
    /// # Errors
    /// When PostgreSQL did not say that it is kept. If it was away, it may have been kept all the same.
    pub async fn commit(mut self) -> Result<(), Error> {
        self.client.batch_execute("commit").await?;
        self.is_open = false;
        Ok(())
    }
}

impl Deref for Change {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if self.is_open {
            // Asking once sends it; whoever gets the connection next comes after it, and needs no answer.
            let rollback = pin!(self.client.batch_execute("rollback"));
            let _ = rollback.poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}
