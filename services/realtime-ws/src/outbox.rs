//! What waits for one session: filled by the feed, emptied by the session's task.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{frame::LiveFrame, position::Position, protocol::GapReason};

/// Names one subscription in this process; never used again.
pub(crate) type Key = u64;

/// Cameras that a gap names at most; the frames of others are counted all the same.
const NAMED_CAMERAS: usize = 100;

/// Something for the client, in the order it happened.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// From here on the subscription gets every frame.
    Subscribed(Key, Start),
    /// A frame of a camera, ready for the socket.
    Frame(Key, Arc<str>, Bytes),
    /// Frames were left out here.
    Gap(Key, Gap),
    /// Nothing was to be shown for a while; the cursor now.
    Cursor(Key, Arc<str>),
}

impl Event {
    fn key(&self) -> Key {
        match self {
            Self::Subscribed(key, _) | Self::Frame(key, ..) | Self::Gap(key, _) | Self::Cursor(key, _) => *key,
        }
    }
}

/// How a subscription begins, or begins anew.
#[derive(Clone)]
pub(crate) struct Start {
    /// Where the viewer stands before the first frame that follows.
    pub(crate) position: Arc<Position>,
    /// Whether nothing was missed since the viewer was here last.
    pub(crate) recovered: bool,
    /// The latest frame of each camera.
    pub(crate) snapshot: Vec<Arc<LiveFrame>>,
    /// What the viewer missed, to be shown before anything else.
    pub(crate) missed: Vec<Arc<LiveFrame>>,
}

/// Frames that were left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) reason: GapReason,
    /// How many; zero when nobody knows.
    pub(crate) dropped: u64,
    /// Of which cameras, as far as they are named.
    pub(crate) cameras: BTreeSet<Arc<str>>,
}

impl Gap {
    /// A gap with nothing in it yet.
    pub(crate) fn new(reason: GapReason) -> Self {
        Self {
            reason,
            dropped: 0,
            cameras: BTreeSet::new(),
        }
    }

    /// Counts a frame that is left out.
    pub(crate) fn add(&mut self, camera: &Arc<str>) {
        self.dropped += 1;
        if self.cameras.len() < NAMED_CAMERAS && !self.cameras.contains(camera) {
            self.cameras.insert(Arc::clone(camera));
        }
    }

    /// Counts what was left out after this, for the same reason.
    fn join(&mut self, later: Self) {
        self.dropped += later.dropped;
        let room = NAMED_CAMERAS.saturating_sub(self.cameras.len());
        self.cameras.extend(later.cameras.into_iter().take(room));
    }
}

/// A bounded queue that never makes its filler wait. When it is full, older frames of a camera give way to newer ones, and
/// the client is told.
///
/// A channel would do as long as nothing is left out; nobody holds the lock for longer than one push or one take.
pub(crate) struct Outbox {
    limits: Limits,
    waiting: Mutex<Waiting>,
    filled: Notify,
}

