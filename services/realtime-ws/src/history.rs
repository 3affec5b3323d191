//! What was shown of a venue lately: enough to give a viewer who comes back what was missed, and to show a new one the latest
//! frame of each camera.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use citytrack_broker::Stamp;
use citytrack_domain::{CameraName, Slug};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    frame::LiveFrame,
    position::Position,
    recent::{BatchKey, key},
};

/// By how much the clocks of two instances may differ, and how long a message may be on its way.
const MARGIN: Duration = Duration::from_secs(5);

/// How much is kept of a venue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryLimits {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
    pub(crate) age: Duration,
}

/// The recent past of one venue.
pub(crate) struct History {
    limits: HistoryLimits,
    kept: VecDeque<(Instant, Arc<LiveFrame>)>,
    bytes: usize,
    /// Batches that came again in another message, and where in it: somebody may have seen them there, at another instance.
    repeats: VecDeque<(Instant, BatchKey, Stamp, u32)>,
    cameras: HashMap<(Slug, CameraName), Camera>,
    epochs: HashMap<u64, Coverage>,
    /// What was shown by this instance.
    position: Position,
    /// Since when nothing can have escaped this instance but what it was told of.
    since: Timestamp,
}

struct Camera {
    name: Arc<str>,
    latest: Option<Arc<LiveFrame>>,
}

/// The messages of an epoch of which everything is kept: without a hole from `first` to `last`.
#[derive(Clone, Copy, Debug)]
struct Coverage {
    first: u64,
    last: u64,
    /// Whether `first` is the first message that came since the venue is taken: nothing was let go yet.
    whole: bool,
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

/// What can be done for a viewer who was away.
pub(crate) enum Resume {
    /// These were missed, in the order in which they are to be shown.
    Missed(Vec<Arc<LiveFrame>>),
    /// The viewer knows of messages that have yet to come here.
    NotYet,
    /// Something may have been missed that is not here.
    Lost,
}

impl History {
    /// An empty history that begins now.
    pub(crate) fn new(limits: HistoryLimits, now: Timestamp) -> Self {
        Self {
            limits,
            kept: VecDeque::new(),
            bytes: 0,
            repeats: VecDeque::new(),
            cameras: HashMap::new(),
            epochs: HashMap::new(),
            position: Position::at(now),
            since: now,
        }
    }

    /// Begins anew after messages may have been lost; what the cameras showed last stays.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        self.kept.clear();
        self.repeats.clear();
        self.bytes = 0;
        self.epochs.clear();
        self.since = now;
    }

    /// Takes note of a message. `AfterHole` has let go of what was kept of its epoch.
    pub(crate) fn arrive(&mut self, stamp: Stamp) -> Arrival {
        let Some(known) = self.epochs.get_mut(&stamp.epoch) else {
            let (first, last) = (stamp.seq, stamp.seq);
            self.epochs.insert(
                stamp.epoch,
                Coverage {
                    first,
                    last,
                    whole: true,
                },
            );
            return Arrival::Next;
        };
        if stamp.seq <= known.last {
            return Arrival::Again;
        }
        let arrival = if stamp.seq == known.last + 1 {
            Arrival::Next
        } else {
            Arrival::AfterHole
        };
        if arrival == Arrival::AfterHole {
            (known.first, known.whole) = (stamp.seq, false);
        }
        known.last = stamp.seq;
        arrival
    }

    /// `node/camera`, always the same copy.
    pub(crate) fn camera(&mut self, node: &Slug, camera: &CameraName) -> Arc<str> {
        let key = (node.clone(), camera.clone());
        let known = self.cameras.entry(key).or_insert_with(|| Camera {
            name: format!("{node}/{camera}").into(),
            latest: None,
        });
        Arc::clone(&known.name)
    }

    /// Keeps a frame that is being shown, and says where its viewers stand then.
    pub(crate) fn keep(&mut self, frame: &Arc<LiveFrame>, now: Instant, clock: Timestamp) {
        self.position.at = clock.as_second();
        self.position.advance(frame.stamp, frame.place, frame.last);
        self.bytes += frame.size();
        self.kept.push_back((now, Arc::clone(frame)));
        self.let_go(now);
        if !frame.backlog {
            self.show_latest(frame);
        }
    }

