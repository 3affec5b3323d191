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
    limits: Limits,
    waiting: Mutex<Waiting>,
    filled: Notify,
}

/// What may wait in an outbox.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) frames: usize,
    /// Of the texts of the frames. A single frame always fits, however large.
    pub(crate) bytes: u64,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Event>,
    /// In the frames of `events`.
    bytes: u64,
    /// Dropped since the queue was last emptied, by subscription; all of it after everything in `events`.
    dropped: Vec<(Key, u64)>,
}

impl Outbox {
    /// An outbox for so many frames.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: Mutex::default(),
            filled: Notify::new(),
        }
    }

    /// Adds a frame; false when it was dropped because the queue is full.
    pub(crate) fn push_frame(&self, key: Key, text: ByteString) -> bool {
        let mut waiting = self.lock();
        let size = text.len() as u64;
        // Once something was dropped, everything is until the queue is emptied: the gap comes after all that is queued.
        let fits = waiting.dropped.is_empty()
            && waiting.events.len() < self.limits.frames
            && (waiting.bytes == 0 || waiting.bytes.saturating_add(size) <= self.limits.bytes);
        if fits {
            waiting.bytes += size;
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
        waiting.bytes = 0;
        events.extend(waiting.dropped.drain(..).map(|(key, count)| Event::Gap(key, count)));
        events
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;

    /// An outbox for so many frames, of any size.
    pub(crate) fn room_for(frames: usize) -> Arc<Outbox> {
        Arc::new(Outbox::new(limits(frames, u64::MAX)))
    }

    fn limits(frames: usize, bytes: u64) -> Limits {
        Limits { frames, bytes }
    }

    #[test]
    fn bytes_are_bounded_too() {
        let outbox = Outbox::new(limits(10, 8));
        assert!(outbox.push_frame(7, "1234".into()));
        assert!(outbox.push_frame(7, "5678".into()));
        assert!(!outbox.push_frame(7, "9".into()));
        let frame = |text: &'static str| Event::Frame(7, text.into());
        assert_eq!(outbox.take(), [frame("1234"), frame("5678"), Event::Gap(7, 1)]);

        assert!(outbox.push_frame(7, "12345".into()));
        assert!(!outbox.push_frame(7, "6789".into()));
        assert!(
            !outbox.push_frame(7, "6".into()),
            "it would fit, but must not overtake the gap"
        );
        assert_eq!(outbox.take(), [frame("12345"), Event::Gap(7, 2)]);
        assert!(
            outbox.push_frame(7, "larger than the limit".into()),
            "or it would never be seen"
        );
    }

    #[tokio::test]
    async fn what_does_not_fit_is_counted_in_its_place() {
        let outbox = room_for(2);
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
