//! Many viewers on few threads. Each is a socket and a few dozen bytes; what it reads is counted on the spot.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use tokio_util::sync::CancellationToken;

use super::account::{Account, in_words};
use super::feed::Feed;
use super::row::{Row, SharedTally, Tally, lock};
use crate::ledger::Ledger;
use crate::plan::Plan;

/// Who watches, and how.
pub(super) struct Audience {
    pub(super) feed: Feed,
    pub(super) plan: Plan,
    pub(super) ledger: Arc<Ledger>,
    pub(super) viewers: u32,
    /// Of them, those that ask for a class only.
    pub(super) filtered: u32,
    pub(super) threads: u32,
    /// Whether viewers come back after a cut, as browsers do, and go on where they were.
    pub(super) come_back: bool,
}

/// What is shared by all threads.
pub(super) struct Shared {
    pub(super) audience: Audience,
    pub(super) open: AtomicU32,
    pub(super) failed: AtomicU32,
    /// Frames that came, or that the server said it left out, over all viewers.
    pub(super) received: AtomicU64,
    pub(super) stop: CancellationToken,
}

/// Viewers that watch.
pub(super) struct Crowd {
    shared: Arc<Shared>,
    rows: Vec<(SharedTally, JoinHandle<Result<()>>)>,
}

impl Crowd {
    /// Opens all sockets, and returns when messages will come on each.
    pub(super) fn open(audience: Audience, within: Duration) -> Result<Self> {
        let (threads, viewers) = (audience.threads, audience.viewers);
        let shared = Arc::new(Shared {
            audience,
            open: AtomicU32::new(0),
            failed: AtomicU32::new(0),
            received: AtomicU64::new(0),
            stop: CancellationToken::new(),
        });
        let mut crowd = Self {
            shared: shared.clone(),
            rows: Vec::new(),
        };
        for thread in 0..threads {
            let places: Vec<_> = (thread..viewers).step_by(threads as usize).collect();
            let tally = Arc::new(Mutex::new(Tally::new(places.len())?));
            let row = Row::new(shared.clone(), tally.clone());
            crowd.rows.push((tally, std::thread::spawn(move || row.run(&places))));
        }
        crowd.await_open(viewers, within)?;
        Ok(crowd)
    }

    fn await_open(&self, viewers: u32, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        while self.shared.open.load(Relaxed) < viewers {
            let (open, failed) = (self.shared.open.load(Relaxed), self.shared.failed.load(Relaxed));
            if failed > 0 || Instant::now() > deadline {
                let rows = self.rows.iter();
                let complaints: Vec<_> = rows.flat_map(|(tally, _)| in_words(&lock(tally).complaints)).collect();
                self.shared.stop.cancel();
                bail!(
                    "of {viewers} sockets {open} are open, {failed} failed: {}",
                    complaints.join("; ")
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Frames that came or were left out, over all viewers.
    pub(super) fn received(&self) -> u64 {
        self.shared.received.load(Relaxed)
    }

    pub(super) fn audience(&self) -> &Audience {
        &self.shared.audience
    }

    /// Frames that every viewer must get, over all of them: those of the batches that were accepted up to now.
    pub(super) fn expected(&self) -> u64 {
        let Audience {
            plan, ledger, viewers, ..
        } = self.audience();
        ledger.accepted() * plan.parts() * u64::from(*viewers)
    }

    /// Ends, and tells what was seen.
    pub(super) fn leave(self) -> Result<(Account, Vec<Tally>)> {
        self.shared.stop.cancel();
        let mut tallies = Vec::new();
        for (tally, thread) in self.rows {
            thread.join().map_err(|_| anyhow!("a thread of viewers panicked"))??;
            let empty = Tally::new(0)?;
            tallies.push(std::mem::replace(&mut *lock(&tally), empty));
        }
        let Audience { plan, ledger, .. } = &self.shared.audience;
        Ok((Account::draw(plan, ledger, &tallies)?, tallies))
    }
}
