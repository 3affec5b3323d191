//! The viewers of one thread, and what becomes of each of their messages.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::crowd::Shared;
use super::viewer::{Reader, Return, Told, Viewer};
use super::websocket::Frame;
use super::wire::{After, Scratch, Wire};
use crate::latency::Latencies;

/// Sockets that each thread opens at once: a server takes connections in turn, and nobody shall wait so long that it gives up.
const OPENING: usize = 32;
/// More different ones are not kept.
const DIFFERENT_COMPLAINTS: usize = 50;
/// The longest that a viewer waits before its first attempt to come back, and before any: as the client of our pages does.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What the viewers of a thread saw.
pub(super) struct Tally {
    pub(super) viewers: Vec<Viewer>,
    pub(super) latency: Latencies,
    /// Frames that were due within the measured time, whenever they came.
    pub(super) measured: u64,
    pub(super) frames: u64,
    pub(super) bytes: u64,
    pub(super) strangers: u64,
    pub(super) malformed: u64,
    /// When the last frame came.
    pub(super) last: Option<Instant>,
    /// Why connections ended, failed, or were refused something, and how often.
    pub(super) complaints: BTreeMap<String, u64>,
}

/// Written by the thread, read when it is done.
pub(super) type SharedTally = Arc<Mutex<Tally>>;

/// The viewers of a thread, and what they have in common.
pub(super) struct Row {
    shared: Arc<Shared>,
    tally: SharedTally,
    reader: Reader,
    scratch: Scratch,
    opening: Semaphore,
}

/// Where a lock was poisoned the thread has panicked, and says so when it is joined.
pub(super) fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    pub(super) fn new(viewers: usize) -> Result<Self> {
        Ok(Self {
            viewers: (0..viewers).map(|_| Viewer::default()).collect(),
            latency: Latencies::new()?,
            measured: 0,
            frames: 0,
            bytes: 0,
            strangers: 0,
            malformed: 0,
            last: None,
            complaints: BTreeMap::new(),
        })
    }

    fn complain(&mut self, text: String) {
        if self.complaints.len() < DIFFERENT_COMPLAINTS || self.complaints.contains_key(&text) {
            *self.complaints.entry(text).or_default() += 1;
        }
    }
}

impl Row {
    pub(super) fn new(shared: Arc<Shared>, tally: SharedTally) -> Self {
        Self {
            reader: Reader::new(shared.audience.feed.system, shared.audience.plan),
            shared,
            tally,
            scratch: Scratch::new(),
            opening: Semaphore::new(OPENING),
        }
    }

