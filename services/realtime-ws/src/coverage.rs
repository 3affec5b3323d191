//! Of which messages of a venue everything is kept, so that it can be said whether somebody has missed something.

use std::{collections::HashMap, time::Duration};

use citytrack_broker::{Stamp, epoch_start};
use jiff::{SignedDuration, Timestamp};

use crate::position::{Position, Seen};

/// By how much the clocks of two machines may differ, and how long a message may be on its way.
const MARGIN: Duration = Duration::from_secs(5);

/// The messages of each epoch of which everything is kept: from a first one to the last one, without a hole.
pub(crate) struct Coverage {
    /// Since when nothing can have escaped this instance but what it was told of.
    since: Timestamp,
    epochs: HashMap<u64, Epoch>,
    /// Epochs that were silent for longer are forgotten, here and in the cursors.
    silence: Duration,
    /// When the last message of a forgotten epoch came.
    forgotten: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct Epoch {
    first: u64,
    last: u64,
    last_at: Timestamp,
    /// By when all messages before `first` had come; `None` when there are none.
    before_until: Option<Timestamp>,
    /// An epoch of this instance alone: who comes from another one knows the same messages under other numbers.
    own: bool,
}

/// How a message stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Next,
    /// It was here before.
    Again,
    /// Others before it never came.
    AfterHole,
}

/// Whether what is kept is all that somebody may have missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Covers {
    Yes,
    /// The viewer has seen messages that may have yet to come here.
    NotYet,
    No,
}

impl Coverage {
    /// Nothing is kept yet. `age` is how long messages are kept.
    pub(crate) fn new(since: Timestamp, age: Duration) -> Self {
        Self {
            since,
            epochs: HashMap::new(),
            // What is forgotten must not be kept any more.
            silence: age + 2 * MARGIN,
            forgotten: Timestamp::MIN,
        }
    }

    /// Begins anew: anything may have been missed until now.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        self.epochs.clear();
        self.since = now;
    }

    /// A message waited in the queue that came in at `received`: so far back nothing has escaped.
    pub(crate) fn reach_back(&mut self, received: Timestamp) {
        if self.epochs.is_empty() {
            self.since = self.since.min(received);
        }
    }

    /// Takes note of a message. After a hole, what was kept of its epoch before counts no more.
    pub(crate) fn arrive(&mut self, stamp: Stamp, own: bool, now: Timestamp) -> Arrival {
        let Some(known) = self.epochs.get_mut(&stamp.epoch) else {
            return self.begin(stamp, own, now);
        };
        if stamp.seq <= known.last {
            return Arrival::Again;
        }
        let is_next = stamp.seq == known.last + 1;
        if !is_next {
            (known.first, known.before_until) = (stamp.seq, Some(now));
        }
        (known.last, known.last_at) = (stamp.seq, now);
        if is_next { Arrival::Next } else { Arrival::AfterHole }
    }

    fn begin(&mut self, stamp: Stamp, own: bool, now: Timestamp) -> Arrival {
        // One that began while this instance listened should have come from its first message on.
        let is_hole = stamp.seq != 1 && !own && began(stamp.epoch) > later(self.since);
        let before = if is_hole { now } else { self.since.max(self.forgotten) };
        let epoch = Epoch {
            first: stamp.seq,
            last: stamp.seq,
            last_at: now,
            before_until: (stamp.seq != 1).then_some(before),
            own,
        };
        self.epochs.insert(stamp.epoch, epoch);
        if is_hole { Arrival::AfterHole } else { Arrival::Next }
    }

    /// The message is not kept any more, which came at `came`.
    pub(crate) fn let_go(&mut self, stamp: Stamp, came: Timestamp) {
        if let Some(epoch) = self.epochs.get_mut(&stamp.epoch)
            && epoch.first <= stamp.seq
        {
            (epoch.first, epoch.before_until) = (stamp.seq + 1, Some(came));
        }
    }

    /// Forgets the epochs that were silent for long, and returns them: publishers that have connected again since.
    pub(crate) fn forget_silent(&mut self, now: Timestamp) -> Vec<u64> {
        let silence = SignedDuration::try_from(self.silence).unwrap_or(SignedDuration::MAX);
        let is_silent = |epoch: &Epoch| now.duration_since(epoch.last_at) > silence;
        let forgotten: Vec<(u64, Epoch)> = self.epochs.extract_if(|_, epoch| is_silent(epoch)).collect();
        for (_, epoch) in &forgotten {
            self.forgotten = self.forgotten.max(epoch.last_at);
        }
        forgotten.into_iter().map(|(epoch, _)| epoch).collect()
    }

    /// Whether somebody who stands at `seen` can have missed nothing but what is kept.
    pub(crate) fn covers(&self, seen: &Position) -> Covers {
        let mut covers = Covers::Yes;
        for viewed in seen.epochs() {
            match self.joins(viewed, seen) {
                Covers::No => return Covers::No,
                Covers::NotYet => covers = Covers::NotYet,
                Covers::Yes => {}
            }
        }
        let is_whole = |epoch: &Epoch| match epoch.before_until {
            _ if epoch.own => false,
            None => true,
            // The viewer would know it, if anything of it had come shortly before the viewer left.
            Some(until) => seen.is_well_after(until, MARGIN),
        };
        let unseen = self.epochs.iter().filter(|(epoch, _)| seen.of(**epoch).is_none());
        if unseen.into_iter().all(|(_, epoch)| is_whole(epoch)) {
            covers
        } else {
            Covers::No
        }
    }

    /// Whether what is kept of an epoch joins on to what was seen of it.
    fn joins(&self, viewed: Seen, seen: &Position) -> Covers {
        let next = viewed.seq + u64::from(viewed.frames > 0);
        match self.epochs.get(&viewed.epoch) {
            Some(epoch) if epoch.first > viewed.seq + 1 => Covers::No,
            Some(epoch) if epoch.last < next => Covers::NotYet,
            Some(_) => Covers::Yes,
            // It began while this instance listened, so it is on its way here.
            None if later(began(viewed.epoch)) > self.since => Covers::NotYet,
            // Nothing of it came since before the viewer left.
            None if seen.is_well_after(self.since.max(self.forgotten), MARGIN) => Covers::Yes,
            None => Covers::NotYet,
        }
    }
}

fn began(epoch: u64) -> Timestamp {
    let milliseconds = i64::try_from(epoch_start(epoch)).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

fn later(moment: Timestamp) -> Timestamp {
    let margin = SignedDuration::try_from(MARGIN).unwrap_or_default();
    moment.checked_add(margin).unwrap_or(Timestamp::MAX)
}
