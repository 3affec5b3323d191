//! One venue that is taken from the broker: its recent past, and who watches it.

use std::{collections::HashMap, mem, sync::Arc, time::Duration};

use citytrack_broker::Stamp;
use citytrack_domain::{Batch, Slug};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::{
    coverage::Arrival,
    encode,
    frame::LiveFrame,
    group::{Group, Show},
    history::{History, HistoryLimits, Resume},
    metrics::{BatchOutcome, LiveMetrics},
    outbox::{Gap, Start},
    position::Position,
    protocol::GapReason,
    recent::{RecentBatches, key},
    subscription::{Subscription, Wish},
    wire::Compressor,
};

/// How often cursors are told while as much time passes as the history goes back.
const CURSORS_PER_HISTORY: u32 = 4;

/// What is kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VenueSettings {
    pub(crate) history: HistoryLimits,
    /// A frame that came in later than this after it was taken is backlog.
    pub(crate) backlog_after: Duration,
    /// An older frame is not shown as the latest of its camera.
    pub(crate) snapshot_age: Duration,
    /// How long a viewer who has seen more than this instance waits for it to catch up.
    pub(crate) resume_timeout: Duration,
}

/// What all venues share.
pub(crate) struct Shared {
    pub(crate) settings: VenueSettings,
    /// Batches that are remembered of each venue.
    pub(crate) remembered: usize,
    pub(crate) compressor: Compressor,
    pub(crate) metrics: LiveMetrics,
}

/// The moment at which something happens, by both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Instant,
    pub(crate) clock: Timestamp,
}

/// A venue.
pub(crate) struct Venue {
    name: Slug,
    after_cursor: String,
    history: History,
    groups: HashMap<Wish, Group>,
    /// Viewers who have seen more than this instance, and until when they wait.
    resuming: Vec<(Instant, Arc<Subscription>)>,
    watching: u64,
    /// When those who were shown nothing are told their cursor, and where everybody stood the last time.
    cursor_due: Instant,
    told: Position,
    /// What was shown, so that it is shown once.
    recent: RecentBatches,
    /// The number of the last message that came without one, from publishers that are older than the numbers.
    unnumbered: Stamp,
}

impl Venue {
    /// A venue of which nothing has escaped us since `since`.
    pub(crate) fn new(name: Slug, settings: &VenueSettings, remembered: usize, since: Timestamp) -> Self {
        Self {
            cursor_due: Instant::now() + between_cursors(settings),
            told: Position::at(since),
            after_cursor: encode::after_cursor(name.as_str()),
            history: History::new(settings.history, since),
            groups: HashMap::new(),
            resuming: Vec::new(),
            watching: 0,
            recent: RecentBatches::new(remembered),
            unnumbered: Stamp {
                epoch: u64::from(rand::random::<u32>()),
                seq: 0,
            },
            name,
        }
    }

    /// Subscriptions in force, and those that wait to be.
    pub(crate) fn watching(&self) -> u64 {
        self.watching
    }

    /// Puts a subscription in force: from now on it gets every frame, after those that its viewer missed.
    pub(crate) fn add(&mut self, subscription: Arc<Subscription>, shared: &mut Shared, at: Moment) {
        self.watching += 1;
        let deadline = at.now + shared.settings.resume_timeout;
        self.admit(subscription, deadline, shared, at);
    }

    fn admit(&mut self, subscription: Arc<Subscription>, deadline: Instant, shared: &mut Shared, at: Moment) {
        let start = match subscription
            .since
            .as_ref()
            .map(|since| (since, self.history.missed(since, at.now)))
        {
            Some((_, Resume::NotYet)) if at.now < deadline => {
                self.resuming.push((deadline, subscription));
                return;
            }
            Some((since, Resume::Missed(missed))) if subscription.wish.max_rate.is_none() => Start {
                position: Arc::new(since.clone()),
                recovered: true,
                snapshot: Vec::new(),
                missed,
            },
            Some((_, Resume::Missed(missed))) => {
                self.start_paced(&subscription, &missed, shared, at);
                return;
            }
            Some((_, Resume::NotYet | Resume::Lost)) | None => self.anew(false, shared, at),
        };
        shared.metrics.started(subscription.since.is_some(), start.recovered);
        subscription.outbox.push_subscribed(subscription.key, start);
        self.join(subscription, shared, at);
    }