    /// Notes that a batch that was shown before came again, in a message in which `first` frames were before its own.
    pub(crate) fn repeated(&mut self, batch: BatchKey, stamp: Stamp, first: u32, now: Instant) {
        self.repeats.push_back((now, batch, stamp, first));
        while let Some((since, ..)) = self.repeats.front()
            && (self.repeats.len() > self.limits.frames || now.duration_since(*since) > self.limits.age)
        {
            self.repeats.pop_front();
        }
    }

    /// A message was looked at to its end, also what was not shown of it.
    pub(crate) fn finish(&mut self, stamp: Stamp) {
        self.position.advance(stamp, 0, true);
    }

    /// Lets go of what is too much or too old.
    pub(crate) fn let_go(&mut self, now: Instant) {
        while let Some((kept_at, oldest)) = self.kept.front()
            && (self.kept.len() > self.limits.frames
                || self.bytes > self.limits.bytes
                || now.duration_since(*kept_at) > self.limits.age)
        {
            self.bytes -= oldest.size();
            if let Some(coverage) = self.epochs.get_mut(&oldest.stamp.epoch)
                && coverage.first <= oldest.stamp.seq
            {
                (coverage.first, coverage.whole) = (oldest.stamp.seq + 1, false);
            }
            self.kept.pop_front();
        }
    }

    fn show_latest(&mut self, frame: &Arc<LiveFrame>) {
        let batch = frame.batch();
        let key = (batch.source.node.clone(), frame.frame().camera.clone());
        if let Some(camera) = self.cameras.get_mut(&key) {
            let newer = |latest: &Arc<LiveFrame>| latest.captured_at() <= frame.captured_at();
            if camera.latest.as_ref().is_none_or(newer) {
                camera.latest = Some(Arc::clone(frame));
            }
        }
    }

    /// The latest frame of each camera that was taken after `oldest`.
    pub(crate) fn latest(&self, oldest: Timestamp) -> Vec<Arc<LiveFrame>> {
        let latest = self.cameras.values().filter_map(|camera| camera.latest.as_ref());
        let mut latest: Vec<_> = latest.filter(|frame| frame.captured_at() >= oldest).cloned().collect();
        latest.sort_unstable_by(|one, other| one.camera.cmp(&other.camera));
        latest
    }

    /// What a viewer has seen who was shown everything until now.
    pub(crate) fn position(&self) -> &Position {
        &self.position
    }

    /// What a viewer has missed who stands at `seen`.
    pub(crate) fn missed(&self, seen: &Position) -> Resume {
        let mut behind = false;
        for viewed in seen.epochs() {
            match self.epochs.get(&viewed.epoch) {
                Some(coverage) if coverage.first > viewed.seq + 1 => return Resume::Lost,
                Some(coverage) => behind |= coverage.last < viewed.seq + u64::from(viewed.frames > 0),
                // Nothing of it came since before the viewer left, so nothing of it was missed.
                None => behind |= !seen.is_well_after(self.since, MARGIN),
            }
        }
        let began_unseen = |epoch: &u64, coverage: &Coverage| {
            seen.of(*epoch).is_none()
                && coverage.first != 1
                && !(coverage.whole && seen.is_well_after(self.since, MARGIN))
        };
        if self
            .epochs
            .iter()
            .any(|(epoch, coverage)| began_unseen(epoch, coverage))
        {
            return Resume::Lost;
        }
        if behind {
            return Resume::NotYet;
        }
        let repeats = self.repeats_by_batch();
        let seen_again = |frame: &LiveFrame| {
            let mut places = repeats.get(&key(frame.batch())).into_iter().flatten();
            places.any(|(stamp, first)| seen.includes(*stamp, first + frame.place_in_batch()))
        };
        let unseen = |frame: &&Arc<LiveFrame>| !seen.includes(frame.stamp, frame.place) && !seen_again(frame);
        Resume::Missed(
            self.kept
                .iter()
                .map(|(_, frame)| frame)
                .filter(unseen)
                .cloned()
                .collect(),
        )
    }

    fn repeats_by_batch(&self) -> HashMap<BatchKey, Vec<(Stamp, u32)>> {
        let mut repeats: HashMap<_, Vec<_>> = HashMap::new();
        for (_, batch, stamp, first) in &self.repeats {
            repeats.entry(*batch).or_default().push((*stamp, *first));
        }
        repeats
    }
}

#[cfg(test)]
mod tests;
