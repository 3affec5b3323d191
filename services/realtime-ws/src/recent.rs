//! The batches that were shown lately.

use std::collections::{HashSet, VecDeque};

use citytrack_domain::{Batch, BatchId};
use uuid::Uuid;

/// What makes a batch recognisable: its id, and the node that made it.
pub(crate) type BatchKey = (BatchId, Uuid);

/// The key of a batch.
pub(crate) fn key(batch: &Batch) -> BatchKey {
    (batch.id, batch.source.id)
}

/// Remembers the newest batches, up to a number of them: one that a node or the broker sends again is shown once.
pub(crate) struct RecentBatches {
    limit: usize,
    known: HashSet<BatchKey>,
    order: VecDeque<BatchKey>,
}

impl RecentBatches {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            known: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    /// True for a batch that is not remembered; from now on it is.
    pub(crate) fn is_new(&mut self, batch: BatchKey) -> bool {
        if !self.known.insert(batch) {
            return false;
        }
        self.order.push_back(batch);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_batch_is_new_once_until_it_is_forgotten() {
        let [first, second, third] = [0; 3].map(|_| (BatchId::generate(Timestamp::UNIX_EPOCH), Uuid::nil()));
        let mut recent = RecentBatches::new(2);
        assert!(recent.is_new(first) && recent.is_new(second));
        assert!(!recent.is_new(first));
        assert!(recent.is_new(third));
        assert!(!recent.is_new(second));
        assert!(recent.is_new(first), "the oldest is forgotten");
        assert!(
            recent.is_new((first.0, Uuid::max())),
            "the same id of another node is another batch"
        );
    }
}