    /// Who asked for fewer frames gets the newest of those that were missed, and is told of the others.
    fn start_paced(
        &mut self,
        subscription: &Arc<Subscription>,
        missed: &[Arc<LiveFrame>],
        shared: &mut Shared,
        at: Moment,
    ) {
        let start = self.anew(true, shared, at);
        let mut gap = Gap::new(GapReason::Rate);
        for frame in missed {
            let is_shown = start.snapshot.iter().any(|shown| Arc::ptr_eq(shown, frame));
            if !is_shown && subscription.wish.view(frame).is_some() {
                gap.add(&frame.camera);
            }
        }
        shared.metrics.started(true, true);
        subscription.outbox.push_subscribed(subscription.key, start);
        if gap.dropped > 0 {
            subscription.outbox.push_gap(subscription.key, gap);
        }
        self.join(Arc::clone(subscription), shared, at);
    }

    fn anew(&self, recovered: bool, shared: &Shared, at: Moment) -> Start {
        Start {
            position: Arc::new(self.history.position().clone()),
            recovered,
            snapshot: self.history.latest(oldest(shared, at)),
            missed: Vec::new(),
        }
    }

    fn join(&mut self, subscription: Arc<Subscription>, shared: &mut Shared, at: Moment) {
        let cursor = self.history.position().cursor(&self.name);
        let wish = subscription.wish.clone();
        let group = self
            .groups
            .entry(wish.clone())
            .or_insert_with(|| Group::new(&wish, at.now));
        group.flush(&wish, &mut show(&cursor, &self.after_cursor, shared));
        group.add(subscription);
    }

    /// Forgets a subscription; nothing happens when it is not here.
    pub(crate) fn remove(&mut self, subscription: &Subscription) {
        let before = self.resuming.len();
        self.resuming.retain(|(_, waiting)| waiting.key != subscription.key);
        let mut left = self.resuming.len() < before;
        if let Some(group) = self.groups.get_mut(&subscription.wish) {
            left |= group.remove(subscription);
            if group.is_empty() {
                self.groups.remove(&subscription.wish);
            }
        }
        self.watching -= u64::from(left);
    }

    /// The next message waited in the queue; it came in at `received`.
    pub(crate) fn reach_back(&mut self, received: Timestamp) {
        self.history.coverage.reach_back(received);
    }

    /// Shows a message to everybody who wants it, as far as that was not done before.
    pub(crate) fn show(&mut self, stamp: Option<Stamp>, batches: Vec<Batch>, shared: &mut Shared, at: Moment) {
        let own = stamp.is_none();
        let stamp = stamp.unwrap_or_else(|| self.number());
        match self.history.coverage.arrive(stamp, own, at.clock) {
            Arrival::Next => {}
            Arrival::Again => return,
            Arrival::AfterHole => self.tell_of_hole(shared),
        }
        let frames: usize = batches.iter().map(|batch| batch.frames.len()).sum();
        let mut place = 0;
        for batch in batches {
            let first = place;
            place += batch.frames.len();
            if self.recent.is_new(key(&batch)) {
                let age = at.clock.duration_since(batch.received_at).as_secs_f64();
                self.show_batch(stamp, batch, (first, frames), shared, at);
                shared.metrics.batch(BatchOutcome::Shown);
                shared.metrics.age.observe(age.max(0.0));
            } else {
                let first = u32::try_from(first).unwrap_or(u32::MAX);
                self.history.repeated(key(&batch), stamp, first, at.now);
                shared.metrics.batch(BatchOutcome::Repeated);
            }
        }
        self.history.finish(stamp);
        self.retry(shared, at);
    }

    fn number(&mut self) -> Stamp {
        self.unnumbered.seq += 1;
        self.unnumbered
    }

