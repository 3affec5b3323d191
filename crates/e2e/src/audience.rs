//! Many viewers at once, each on its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use citytrack_testkit::eventually_within;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};

use crate::{Seen, Sent, Viewer};

/// The longest that a whole audience may need until the last one is where it should be.
const PATIENCE: Duration = Duration::from_secs(25);
/// So many open their sockets at the same time.
const AT_ONCE: usize = 16;

/// Viewers that watch until they are told how much there was to see. Whose socket ends comes back with its cursor.
pub struct Audience {
    viewers: JoinSet<Viewer>,
    /// Frames that each must have seen in the end, when that is known.
    wanted: watch::Sender<Option<usize>>,
    frames: Arc<AtomicUsize>,
    returns: Arc<AtomicUsize>,
}

impl Audience {
    /// So many viewers with this subscription, all of them subscribed.
    pub async fn gather(viewers: usize, address: &str, token: &str, wish: &Value) -> Self {
        let open = |_| async {
            let mut viewer = Viewer::open(address, token).await;
            viewer.subscribe(wish.clone()).await;
            viewer
        };
        let open: Vec<Viewer> = stream::iter(0..viewers)
            .map(open)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut audience = Self {
            viewers: JoinSet::new(),
            wanted: watch::Sender::new(None),
            frames: Arc::default(),
            returns: Arc::default(),
        };
        for (number, viewer) in open.into_iter().enumerate() {
            let seat = Seat {
                viewer,
                // As different as those of browsers, and the same in every run.
                jitter: Duration::from_millis(u64::try_from(number * 61 % 400).unwrap()),
                wanted: audience.wanted.subscribe(),
                frames: Arc::clone(&audience.frames),
                returns: Arc::clone(&audience.returns),
            };
            audience.viewers.spawn(seat.watch());
        }
        audience
    }

    /// Waits until they have seen so many frames more than now, all of them together.
    pub async fn sees_more(&mut self, frames: usize) {
        let seen = Arc::clone(&self.frames);
        let wanted = seen.load(Ordering::Relaxed) + frames;
        self.reaches(&seen, wanted, "frames seen").await;
    }

    /// How often one came back, all of them together.
    pub fn returns(&self) -> usize {
        self.returns.load(Ordering::Relaxed)
    }

    /// Waits until they came back so often, all of them together.
    pub async fn returned(&mut self, times: usize) {
        let returns = Arc::clone(&self.returns);
        self.reaches(&returns, times, "viewers came back").await;
    }

    async fn reaches(&mut self, count: &AtomicUsize, wanted: usize, what: &str) {
        eventually_within(PATIENCE, &format!("{wanted} {what}"), async || {
            // Nobody has left yet: the first whom something has gone wrong with ends the test.
            if let Some(Err(failed)) = self.viewers.try_join_next() {
                std::panic::resume_unwind(failed.into_panic());
            }
            (count.load(Ordering::Relaxed) >= wanted).then_some(())
        })
        .await;
    }

    /// Waits until each has seen as many frames as were sent, and sees that these are all, in order and once.
    pub async fn saw_everything(self, sent: &Sent) -> Vec<Seen> {
        let expected = sent.numbers();
        let wanted = expected.values().map(Vec::len).sum();
        self.wanted.send_replace(Some(wanted));
        let frames = Arc::clone(&self.frames);
        let seats = self.viewers.len();
        let viewers = tokio::time::timeout(PATIENCE, self.viewers.join_all()).await;
        let viewers = viewers.unwrap_or_else(|_| {
            let seen = frames.load(Ordering::Relaxed);
            panic!("{seats} viewers have seen {seen} of {} frames", wanted * seats)
        });
        let seen: Vec<Seen> = viewers.into_iter().map(Viewer::into_seen).collect();
        for seen in &seen {
            assert!(seen.gaps.is_empty(), "{:?}", seen.gaps);
            assert_eq!(seen.frames, expected, "{:?} {:?}", seen.recovered, seen.closed);
        }
        seen
    }
}

/// One viewer of an audience.
struct Seat {
    viewer: Viewer,
    jitter: Duration,
    wanted: watch::Receiver<Option<usize>>,
    frames: Arc<AtomicUsize>,
    returns: Arc<AtomicUsize>,
}

impl Seat {
    async fn watch(mut self) -> Viewer {
        loop {
            let wanted = *self.wanted.borrow_and_update();
            if wanted.is_some_and(|wanted| self.viewer.seen().count() >= wanted) {
                // What comes too often comes before the answer to a ping.
                self.viewer.catches_up().await;
                return self.viewer;
            }
            tokio::select! {
                // The sender lives as long as the audience waits for its viewers.
                _ = self.wanted.changed() => {}
                heard = self.viewer.next() => match heard {
                    Ok((told, _)) => {
                        self.frames.fetch_add(usize::from(told.kind == "frame"), Ordering::Relaxed);
                        assert_ne!(told.kind, "error", "{told:?}");
                    }
                    Err(_) => {
                        self.viewer.come_back(self.jitter).await;
                        self.returns.fetch_add(1, Ordering::Relaxed);
                    }
                },
            }
        }
    }
}
