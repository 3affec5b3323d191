//! When requests are sent. In a closed loop each connection sends as soon as its answer is there. In an open loop request
//! `n` is due at `n / rate` seconds, whatever happened to the ones before it: a request that cannot start on time because the
//! system is slow counts from when it was due, so that the waiting is not left out of the latencies.
//!
//! A closed loop can also be held back by the database: it then sends only while no more than so many batches wait to be
//! committed. The queue cannot grow, and the rate that comes out is what the whole path sustains.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use crate::ledger::Ledger;

/// The times of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) begin: Instant,
    pub(crate) warmup: Duration,
    /// Of load that is measured.
    pub(crate) duration: Duration,
    /// Requests a second; none in a closed loop.
    pub(crate) rate: Option<f64>,
}

/// Requests that were due just before the end may start this much later; what has not started then is reported as unsent.
const GRACE: Duration = Duration::from_secs(1);

impl Schedule {
    pub(crate) fn measure_from(&self) -> Instant {
        self.begin + self.warmup
    }

    pub(crate) fn end(&self) -> Instant {
        self.measure_from() + self.duration
    }

    pub(crate) fn measures(&self, at: Instant) -> bool {
        self.measure_from() <= at && at < self.end()
    }

    /// When a request of an open loop is due.
    fn due(&self, request: u32, rate: f64) -> Instant {
        self.begin + Duration::from_secs_f64(f64::from(request) / rate)
    }

    /// How many requests of an open loop are due before `at`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of requests; `as` stops at the bounds"
    )]
    fn due_before(&self, at: Instant, rate: f64) -> u32 {
        let elapsed = at.min(self.end()).saturating_duration_since(self.begin);
        (elapsed.as_secs_f64() * rate).ceil() as u32
    }

    /// How many requests an open loop sends in all.
    pub(crate) fn planned(&self) -> Option<u32> {
        self.rate.map(|rate| self.due_before(self.end(), rate))
    }
}

/// A request that is to be sent now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) request: u32,
    /// From when it counts.
    pub(crate) from: Instant,
}

/// Hands out turns to the connections.
#[derive(Debug)]
pub(crate) struct Pace {
    schedule: Schedule,
    due: Semaphore,
    room: Option<Arc<Semaphore>>,
}

impl Pace {
    /// `room` has a permit for each batch that may be sent before one more is committed; whoever sees a commit gives one back.
    pub(crate) fn new(schedule: Schedule, room: Option<Arc<Semaphore>>) -> Self {
        Self {
            schedule,
            due: Semaphore::new(0),
            room,
        }
    }

    pub(crate) fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The next turn, when it is due; none when the run is over.
    pub(crate) async fn turn(&self, ledger: &Ledger) -> Option<Turn> {
        let Some(rate) = self.schedule.rate else {
            if let Some(room) = &self.room {
                let permit = timeout_at(self.schedule.end().into(), room.acquire()).await;
                permit.ok()?.ok()?.forget();
            }
            let from = Instant::now();
            let request = (from < self.schedule.end()).then(|| ledger.take()).flatten()?;
            return Some(Turn { request, from });
        };
        self.due.acquire().await.ok()?.forget();
        if Instant::now() > self.schedule.end() + GRACE {
            return None;
        }
        let request = ledger.take_below(self.schedule.planned()?)?;
        Some(Turn {
            request,
            from: self.schedule.due(request, rate),
        })
    }
}

/// Releases the turns of an open loop on time; runs on a thread of its own, since the sleep of a thread is fine to some
/// 60 µs, where the runtime's timer is coarse to a millisecond. Ends after the last turn.
pub(crate) fn keep_pace(pace: &Arc<Pace>, connections: u32) -> Result<()> {
    let Some((rate, planned)) = pace.schedule.rate.zip(pace.schedule.planned()) else {
        return Ok(());
    };
    let mut released = 0;
    while released < planned {
        std::thread::sleep(
            pace.schedule
                .due(released, rate)
                .saturating_duration_since(Instant::now()),
        );
        let due = pace.schedule.due_before(Instant::now(), rate).min(planned);
        pace.due.add_permits(usize::try_from(due.saturating_sub(released))?);
        released = released.max(due);
    }
    pace.due.add_permits(usize::try_from(connections)?); // each learns that there is nothing left
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: Option<f64>) -> Schedule {
        Schedule {
            begin: Instant::now(),
            warmup: Duration::from_secs(1),
            duration: Duration::from_secs(2),
            rate,
        }
    }

    #[test]
    fn an_open_loop_is_due_at_even_distances() {
        let plan = schedule(Some(1000.0));
        assert_eq!(plan.due(0, 1000.0), plan.begin);
        assert_eq!(plan.due(1500, 1000.0), plan.begin + Duration::from_millis(1500));
        assert_eq!(plan.planned(), Some(3000));
        let after = |millis: u64| plan.due_before(plan.begin + Duration::from_micros(millis * 1000 + 1), 1000.0);
        assert_eq!((after(0), after(1), after(10), after(9999)), (1, 2, 11, 3000));
        for request in [0, 1, 7, 2999] {
            let due = plan.due(request, 1000.0);
            assert!(
                plan.due_before(due + Duration::from_micros(1), 1000.0) > request,
                "released once it is due"
            );
        }
    }

    #[test]
    fn only_what_follows_the_warm_up_is_measured() {
        let plan = schedule(None);
        assert!(!plan.measures(plan.begin));
        assert!(plan.measures(plan.begin + Duration::from_secs(1)));
        assert!(!plan.measures(plan.begin + Duration::from_secs(3)));
        assert_eq!(plan.planned(), None);
    }

    #[tokio::test]
    async fn a_late_request_counts_from_when_it_was_due() {
        let mut plan = schedule(Some(100.0));
        plan.begin -= Duration::from_millis(500);
        let pace = Pace::new(plan, None);
        pace.due.add_permits(3);
        let ledger = Ledger::new(10);
        for expected in 0..3 {
            let turn = pace.turn(&ledger).await.unwrap();
            assert_eq!((turn.request, turn.from), (expected, plan.due(expected, 100.0)));
        }
    }

    #[tokio::test]
    async fn a_closed_loop_waits_for_room() {
        let mut plan = schedule(None);
        (plan.warmup, plan.duration) = (Duration::ZERO, Duration::from_millis(100));
        let room = Arc::new(Semaphore::new(2));
        let (pace, ledger) = (Pace::new(plan, Some(room.clone())), Ledger::new(10));
        assert!(pace.turn(&ledger).await.is_some() && pace.turn(&ledger).await.is_some());
        room.add_permits(1);
        assert_eq!(pace.turn(&ledger).await.map(|turn| turn.request), Some(2));
        assert!(
            pace.turn(&ledger).await.is_none(),
            "the run ends before there is room again"
        );
        assert_eq!(ledger.issued(), 3);
    }

    #[test]
    fn every_turn_is_released() {
        let mut plan = schedule(Some(5000.0));
        (plan.warmup, plan.duration) = (Duration::ZERO, Duration::from_millis(50));
        let pace = Arc::new(Pace::new(plan, None));
        keep_pace(&pace, 4).unwrap();
        assert_eq!(pace.due.available_permits(), 254);
        assert!(plan.begin.elapsed() >= Duration::from_millis(49));
    }
}
