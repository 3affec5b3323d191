//! What waits for one session: filled by the feed, emptied by the session's task.

use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytestring::ByteString;
use tokio::sync::Notify;

/// Names one subscription in this process; never used again.
pub(crate) type Key = u64;

/// Something for the client, in the order it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// From here on the subscription gets every frame. Comes again when the broker was away: what happened meanwhile is lost.
    Subscribed(Key),
    /// A frame, as the text to send.
    Frame(Key, ByteString),
    /// So many frames were dropped here.
    Gap(Key, u64),
}

/// A bounded queue that never makes its filler wait: what does not fit is counted instead.
///
/// A channel would do for the frames; this also keeps the count of what was dropped in order with them, and is where
/// newer frames will be able to replace older ones. Nobody holds the lock for longer than one push or one take.
pub(crate) struct Outbox {
    limit: usize,
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Event>,
    /// Dropped since the queue was last emptied, by subscription; all of it after everything in `events`.
    dropped: Vec<(Key, u64)>,
}

impl Outbox {
    /// An outbox for `limit` frames.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            waiting: Mutex::default(),
            filled: Notify::new(),
        }
    }

    /// Adds a frame; false when it was dropped because the queue is full.
    pub(crate) fn push_frame(&self, key: Key, text: ByteString) -> bool {
        let mut waiting = self.lock();
        let fits = waiting.events.len() < self.limit;
        if fits {
            self.push(&mut waiting, Event::Frame(key, text));
        } else {
            match waiting.dropped.iter_mut().find(|(dropped, _)| *dropped == key) {
                Some((_, count)) => *count += 1,
                None => waiting.dropped.push((key, 1)),
            }
        }
        fits
    }

    /// Says that a subscription is in force. There are as many of these as subscriptions, so they always fit.
    pub(crate) fn push_subscribed(&self, key: Key) {
        self.push(&mut self.lock(), Event::Subscribed(key));
    }

    fn push(&self, waiting: &mut Waiting, event: Event) {
        waiting.events.push_back(event);
        if waiting.events.len() == 1 {
            self.filled.notify_one();
        }
    }

    /// Waits until there is something to take; now and then it is wrong about that.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes everything: what is queued, then what was dropped after it.
    pub(crate) fn take(&self) -> VecDeque<Event> {
        let mut waiting = self.lock();
        let mut events = mem::take(&mut waiting.events);
        events.extend(waiting.dropped.drain(..).map(|(key, count)| Event::Gap(key, count)));
        events
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_is_counted_in_its_place() {
        let outbox = Outbox::new(2);
        outbox.push_subscribed(7);
        assert!(outbox.push_frame(7, "a".into()));
        for _ in 0..3 {
            assert!(!outbox.push_frame(7, "lost".into()));
        }
        assert!(!outbox.push_frame(8, "lost".into()));
        outbox.filled().await;
        let taken = outbox.take();
        let frame = Event::Frame(7, "a".into());
        assert_eq!(taken, [Event::Subscribed(7), frame, Event::Gap(7, 3), Event::Gap(8, 1)]);
        assert!(outbox.push_frame(7, "b".into()), "there is room again");
        outbox.filled().await;
        assert_eq!(outbox.take(), [Event::Frame(7, "b".into())]);
    }
}