    fn show_batch(
        &mut self,
        stamp: Stamp,
        batch: Batch,
        (first, all): (usize, usize),
        shared: &mut Shared,
        at: Moment,
    ) {
        let batch = Arc::new(batch);
        let backlog_after = SignedDuration::try_from(shared.settings.backlog_after).unwrap_or(SignedDuration::MAX);
        for (index, frame) in batch.frames.iter().enumerate() {
            let camera = self.history.camera(&batch.source.node, &frame.camera);
            let place = u32::try_from(first + index).unwrap_or(u32::MAX);
            let last = first + index + 1 == all;
            let backlog = batch.received_at.duration_since(frame.captured_at) > backlog_after;
            let live = Arc::new(LiveFrame::new(
                Arc::clone(&batch),
                index,
                camera,
                stamp,
                (place, last),
                backlog,
            ));
            self.history.keep(&live, at);
            if self.groups.is_empty() {
                continue;
            }
            let cursor = self.history.position().cursor(&self.name);
            let mut show = show(&cursor, &self.after_cursor, shared);
            for (wish, group) in &mut self.groups {
                group.offer(wish, &live, &mut show, at.now);
            }
        }
    }

    fn tell_of_hole(&self, shared: &Shared) {
        shared.metrics.holes.inc();
        let gap = Gap::new(GapReason::Overload);
        self.groups.values().for_each(|group| group.tell(&gap));
    }

    /// Messages may have been lost, nobody knows which: everybody starts anew.
    pub(crate) fn restart(&mut self, shared: &mut Shared, at: Moment) {
        let cursor = self.history.position().cursor(&self.name);
        let mut show = show(&cursor, &self.after_cursor, shared);
        for (wish, group) in &mut self.groups {
            group.flush(wish, &mut show);
        }
        self.history.restart(at.clock);
        let start = self.anew(false, shared, at);
        for member in self.groups.values().flat_map(Group::members) {
            member.outbox.push_subscribed(member.key, start.clone());
        }
    }

    /// When something is due here.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let paced = self.groups.values().filter_map(Group::next_due);
        let cursor = (!self.groups.is_empty()).then_some(self.cursor_due);
        let resuming = self.resuming.iter().map(|(deadline, _)| *deadline);
        paced.chain(resuming).chain(cursor).min()
    }

    /// Does what time has brought.
    pub(crate) fn tick(&mut self, shared: &mut Shared, at: Moment) {
        let cursor = self.history.position().cursor(&self.name);
        let mut show = show(&cursor, &self.after_cursor, shared);
        for (wish, group) in &mut self.groups {
            group.tick(wish, &mut show, at.now);
        }
        if at.now >= self.cursor_due {
            self.cursor_due = at.now + between_cursors(&shared.settings);
            self.history.tidy(at, oldest(shared, at));
            self.tell_cursor(&cursor.into());
        }
        self.retry(shared, at);
    }

    /// Whose filter lets nothing through would come back with a cursor that is older than the history.
    fn tell_cursor(&mut self, cursor: &Arc<str>) {
        if self.told != *self.history.position() {
            self.told = self.history.position().clone();
            for group in self.groups.values_mut() {
                group.tell_cursor(cursor);
            }
        }
    }

    /// Admits those who waited for this instance to catch up, if it did or they waited for too long.
    fn retry(&mut self, shared: &mut Shared, at: Moment) {
        for (deadline, subscription) in mem::take(&mut self.resuming) {
            self.admit(subscription, deadline, shared, at);
        }
    }
}

fn show<'a>(cursor: &'a str, after_cursor: &'a str, shared: &'a mut Shared) -> Show<'a> {
    Show {
        cursor,
        after_cursor,
        compressor: &mut shared.compressor,
        metrics: &shared.metrics,
    }
}

fn between_cursors(settings: &VenueSettings) -> Duration {
    (settings.history.age / CURSORS_PER_HISTORY).max(Duration::from_secs(1))
}

/// What was taken before is not shown as the latest frame of a camera.
fn oldest(shared: &Shared, at: Moment) -> Timestamp {
    let age = SignedDuration::try_from(shared.settings.snapshot_age).unwrap_or(SignedDuration::MAX);
    at.clock.checked_sub(age).unwrap_or(Timestamp::MIN)
}