/// What may wait in an outbox.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) frames: usize,
    /// Of the frames. A single frame always fits, however large.
    pub(crate) bytes: u64,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Event>,
    /// Frames in `events`, and their size.
    frames: usize,
    bytes: u64,
    /// What was left out since the queue was last emptied, by subscription: all of it before the frames in `events`.
    gaps: Vec<(Key, Gap)>,
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

    /// Adds a frame, and returns how many others had to give way to it.
    pub(crate) fn push_frame(&self, key: Key, camera: &Arc<str>, frame: Bytes) -> u64 {
        let mut waiting = self.lock();
        let size = frame.len() as u64;
        let fits = |waiting: &Waiting| {
            waiting.frames < self.limits.frames
                && (waiting.frames == 0 || waiting.bytes.saturating_add(size) <= self.limits.bytes)
        };
        let mut dropped = 0;
        if !fits(&waiting) {
            dropped += waiting.keep_newest();
        }
        while !fits(&waiting) {
            dropped += waiting.drop_oldest();
        }
        waiting.frames += 1;
        waiting.bytes += size;
        self.push(&mut waiting, Event::Frame(key, Arc::clone(camera), frame));
        dropped
    }

    /// Says that a subscription is in force. There are as many of these as subscriptions, so they always fit: what is about one
    /// that has ended is [forgotten](Self::forget).
    pub(crate) fn push_subscribed(&self, key: Key, start: Start) {
        self.push(&mut self.lock(), Event::Subscribed(key, start));
    }

    /// Says that frames were left out before they came here.
    pub(crate) fn push_gap(&self, key: Key, gap: Gap) {
        let mut waiting = self.lock();
        // One that nobody has taken yet grows instead of being followed by another.
        let told = waiting.events.iter_mut().rev().find_map(|event| match event {
            Event::Gap(of, told) if *of == key && told.reason == gap.reason => Some(told),
            _ => None,
        });
        match told {
            Some(told) => told.join(gap),
            None => self.push(&mut waiting, Event::Gap(key, gap)),
        }
    }

    /// Says where the viewer stands, unless something waits that says more.
    pub(crate) fn push_cursor(&self, key: Key, cursor: &Arc<str>) {
        let mut waiting = self.lock();
        if waiting.events.is_empty() {
            self.push(&mut waiting, Event::Cursor(key, Arc::clone(cursor)));
        }
    }

    fn push(&self, waiting: &mut Waiting, event: Event) {
        waiting.events.push_back(event);
        if waiting.events.len() == 1 {
            self.filled.notify_one();
        }
    }

    /// Drops everything about a subscription that has ended.
    pub(crate) fn forget(&self, key: Key) {
        let mut waiting = self.lock();
        let Waiting {
            events,
            frames,
            bytes,
            gaps,
        } = &mut *waiting;
        events.retain(|event| {
            if let Event::Frame(of, _, frame) = event
                && *of == key
            {
                *frames -= 1;
                *bytes -= frame.len() as u64;
            }
            event.key() != key
        });
        gaps.retain(|(of, _)| *of != key);
    }

    /// Whether the answer to a subscription waits.
    pub(crate) fn has_start(&self, key: Key) -> bool {
        let is_start = |event: &Event| matches!(event, Event::Subscribed(of, _) if *of == key);
        self.lock().events.iter().any(is_start)
    }

    /// Waits until there is something to take; now and then it is wrong about that.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes everything.
    pub(crate) fn take(&self) -> VecDeque<Event> {
        let mut waiting = self.lock();
        let events = mem::take(&mut waiting.events);
        (waiting.frames, waiting.bytes) = (0, 0);
        if waiting.gaps.is_empty() {
            return events;
        }
        with_gaps(events, mem::take(&mut waiting.gaps))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Leaves the newest frame of each camera and drops the others; and if that is still much, the older half.
    fn keep_newest(&mut self) -> u64 {
        let mut newest = HashSet::new();
        let mut dropped = 0;
        let mut kept = VecDeque::with_capacity(self.events.len());
        let before = self.frames;
        for event in mem::take(&mut self.events).into_iter().rev() {
            match event {
                Event::Frame(key, camera, frame) if !newest.insert((key, Arc::clone(&camera))) => {
                    self.leave_out(key, &camera, frame.len());
                    dropped += 1;
                }
                event => kept.push_front(event),
            }
        }
        self.events = kept;
        // Otherwise nearly every frame of many cameras would have to look through the whole queue.
        while self.frames > before / 2 {
            dropped += self.drop_oldest();
        }
        dropped
    }

    fn drop_oldest(&mut self) -> u64 {
        let place = self.events.iter().position(|event| matches!(event, Event::Frame(..)));
        let oldest = place.and_then(|place| self.events.remove(place));
        let Some(Event::Frame(key, camera, frame)) = oldest else {
            return 0;
        };
        self.leave_out(key, &camera, frame.len());
        1
    }

    fn leave_out(&mut self, key: Key, camera: &Arc<str>, size: usize) {
        self.frames -= 1;
        self.bytes -= size as u64;
        let place = self.gaps.iter().position(|(of, _)| *of == key).unwrap_or_else(|| {
            self.gaps.push((key, Gap::new(GapReason::Slow)));
            self.gaps.len() - 1
        });
        self.gaps[place].1.add(camera);
    }
}

/// Puts the gap of each subscription before its first frame.
fn with_gaps(events: VecDeque<Event>, mut gaps: Vec<(Key, Gap)>) -> VecDeque<Event> {
    let mut all = VecDeque::with_capacity(events.len() + gaps.len());
    for event in events {
        if let Event::Frame(key, ..) = &event
            && let Some(place) = gaps.iter().position(|(of, _)| of == key)
        {
            let (key, gap) = gaps.swap_remove(place);
            all.push_back(Event::Gap(key, gap));
        }
        all.push_back(event);
    }
    all.extend(gaps.into_iter().map(|(key, gap)| Event::Gap(key, gap)));
    all
}

impl std::fmt::Debug for Start {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Start")
            .field("recovered", &self.recovered)
            .field("snapshot", &self.snapshot.len())
            .field("missed", &self.missed.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