    /// Runs the viewers until they are told to stop.
    pub(super) fn run(self, places: &[u32]) -> Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let row = Arc::new(self);
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for (seat, place) in places.iter().enumerate() {
                tasks.spawn(row.clone().watch(seat, *place));
            }
            row.shared.stop.cancelled().await; // the sockets close with the tasks
        });
        Ok(())
    }

    /// A viewer's life.
    async fn watch(self: Arc<Self>, seat: usize, place: u32) {
        let audience = &self.shared.audience;
        // Every second one, as long as there are to be some: the filtered and the others take turns.
        let filtered = place % 2 == 1 && place / 2 < audience.filtered || audience.filtered == audience.viewers;
        let mut is_first = true;
        loop {
            let ended = self.once(seat, filtered, is_first).await;
            let was_open = {
                let mut tally = lock(&self.tally);
                tally.complain(
                    ended.map_or_else(|error| format!("{error:#}"), |code| format!("ended with code {code:?}")),
                );
                tally.viewers[seat].was_open
            };
            if !was_open {
                self.shared.failed.fetch_add(1, Relaxed);
            }
            if !was_open || !audience.come_back {
                return;
            }
            is_first = false;
            tokio::time::sleep(wait(self.note_cut(seat))).await;
        }
    }

    /// A connection from its opening to its end, and the code that it ended with. At first they open a few at a time; who comes back
    /// does not ask the others.
    async fn once(&self, seat: usize, filtered: bool, is_first: bool) -> Result<Option<u16>> {
        let mut turn = if is_first {
            Some(self.opening.acquire().await?)
        } else {
            None
        };
        let feed = &self.shared.audience.feed;
        let since = lock(&self.tally).viewers[seat].cursor.clone();
        let mut wire = Wire::open(feed, filtered, since.as_deref()).await?;
        if !feed.confirms() {
            self.opened(&mut lock(&self.tally), seat, Instant::now(), false);
        }
        loop {
            if turn.is_some() && lock(&self.tally).viewers[seat].open.is_some() {
                turn = None;
            }
            let mut at = None;
            let read = wire.read(&self.scratch, |message| {
                self.take(seat, message, *at.get_or_insert_with(Instant::now))
            });
            let ended = match read.await {
                Ok(After::Open) => continue,
                Ok(After::Ended(code)) => Ok(code),
                Err(error) => Err(error),
            };
            lock(&self.tally).viewers[seat].cut_off += 1;
            return ended;
        }
    }

    fn take(&self, seat: usize, message: Frame<'_>, at: Instant) -> Result<()> {
        let tally = &mut *lock(&self.tally);
        let mut result = Ok(());
        self.reader.read(message, |told| match told {
            Told::Part(part) => {
                tally.bytes += message.payload.len() as u64;
                self.part(tally, seat, part, at);
                if self.shared.audience.come_back {
                    result = self
                        .reader
                        .keep_cursor(message.payload, &mut tally.viewers[seat].cursor);
                }
            }
            Told::Subscribed { cursor, recovered } => {
                let viewer = &mut tally.viewers[seat];
                viewer.cursor = cursor.or(viewer.cursor.take());
                self.opened(tally, seat, at, recovered);
            }
            Told::Gap(count) => {
                let viewer = &mut tally.viewers[seat];
                viewer.left_out += count.unwrap_or(0);
                viewer.unknown_gaps += u64::from(count.is_none());
                self.shared.received.fetch_add(count.unwrap_or(0), Relaxed); // will not come
            }
            Told::Refused(error) => result = Err(anyhow!("refused: {error}")),
            Told::Stranger => tally.strangers += 1,
            Told::Malformed => {
                tally.malformed += 1;
                tally.complain(format!("not understood: {}", String::from_utf8_lossy(message.payload)));
            }
            Told::Other => {}
        })?;
        result
    }

    fn part(&self, tally: &mut Tally, seat: usize, part: u64, at: Instant) {
        let Shared { audience, .. } = &*self.shared;
        let Some(entry) = (audience.plan.request_of(part)).and_then(|request| audience.ledger.entry(request)) else {
            tally.strangers += 1;
            return;
        };
        let viewer = &mut tally.viewers[seat];
        if !viewer.seen.mark(part) {
            viewer.doubled += 1;
            return;
        }
        self.shared.received.fetch_add(1, Relaxed);
        tally.frames += 1;
        tally.last = Some(at);
        if entry.measured {
            tally.measured += 1;
            let came = audience.ledger.since_start(at);
            tally.latency.record(came.saturating_sub(entry.sent));
        }
        if let Some(back) = viewer.returns.last_mut().filter(|back| back.current.is_none())
            && let Some((subscribed, _)) = back.subscribed
            && audience.ledger.since_start(subscribed) <= entry.sent
        {
            back.current = Some(at);
        }
    }

    fn opened(&self, tally: &mut Tally, seat: usize, at: Instant, recovered: bool) {
        let viewer = &mut tally.viewers[seat];
        if viewer.open.replace(at).is_some() {
            viewer.unknown_gaps += 1; // the server lost its place, and says so by starting anew
        }
        if !std::mem::replace(&mut viewer.was_open, true) {
            self.shared.open.fetch_add(1, Relaxed);
        }
        if let Some(back) = viewer.returns.last_mut().filter(|back| back.subscribed.is_none()) {
            back.subscribed = Some((at, recovered));
        }
    }

    /// A connection has ended, or could not be made: which attempt comes next.
    fn note_cut(&self, seat: usize) -> u32 {
        let viewer = &mut lock(&self.tally).viewers[seat];
        viewer.open = None;
        match viewer.returns.last_mut().filter(|back| back.subscribed.is_none()) {
            Some(back) => back.attempts += 1,
            None => viewer.returns.push(Return {
                cut: Instant::now(),
                attempts: 1,
                subscribed: None,
                current: None,
            }),
        }
        viewer.returns.last().map_or(1, |back| back.attempts)
    }
}

/// A random part of half a second before the first attempt, of half as much again before each further one.
fn wait(attempt: u32) -> Duration {
    let growth = 1.5_f64.powi(i32::try_from(attempt - 1).unwrap_or(i32::MAX).min(20));
    FIRST_WAIT.mul_f64(growth).min(LONGEST_WAIT).mul_f64(rand::random())
}
