//! The batches that were shown lately.

use std::collections::{HashSet, VecDeque};

use citytrack_domain::BatchId;

/// Remembers the newest batch ids, up to a number of them: a batch that a node or the broker sends again is shown once.
pub(crate) struct RecentBatches {
    limit: usize,
    ids: HashSet<BatchId>,
    order: VecDeque<BatchId>,
}

impl RecentBatches {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            ids: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    /// True for an id that is not remembered; from now on it is.
    pub(crate) fn is_new(&mut self, id: BatchId) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
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
        let [first, second, third] = [0; 3].map(|_| BatchId::generate(Timestamp::UNIX_EPOCH));
        let mut recent = RecentBatches::new(2);
        assert!(recent.is_new(first) && recent.is_new(second));
        assert!(!recent.is_new(first));
        assert!(recent.is_new(third));
        assert!(!recent.is_new(second));
        assert!(recent.is_new(first), "the oldest is forgotten");
    }
}
