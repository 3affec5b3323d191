//! Memory for the pixels of pictures, shared by all that are transformed at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use citytrack_images::{Limits, inspect, memory};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{common::Stopped, settings::TransformingSettings};

/// What is made of a picture takes so many times its bytes: two forms of its size, and the message that they go into.
const FORMS: u64 = 4;
/// A permit is so many bytes.
const MEBIBYTE: u64 = 1 << 20;

/// What there is, and who waits for a part of it.
pub(super) struct Budget {
    permits: Arc<Semaphore>,
    all: u32,
    /// What every picture takes at least, so that there are no more threads than there should be.
    least: u32,
    /// For how long pictures before this one may take at most.
    patience: Duration,
    is_stuck: AtomicBool,
    stop: CancellationToken,
}

impl Budget {
    pub(super) fn new(settings: &TransformingSettings, stop: CancellationToken) -> Self {
        let parallel = u32::from(settings.parallel.get());
        let all = u32::try_from(settings.memory.as_u64() / MEBIBYTE).unwrap_or(u32::MAX);
        let all = all.clamp(parallel, u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Self {
            permits: Arc::new(Semaphore::new(all as usize)),
            all,
            least: all / parallel,
            patience: Duration::from(settings.time_limit) * (u32::from(settings.in_hand()) + 1),
            is_stuck: AtomicBool::new(false),
            stop,
        }
    }

    /// A share for this picture, for as long as it is held. Those that come first are served first.
    ///
    /// When none becomes free although all pictures before this one have exceeded their time, threads hang, and nothing but the end
    /// of the process ends them: then [`Self::is_stuck`].
    pub(super) async fn share(&self, picture: &[u8], limits: Limits) -> Result<OwnedSemaphorePermit, Stopped> {
        // Of one that will be refused nothing is decoded.
        let pixels = inspect(picture, limits).map_or(0, |header| memory(picture, header));
        let needed = pixels + FORMS * picture.len() as u64;
        let needed = u32::try_from(needed.div_ceil(MEBIBYTE)).unwrap_or(u32::MAX);
        let share = Arc::clone(&self.permits).acquire_many_owned(needed.clamp(self.least, self.all));
        match self.stop.run_until_cancelled(timeout(self.patience, share)).await {
            Some(Ok(Ok(share))) => Ok(share),
            Some(Err(_)) => {
                self.is_stuck.store(true, Ordering::Relaxed);
                Err(Stopped)
            }
            // The semaphore is never closed.
            None | Some(Ok(Err(_))) => Err(Stopped),
        }
    }

    /// Whether threads hang.
    pub(super) fn is_stuck(&self) -> bool {
        self.is_stuck.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Sample {
        #[command(flatten)]
        transform: TransformingSettings,
    }

    fn budget(arguments: &[&str]) -> Budget {
        let arguments = ["worker", "--transform-parallel=2", "--transform-memory=100MiB"]
            .iter()
            .chain(arguments);
        Budget::new(&Sample::parse_from(arguments).transform, CancellationToken::new())
    }

    /// The beginning of a PNG of 8 bits, so many pixels wide and high: it takes five and a half bytes for each.
    fn png(side: u32) -> Vec<u8> {
        let side = side.to_be_bytes();
        [
            b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR".as_slice(),
            &side,
            &side,
            &[8, 6, 0, 0, 0],
        ]
        .concat()
    }

    async fn share(budget: &Budget, side: u32) -> Result<OwnedSemaphorePermit, Stopped> {
        budget.share(&png(side), Limits::default()).await
    }

    #[tokio::test]
    async fn what_a_picture_needs_is_its_share_and_never_more_than_there_is() {
        for (side, expected) in [(10, 50), (3000, 50), (4000, 84), (7000, 100)] {
            let share = share(&budget(&[]), side).await.ok().unwrap();
            assert_eq!(share.num_permits(), expected, "{side}");
        }
    }

    #[tokio::test]
    async fn a_large_picture_waits_until_there_is_enough() {
        let budget = budget(&[]);
        let (one, other) = (share(&budget, 10).await, share(&budget, 10).await);
        let large = share(&budget, 4000);
        tokio::pin!(large);
        assert!(futures_util::poll!(&mut large).is_pending());
        drop(one);
        assert!(futures_util::poll!(&mut large).is_pending());
        drop(other);
        assert!(large.await.is_ok());
    }

    #[tokio::test]
    async fn whoever_waits_hears_that_the_process_stops() {
        let budget = budget(&[]);
        let _all = share(&budget, 7000).await;
        let (waiting, ()) = tokio::join!(share(&budget, 10), async { budget.stop.cancel() });
        assert!(waiting.is_err() && !budget.is_stuck());
    }

    #[tokio::test]
    async fn when_threads_hang_the_budget_is_stuck() {
        let budget = budget(&["--transform-time-limit=10ms"]);
        let _all = share(&budget, 7000).await;
        assert!(share(&budget, 10).await.is_err() && budget.is_stuck());
    }
}
