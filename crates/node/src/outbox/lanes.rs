//! The two lanes: which batch is next.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Duration;

use jiff::Timestamp;

use super::store::Store;
use crate::sealed::Sealed;
use crate::totals::Count;

/// Which batches are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Those that were made just now. They never wait for the others.
    Live,
    /// Those that have waited for long, oldest first.
    Backlog,
}

/// A batch on its way.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The batch.
    pub sealed: Sealed,
    /// What of it is still to be sent, the next one last: the batch itself, or what is left of its parts.
    pub left: Vec<Sealed>,
    pub(super) ticket: u64,
}

impl Parcel {
    /// Whether it is sent in parts.
    pub(super) fn is_begun(&self) -> bool {
        !matches!(&*self.left, [whole] if whole.id == self.sealed.id)
    }
}

/// What the lock of the outbox guards.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) live: VecDeque<Waiting>,
    pub(super) backlog: VecDeque<Waiting>,
    /// Tickets of batches that are being sent, and what is in them.
    pub(super) on_their_way: BTreeMap<u64, Count>,
    /// What is left of batches that were sent in part when they became old. Not on disk: the next process sends them whole, and the
    /// server knows the parts that it has.
    pub(super) parts: BTreeMap<u64, Vec<Sealed>>,
    pub(super) closed: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) ticket: u64,
    pub(super) made_at: Timestamp,
}

impl Inner {
    /// Moves what has become old from one lane to the other.
    pub(super) fn age(&mut self, live_for: Duration, now: Timestamp) {
        while let Some(oldest) = self
            .live
            .pop_front_if(|waiting| is_older(waiting.made_at, live_for, now))
        {
            // Nearly always the last; but one that comes back from its way has its old place.
            let place = self.backlog.partition_point(|waiting| waiting.ticket < oldest.ticket);
            self.backlog.insert(place, oldest);
        }
    }

    pub(super) fn take(&mut self, lane: Lane) -> io::Result<Option<Parcel>> {
        let queue = match lane {
            Lane::Live => &mut self.live,
            Lane::Backlog => &mut self.backlog,
        };
        while let Some(Waiting { ticket, .. }) = queue.pop_front() {
            let parts = self.parts.remove(&ticket);
            // What was dropped in the meantime is not there any more.
            if let Some(sealed) = self.store.load(ticket)? {
                let left = parts.unwrap_or_else(|| vec![sealed.clone()]);
                self.on_their_way.insert(ticket, total(&left));
                return Ok(Some(Parcel { sealed, left, ticket }));
            }
        }
        Ok(None)
    }

    /// Forgets the tickets of what was dropped: while no server is there, nobody takes them. The oldest go first.
    pub(super) fn forget_dropped(&mut self) {
        let Self {
            store,
            live,
            backlog,
            parts,
            ..
        } = self;
        for queue in [live, backlog] {
            while let Some(gone) = queue.pop_front_if(|waiting| !store.contains(waiting.ticket)) {
                parts.remove(&gone.ticket);
            }
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.closed && self.live.is_empty() && self.backlog.is_empty() && self.on_their_way.is_empty()
    }
}

/// What is in all of them.
pub(super) fn total(parts: &[Sealed]) -> Count {
    let mut total = Count::default();
    for part in parts {
        total.add(part.count);
    }
    total
}

pub(super) fn is_older(made_at: Timestamp, age: Duration, now: Timestamp) -> bool {
    made_at.checked_add(age).is_ok_and(|until| until <= now)
}
