//! What waits to be sent, in two lanes: live batches, and the backlog behind them.
//!
//! A batch leaves the outbox only when there is an answer that settles it. With a spool it lies on disk, and is there again after
//! a restart; without one it lies in memory, and is lost with the process.

mod lanes;
mod store;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::batch::{Batch, made_at};
use crate::clock::Moment;
use crate::sealed::Sealed;
use crate::spool::{Losses, Spool, SyncPolicy};
use crate::totals::Count;
use lanes::{Inner, Waiting, is_older, total};
pub use lanes::{Lane, Parcel};
use store::{Memory, Store};

/// How often [`SyncPolicy::Interval`] brings to the disk what was written.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// How an outbox works.
#[derive(Debug, Clone, Copy)]
pub struct OutboxOptions {
    /// Bodies above so many bytes are compressed.
    pub gzip_above: usize,
    /// After this time, a batch is backlog.
    pub live_for: Duration,
}

/// Batches in the order in which they were made.
#[derive(Debug)]
pub struct Outbox {
    options: OutboxOptions,
    inner: Mutex<Inner>,
    sync: SyncPolicy,
    changed: watch::Sender<()>,
}

impl Outbox {
    /// An outbox for so many batches, in memory.
    pub fn in_memory(capacity: usize, options: OutboxOptions) -> Self {
        Self::new(
            Store::Memory(Memory::new(capacity)),
            SyncPolicy::Never,
            VecDeque::new(),
            options,
        )
    }

    /// An outbox on disk.
    pub fn on_disk(spool: Spool, sync: SyncPolicy, options: OutboxOptions) -> Self {
        let found = spool.waiting().map(|(ticket, kept)| Waiting {
            ticket,
            made_at: kept.made_at,
        });
        let found = found.collect();
        Self::new(Store::Disk(Box::new(spool)), sync, found, options)
    }

    fn new(store: Store, sync: SyncPolicy, live: VecDeque<Waiting>, options: OutboxOptions) -> Self {
        let inner = Inner {
            store,
            live,
            backlog: VecDeque::new(),
            on_their_way: BTreeMap::new(),
            parts: BTreeMap::new(),
            closed: false,
        };
        Self {
            options,
            inner: Mutex::new(inner),
            sync,
            changed: watch::Sender::new(()),
        }
    }

    /// How far the input of the spool had been read when the last batch was closed.
    pub fn progress(&self) -> u64 {
        match &self.lock().store {
            Store::Memory(_) => 0,
            Store::Disk(spool) => spool.progress(),
        }
    }

    /// Whether another batch would cost an old one.
    pub fn is_full(&self) -> bool {
        let inner = self.lock();
        inner.store.is_full(inner.on_their_way.len())
    }

    /// Waits until a batch may be added without dropping another one.
    pub async fn room(&self) {
        let mut changed = self.changed.subscribe();
        while self.is_full() && changed.changed().await.is_ok() {}
    }

    /// Gives a batch its place in the stream and takes it in; with a spool, it is safe when this returns (as [`SyncPolicy`] says).
    /// `progress` is how far the input has been read. Returns what was dropped to make room; if nothing may be dropped, a spool
    /// becomes larger than it should by a part of this batch at most.
    ///
    /// # Errors
    /// The disk.
    pub async fn push(&self, mut batch: Batch, progress: u64, may_drop: bool) -> io::Result<Count> {
        let (ticket, dropped, file) = {
            let mut inner = self.lock();
            let Inner {
                store, on_their_way, ..
            } = &mut *inner;
            batch.position = Some(store.position());
            let sealed = Sealed::new(&batch, self.options.gzip_above);
            match store {
                Store::Memory(memory) => (memory.push(sealed), Count::default(), None),
                Store::Disk(spool) => {
                    let (ticket, dropped) = spool.append(sealed, progress, may_drop.then_some(on_their_way))?;
                    (ticket, dropped, Some(spool.newest_file()))
                }
            }
        };
        if let Some(file) = file.filter(|_| self.sync == SyncPolicy::Always) {
            spawn_blocking(move || file.sync_data()).await??;
        }
        let waiting = Waiting {
            ticket,
            made_at: made_at(batch.batch_id),
        };
        {
            let mut inner = self.lock();
            inner.live.push_back(waiting);
            inner.forget_dropped();
        }
        self.changed.send_replace(());
        Ok(dropped)
    }

    /// Without a spool: takes out the batch that has waited longest. (A spool makes room by itself.)
    pub fn drop_oldest(&self) -> Option<Count> {
        let mut inner = self.lock();
        let Inner {
            store: Store::Memory(memory),
            on_their_way,
            ..
        } = &mut *inner
        else {
            return None;
        };
        let dropped = memory.drop_oldest(on_their_way);
        inner.forget_dropped();
        dropped
    }

