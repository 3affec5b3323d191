//! What `max_rate` asks for: of each camera so many frames a second, the newest ones.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use crate::{frame::LiveFrame, outbox::Gap, protocol::GapReason};

/// How often viewers are told what was left out, at most.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// The longest interval, however small the rate: moments that are too far away cannot be told.
const LONGEST: Duration = Duration::from_hours(24);

/// Lets the frames of each camera pass at most once in an interval. One that comes too early waits for its time, and gives
/// way to a newer one that comes meanwhile.
pub(crate) struct Pace {
    interval: Duration,
    cameras: HashMap<Arc<str>, Camera>,
    /// When the next frame of a camera that waits is due.
    due: BTreeSet<(Instant, Arc<str>)>,
    left_out: Gap,
    told: Instant,
}

struct Camera {
    /// From when on the next frame may pass.
    next: Instant,
    waiting: Option<Arc<LiveFrame>>,
}

impl Pace {
    /// Frames per second of each camera.
    pub(crate) fn new(rate: f64, now: Instant) -> Self {
        Self {
            interval: Duration::try_from_secs_f64(1.0 / rate).map_or(LONGEST, |interval| interval.min(LONGEST)),
            cameras: HashMap::new(),
            due: BTreeSet::new(),
            left_out: Gap::new(GapReason::Rate),
            told: now,
        }
    }

    /// The frame, if it may pass now.
    pub(crate) fn pass(&mut self, frame: &Arc<LiveFrame>, now: Instant) -> Option<Arc<LiveFrame>> {
        let name = &frame.camera;
        let camera = self.cameras.entry(Arc::clone(name)).or_insert(Camera {
            next: now,
            waiting: None,
        });
        if camera.waiting.is_none() && camera.next <= now {
            camera.next = now + self.interval;
            return Some(Arc::clone(frame));
        }
        if camera.waiting.replace(Arc::clone(frame)).is_some() {
            self.left_out.add(name);
        } else {
            self.due.insert((camera.next, Arc::clone(name)));
        }
        None
    }

    /// When something is due: a frame, or what was left out.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let frame = self.due.first().map(|(due, _)| *due);
        let gap = (self.left_out.dropped > 0).then(|| self.told + TOLD_EVERY);
        frame.into_iter().chain(gap).min()
    }

    /// The frames whose time has come.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Arc<LiveFrame>> {
        let mut frames = Vec::new();
        while self.due.first().is_some_and(|(due, _)| *due <= now)
            && let Some((_, name)) = self.due.pop_first()
        {
            let Some(camera) = self.cameras.get_mut(&name) else {
                continue;
            };
            camera.next = now + self.interval;
            frames.extend(camera.waiting.take());
        }
        frames
    }

    /// Every frame that waits, before its time; the next one of its camera waits for as much longer.
    pub(crate) fn flush(&mut self) -> Vec<Arc<LiveFrame>> {
        let mut frames = Vec::new();
        while let Some((_, name)) = self.due.pop_first() {
            let Some(camera) = self.cameras.get_mut(&name) else {
                continue;
            };
            camera.next += self.interval;
            frames.extend(camera.waiting.take());
        }
        frames
    }

    /// What was left out, when it is time to say so.
    pub(crate) fn left_out(&mut self, now: Instant) -> Option<Gap> {
        if self.left_out.dropped == 0 || now < self.told + TOLD_EVERY {
            return None;
        }
        self.told = now;
        Some(std::mem::replace(&mut self.left_out, Gap::new(GapReason::Rate)))
    }
}

#[cfg(test)]
mod tests;
