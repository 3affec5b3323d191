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
    coverage::{Coverage, Covers},
    frame::LiveFrame,
    position::Position,
    recent::{BatchKey, key},
    venue::Moment,
};

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
    /// With the time when each came, by both clocks.
    kept: VecDeque<(Moment, Arc<LiveFrame>)>,
    bytes: usize,
    /// Batches that came again in another message, and where in it: somebody may have seen them there, at another instance.
    repeats: VecDeque<(Instant, BatchKey, Stamp, u32)>,
    cameras: HashMap<(Slug, CameraName), Camera>,
    pub(crate) coverage: Coverage,
    /// What was shown by this instance.
    position: Position,
}

struct Camera {
    name: Arc<str>,
    latest: Option<Arc<LiveFrame>>,
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
            coverage: Coverage::new(now, limits.age),
            position: Position::at(now),
        }
    }

    /// Begins anew after messages may have been lost; what the cameras showed last stays.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        self.kept.clear();
        self.repeats.clear();
        self.bytes = 0;
        self.coverage.restart(now);
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
    pub(crate) fn keep(&mut self, frame: &Arc<LiveFrame>, at: Moment) {
        // Whichever is earlier: what came before that has certainly been shown.
        self.position.at = at.clock.min(frame.batch().received_at).as_second();
        self.position.advance(frame.stamp, frame.place, frame.last);
        self.bytes += frame.size();
        self.kept.push_back((at, Arc::clone(frame)));
        self.let_go(at.now);
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
    fn let_go(&mut self, now: Instant) {
        while let Some((came, oldest)) = self.kept.front()
            && (self.kept.len() > self.limits.frames
                || self.bytes > self.limits.bytes
                || now.duration_since(came.now) > self.limits.age)
        {
            self.bytes -= oldest.size();
            self.coverage.let_go(oldest.stamp, came.clock);
            self.kept.pop_front();
        }
    }

    /// Lets go of what has become too old, publishers that are gone and cameras that showed nothing since `oldest` among it.
    pub(crate) fn tidy(&mut self, at: Moment, oldest: Timestamp) {
        self.let_go(at.now);
        for epoch in self.coverage.forget_silent(at.clock) {
            self.position.forget(epoch);
        }
        self.cameras.retain(|_, camera| {
            let is_kept = Arc::strong_count(&camera.name) > 1;
            is_kept
                && camera
                    .latest
                    .as_ref()
                    .is_none_or(|latest| latest.captured_at() >= oldest)
        });
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
    pub(crate) fn missed(&mut self, seen: &Position, now: Instant) -> Resume {
        self.let_go(now);
        match self.coverage.covers(seen) {
            Covers::Yes => {}
            Covers::NotYet => return Resume::NotYet,
            Covers::No => return Resume::Lost,
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