    /// Waits for the next batch of a lane. `None`: the outbox is closed, and nothing is left.
    ///
    /// # Errors
    /// The disk.
    pub async fn next(&self, lane: Lane) -> io::Result<Option<Parcel>> {
        let mut changed = self.changed.subscribe();
        loop {
            {
                let mut inner = self.lock();
                inner.age(self.options.live_for, Moment::now().utc);
                if let Some(parcel) = inner.take(lane)? {
                    drop(inner);
                    self.changed.send_replace(());
                    return Ok(Some(parcel));
                }
                if inner.is_finished() {
                    return Ok(None);
                }
            }
            if changed.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// A parcel is settled: accepted, refused, or given up.
    ///
    /// # Errors
    /// The disk.
    pub fn settle(&self, parcel: &Parcel) -> io::Result<()> {
        let mut inner = self.lock();
        inner.on_their_way.remove(&parcel.ticket);
        let settled = inner.store.remove(parcel.ticket);
        drop(inner);
        self.changed.send_replace(());
        settled
    }

    /// A parcel comes back: it has become old on its way, and what is left of it is to be sent with the backlog. Returns what that
    /// held if there is no room for it any more.
    pub fn give_back(&self, parcel: Parcel) -> Count {
        let mut inner = self.lock();
        inner.on_their_way.remove(&parcel.ticket);
        let mut dropped = Count::default();
        match &mut inner.store {
            Store::Disk(spool) if spool.get(parcel.ticket).is_none() => {
                dropped = total(&parcel.left);
                // What is not written down now is written the next time.
                let _ = spool.count(|losses| losses.dropped.add(dropped));
            }
            _ => {
                let waiting = Waiting {
                    ticket: parcel.ticket,
                    made_at: made_at(parcel.sealed.id),
                };
                inner.live.push_front(waiting);
                if parcel.is_begun() {
                    inner.parts.insert(parcel.ticket, parcel.left);
                }
            }
        }
        drop(inner);
        self.changed.send_replace(());
        dropped
    }

    /// What the spool lost and nobody was told: damaged batches, and what made room for one that could not be written all the same.
    pub fn untold(&self) -> Count {
        match &mut self.lock().store {
            Store::Memory(_) => Count::default(),
            Store::Disk(spool) => spool.take_untold(),
        }
    }

    /// Counts what was lost in the books of the spool, if there is one.
    ///
    /// # Errors
    /// The disk.
    pub fn count(&self, count: impl FnOnce(&mut Losses)) -> io::Result<()> {
        match &mut self.lock().store {
            Store::Memory(_) => Ok(()),
            Store::Disk(spool) => spool.count(count),
        }
    }

    /// Keeps a refused batch for a person to look at, if there is a spool.
    ///
    /// # Errors
    /// The disk.
    pub fn keep_refused(&self, sealed: &Sealed, reason: &str) -> io::Result<()> {
        match &self.lock().store {
            Store::Memory(_) => Ok(()),
            Store::Disk(spool) => spool.keep_refused(sealed, reason, Moment::now().utc),
        }
    }

    /// Says that no more batches will come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.send_replace(());
    }

    /// How many batches wait, those on their way included.
    pub fn len(&self) -> usize {
        self.lock().store.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a batch is older than a live one.
    pub fn is_backlog(&self, sealed: &Sealed) -> bool {
        is_older(made_at(sealed.id), self.options.live_for, Moment::now().utc)
    }

    /// Brings to the disk what was written, again and again, if the policy says so.
    ///
    /// # Errors
    /// The disk.
    pub async fn keep_synced(&self) -> io::Result<()> {
        let mut ticks = tokio::time::interval(SYNC_INTERVAL);
        loop {
            ticks.tick().await;
            let file = match &self.lock().store {
                Store::Disk(spool) if self.sync == SyncPolicy::Interval => spool.newest_file(),
                _ => continue,
            };
            spawn_blocking(move || file.sync_data()).await??;
        }
    }

    /// Ends well: after this, the next process knows that nothing is missing. What was on its way when its place was taken by newer
    /// batches is dropped now, and is in [`Self::untold`].
    ///
    /// # Errors
    /// The disk.
    pub fn finish(&self) -> io::Result<()> {
        let mut inner = self.lock();
        let on_their_way = std::mem::take(&mut inner.on_their_way);
        let Store::Disk(spool) = &mut inner.store else {
            return Ok(());
        };
        let mut dropped = Count::default();
        for (ticket, count) in on_their_way {
            if spool.get(ticket).is_none() {
                dropped.add(count);
            }
        }
        spool.lose(dropped);
        spool.close()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that is done under the lock can panic half-way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
