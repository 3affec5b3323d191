//! Those who watch a run: subscribers, and two connections to the database.

use anyhow::Result;
use tokio::runtime::Runtime;

use super::{Run, runtime};
use crate::watch::{self, Database, Subscribers, Watcher};

/// Those who watch, each with a runtime of its own that a thread will drive.
pub(super) struct Watching {
    pub(super) live: (Runtime, Subscribers),
    pub(super) rows: Option<(Runtime, Watcher)>,
    pub(super) audit: Option<(Runtime, Database)>,
}

impl Run<'_> {
    pub(super) fn watching(&self) -> Result<Watching> {
        let runtime_live = runtime()?;
        let feed = self.args.feed(&self.fleet)?;
        let (count, plan) = (self.args.subscribers, self.plan);
        let subscribers = watch::subscribe(&feed, count, plan, &self.ledger, &self.received, &self.stop);
        let subscribers = runtime_live.block_on(subscribers)?;
        let (mut rows, mut audit) = (None, None);
        if let Some(url) = self.args.database() {
            let sample = self.args.watch_every();
            let (first, second) = (runtime()?, runtime()?);
            let watcher = first.block_on(Watcher::new(
                url,
                self.plan,
                self.ledger.clone(),
                sample,
                self.room.clone(),
            ))?;
            let database = second.block_on(Database::connect(url))?;
            (rows, audit) = (Some((first, watcher)), Some((second, database)));
        }
        Ok(Watching {
            live: (runtime_live, subscribers),
            rows,
            audit,
        })
    }
}
