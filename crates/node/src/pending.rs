//! The bounded queue between the camera and the network: batches that wait to be sent.
//!
//! It lives in memory, and what is in it is lost with the process.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::batch::Batch;

/// Batches in the order in which they are to be sent.
#[derive(Debug)]
pub struct Pending {
    capacity: usize,
    queue: Mutex<Queue>,
    room: Notify,
    work: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    batches: VecDeque<Batch>,
    closed: bool,
}

impl Pending {
    /// An empty queue for so many batches.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            queue: Mutex::default(),
            room: Notify::new(),
            work: Notify::new(),
        }
    }

    /// Whether another batch would be one too many.
    pub fn is_full(&self) -> bool {
        self.lock().batches.len() >= self.capacity
    }

    /// Waits until a batch may be added. For one waiter at a time.
    pub async fn room(&self) {
        while self.is_full() {
            self.room.notified().await;
        }
    }

    /// Adds a batch at the end, even beyond the capacity: who must not do that waits for [`Self::room`] or drops the oldest.
    pub fn push(&self, batch: Batch) {
        self.lock().batches.push_back(batch);
        self.work.notify_one();
    }

    /// Takes out the batch that has waited longest, to make room.
    pub fn drop_oldest(&self) -> Option<Batch> {
        self.lock().batches.pop_front()
    }

    /// Waits for the next batch to send. `None`: the queue is closed and empty. For one waiter at a time.
    pub async fn next(&self) -> Option<Batch> {
        loop {
            {
                let mut queue = self.lock();
                if let Some(batch) = queue.batches.pop_front() {
                    self.room.notify_one();
                    return Some(batch);
                }
                if queue.closed {
                    return None;
                }
            }
            self.work.notified().await;
        }
    }

    /// Says that no more batches will come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }

    /// How many batches wait.
    pub fn len(&self) -> usize {
        self.lock().batches.len()
    }

    /// Whether no batch waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that is done under the lock can panic half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_room_goes_on_when_a_batch_leaves() {
        let pending = Pending::new(1);
        pending.room().await;
        pending.push(Batch::new(vec![]));
        assert!(timeout(Duration::from_secs(1), pending.room()).await.is_err());
        let (next, ()) = tokio::join!(pending.next(), pending.room());
        assert!(next.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_queue_is_emptied_first() {
        let pending = Pending::new(1);
        let batch = Batch::new(vec![]);
        assert!(timeout(Duration::from_secs(1), pending.next()).await.is_err());
        pending.push(batch.clone());
        pending.close();
        assert_eq!(pending.next().await, Some(batch));
        assert_eq!(pending.next().await, None);
    }
}
