use citytrack_testkit::{batch, frame, identity};
use jiff::SignedDuration;
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

use super::*;
use crate::coverage::Arrival;
use crate::recent;

const LIMITS: HistoryLimits = HistoryLimits {
    frames: 1_000,
    bytes: usize::MAX,
    age: Duration::from_secs(3_600),
};

fn clock() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn stamp(epoch: u64, seq: u64) -> Stamp {
    Stamp { epoch, seq }
}

/// A history with the clocks that it lives by.
struct Lived {
    history: History,
    now: Instant,
    clock: Timestamp,
}

impl Lived {
    fn new(limits: HistoryLimits) -> Self {
        Self {
            history: History::new(limits, clock()),
            now: Instant::now(),
            clock: clock(),
        }
    }

    fn at(&self) -> Moment {
        let (now, clock) = (self.now, self.clock);
        Moment { now, clock }
    }

    /// A message of so many frames of camera `entrance`.
    fn show(&mut self, stamp: Stamp, frames: u32) -> Arrival {
        self.show_taken_at(stamp, frames, self.clock, false)
    }

    fn show_taken_at(&mut self, stamp: Stamp, frames: u32, captured_at: Timestamp, backlog: bool) -> Arrival {
        let arrival = self.history.coverage.arrive(stamp, false, self.clock);
        if arrival == Arrival::Again {
            return arrival;
        }
        let source = identity("demo", Uuid::nil());
        let taken = (0..frames).map(|_| frame("entrance", captured_at, Vec::new()));
        let batch = Arc::new(batch(&source, self.clock, taken.collect()));
        for place in 0..frames {
            let camera = self.history.camera(&source.node, &batch.frames[0].camera);
            let place = (place, place + 1 == frames);
            let index = place.0 as usize;
            let live = Arc::new(LiveFrame::new(Arc::clone(&batch), index, camera, stamp, place, backlog));
            self.history.keep(&live, self.at());
        }
        self.history.finish(stamp);
        arrival
    }

    fn pass(&mut self, seconds: i64) {
        self.now += Duration::from_secs(seconds.unsigned_abs());
        self.clock += SignedDuration::from_secs(seconds);
    }

    /// What somebody missed who stands at `seen`: message and place.
    fn missed(&mut self, seen: &Position) -> Result<Vec<(u64, u64, u32)>, &'static str> {
        match self.history.missed(seen, self.now) {
            Resume::Missed(frames) => Ok(frames.iter().map(|f| (f.stamp.epoch, f.stamp.seq, f.place)).collect()),
            Resume::NotYet => Err("not yet"),
            Resume::Lost => Err("lost"),
        }
    }
}

#[test]
fn who_comes_back_gets_exactly_what_was_missed() {
    let mut here = Lived::new(LIMITS);
    here.show(stamp(7, 40), 2);
    let seen = here.history.position().clone();
    assert_eq!(here.missed(&seen), Ok(vec![]));
    here.show(stamp(7, 41), 1);
    here.show(stamp(9, 1), 2);
    assert_eq!(here.missed(&seen), Ok(vec![(7, 41, 0), (9, 1, 0), (9, 1, 1)]));
}

#[test]
fn a_message_may_have_been_seen_in_part() {
    let mut here = Lived::new(LIMITS);
    here.show(stamp(7, 1), 1);
    let mut seen = here.history.position().clone();
    seen.advance(stamp(7, 2), 0, false);
    assert_eq!(
        here.missed(&seen),
        Err("not yet"),
        "the viewer has seen more than came here"
    );
    here.show(stamp(7, 2), 3);
    assert_eq!(here.missed(&seen), Ok(vec![(7, 2, 1), (7, 2, 2)]));
}

#[test]
fn what_was_let_go_is_lost() {
    let mut here = Lived::new(HistoryLimits { frames: 2, ..LIMITS });
    here.show(stamp(7, 1), 1);
    let seen = here.history.position().clone();
    here.show(stamp(7, 2), 1);
    here.show(stamp(7, 3), 1);
    assert_eq!(here.missed(&seen), Ok(vec![(7, 2, 0), (7, 3, 0)]));
    here.show(stamp(7, 4), 1);
    assert_eq!(here.missed(&seen), Err("lost"));
}

#[test]
fn age_and_size_are_bounded_too() {
    let mut here = Lived::new(HistoryLimits {
        age: Duration::from_secs(60),
        ..LIMITS
    });
    here.show(stamp(7, 1), 1);
    let seen = Position::clone(here.history.position());
    here.show(stamp(7, 2), 1);
    here.pass(61);
    here.show(stamp(7, 3), 1);
    assert_eq!(here.missed(&seen), Err("lost"));
    assert_eq!(here.history.kept.len(), 1);

    let mut here = Lived::new(HistoryLimits { bytes: 4_000, ..LIMITS });
    for seq in 1..100 {
        here.show(stamp(7, seq), 1);
    }
    assert!(here.history.bytes <= 4_000 && here.history.kept.len() < 99);
}

#[test]
fn a_hole_is_noticed_and_a_repeated_message_too() {
    let mut here = Lived::new(LIMITS);
    assert_eq!(
        here.show(stamp(7, 5), 1),
        Arrival::Next,
        "the first that comes is no hole"
    );
    let seen = here.history.position().clone();
    assert_eq!(here.show(stamp(7, 7), 1), Arrival::AfterHole);
    assert_eq!(
        here.show(stamp(7, 6), 1),
        Arrival::Again,
        "too late: it would be out of order"
    );
    assert_eq!(here.show(stamp(7, 8), 1), Arrival::Next);
    assert_eq!(here.missed(&seen), Err("lost"));
}

#[test]
fn an_epoch_that_this_instance_never_saw_says_nothing_about_what_was_missed() {
    let mut elsewhere = Position::at(clock() + SignedDuration::from_secs(3));
    elsewhere.advance(stamp(7, 30), 0, true);
    let mut here = Lived::new(LIMITS);
    assert_eq!(
        here.missed(&elsewhere),
        Err("not yet"),
        "it may have sent more before this instance listened"
    );
    let mut later = Position::at(clock() + SignedDuration::from_secs(6));
    later.advance(stamp(7, 30), 0, true);
    assert_eq!(here.missed(&later), Ok(vec![]), "it would have been heard");
}

#[test]
fn an_epoch_that_the_viewer_never_saw_must_be_here_from_its_beginning() {
    let seen = Position::at(clock() + SignedDuration::from_secs(3));
    let mut here = Lived::new(LIMITS);
    here.show(stamp(7, 1), 1);
    assert_eq!(here.missed(&seen), Ok(vec![(7, 1, 0)]));
    here.show(stamp(9, 4), 1);
    assert_eq!(
        here.missed(&seen),
        Err("lost"),
        "messages 1 to 3 may have come after the viewer left"
    );
    let later = Position::at(clock() + SignedDuration::from_secs(6));
    let missed = here.missed(&later);
    assert_eq!(
        missed,
        Ok(vec![(7, 1, 0), (9, 4, 0)]),
        "they came before this instance listened, so before the viewer left"
    );
}

/// An epoch that began at this time.
fn epoch_of(start: Timestamp) -> u64 {
    start.as_millisecond().unsigned_abs() << 20
}

#[test]
fn a_publisher_that_connected_while_this_instance_listened_is_waited_for() {
    let mut here = Lived::new(LIMITS);
    here.pass(60);
    let epoch = epoch_of(here.clock);
    here.pass(60);
    let mut elsewhere = Position::at(here.clock);
    elsewhere.advance(stamp(epoch, 50), 0, true);
    assert_eq!(
        here.missed(&elsewhere),
        Err("not yet"),
        "its messages are on their way here"
    );
    assert_eq!(
        here.show(stamp(epoch, 3), 1),
        Arrival::AfterHole,
        "and should begin with the first"
    );
}

#[test]
fn publishers_that_are_gone_are_forgotten() {
    let mut here = Lived::new(HistoryLimits {
        age: Duration::from_secs(60),
        ..LIMITS
    });
    here.show(stamp(7, 3), 1);
    let long_ago = here.history.position().clone();
    here.pass(30);
    here.show(stamp(9, 1), 1);
    let with_both = here.history.position().clone();
    here.pass(50);
    here.show(stamp(9, 2), 1);
    here.history.tidy(here.at(), Timestamp::MIN);
    let now = here.history.position().clone();
    assert!(now.of(7).is_none() && now.of(9).is_some());
    assert_eq!(here.missed(&now), Ok(vec![]), "the cursor does without it");
    assert_eq!(
        here.missed(&with_both),
        Ok(vec![(9, 2, 0)]),
        "and one that has it is as good"
    );
    assert_eq!(
        here.missed(&long_ago),
        Err("not yet"),
        "it may have sent more just after that"
    );
    let mut unseen = Position::at(clock() - SignedDuration::from_secs(10));
    unseen.advance(stamp(9, 1), 0, true);
    assert_eq!(here.missed(&unseen), Ok(vec![(9, 2, 0)]));
}

#[test]
fn what_was_let_go_long_before_the_viewer_left_was_not_missed() {
    let mut here = Lived::new(HistoryLimits { frames: 1, ..LIMITS });
    here.show(stamp(7, 1), 1);
    here.pass(1);
    here.show(stamp(9, 1), 1);
    let mut seen = Position::at(here.clock);
    seen.advance(stamp(9, 1), 0, true);
    assert_eq!(
        here.missed(&seen),
        Err("lost"),
        "it may have come after the viewer left"
    );
    seen.at += 10;
    assert_eq!(here.missed(&seen), Ok(vec![]));
}

#[test]
fn numbers_of_its_own_mean_nothing_elsewhere() {
    let mut here = Lived::new(LIMITS);
    here.history.coverage.arrive(stamp(7, 1), true, here.clock);
    let seen = Position::at(here.clock + SignedDuration::from_mins(10));
    assert_eq!(here.missed(&seen), Err("lost"));
}

#[test]
fn what_waited_in_the_queue_shows_since_when_nothing_escaped() {
    let mut here = Lived::new(LIMITS);
    let mut seen = Position::at(here.clock);
    seen.advance(stamp(5, 8), 0, true);
    assert_eq!(here.missed(&seen), Err("not yet"));
    here.history
        .coverage
        .reach_back(here.clock - SignedDuration::from_secs(10));
    here.show(stamp(7, 1), 1);
    assert_eq!(here.missed(&seen), Ok(vec![(7, 1, 0)]));
}

#[test]
fn after_a_restart_nothing_older_counts() {
    let mut here = Lived::new(LIMITS);
    here.show(stamp(7, 1), 1);
    let seen = here.history.position().clone();
    here.history.restart(here.clock);
    here.show(stamp(7, 2), 1);
    assert_eq!(
        here.missed(&seen),
        Ok(vec![(7, 2, 0)]),
        "the numbers prove that nothing is missing"
    );
    here.show(stamp(7, 3), 1);
    here.history.restart(here.clock);
    here.show(stamp(7, 5), 1);
    assert_eq!(here.missed(&seen), Err("lost"));
}

#[test]
fn old_news_is_never_the_latest() {
    let mut here = Lived::new(LIMITS);
    let long_ago = here.clock - SignedDuration::from_mins(10);
    here.show_taken_at(stamp(7, 1), 1, long_ago, true);
    assert!(here.history.latest(Timestamp::MIN).is_empty());
    here.show(stamp(7, 2), 1);
    here.show_taken_at(stamp(7, 3), 1, here.clock - SignedDuration::from_secs(1), false);
    let latest = here.history.latest(Timestamp::MIN);
    assert_eq!(
        latest.iter().map(|frame| frame.stamp.seq).collect::<Vec<_>>(),
        [2],
        "the order of taking counts"
    );
    assert!(
        here.history
            .latest(here.clock + SignedDuration::from_secs(1))
            .is_empty(),
        "too old by now"
    );
}

#[test]
fn who_saw_a_batch_in_another_message_does_not_see_it_again() {
    // One publisher gave it the number 9-3, another 7-12: this instance showed the first and took the second for a repeat.
    let mut here = Lived::new(LIMITS);
    here.show(stamp(7, 11), 1);
    here.show(stamp(9, 2), 1);
    let mut elsewhere = here.history.position().clone();
    here.show(stamp(9, 3), 2);
    let batch = recent::key(here.history.kept.back().unwrap().1.batch());
    here.history.coverage.arrive(stamp(7, 12), false, here.clock);
    here.history.repeated(batch, stamp(7, 12), 4, here.now);
    here.history.finish(stamp(7, 12));
    // Before it were four others in that message.
    elsewhere.advance(stamp(7, 12), 4, false);
    assert_eq!(here.missed(&elsewhere), Ok(vec![(9, 3, 1)]));
    elsewhere.advance(stamp(7, 12), 5, true);
    assert_eq!(here.missed(&elsewhere), Ok(vec![]));
}

proptest! {
    /// Two instances get the messages of three publishers, each in the publisher's order, interleaved differently. Whenever a
    /// viewer leaves one, the other has exactly the rest for it.
    #[test]
    fn any_instance_goes_on_where_another_left_off(
        first in vec((0..3u64, 1..4u32), 1..40),
        order in vec(any::<prop::sample::Index>(), 40),
        cut in any::<prop::sample::Index>(),
        away in any::<bool>(),
    ) {
        let mut counts = HashMap::new();
        let messages: Vec<(Stamp, u32)> = first.iter().map(|(epoch, frames)| {
            let count: &mut u64 = counts.entry(*epoch).or_default();
            *count += 1;
            (stamp(*epoch, *count), *frames)
        }).collect();
        let mut one = Lived::new(LIMITS);
        let shown: Vec<(Stamp, u32, bool)> = messages.iter().flat_map(|(stamp, frames)| {
            (0..*frames).map(|place| (*stamp, place, place + 1 == *frames))
        }).collect();
        let seen_count = cut.index(shown.len() + 1);
        let mut seen = Position::at(one.clock);
        for (stamp, place, last) in &shown[..seen_count] {
            seen.advance(*stamp, *place, *last);
        }
        for (stamp, frames) in &messages {
            one.show(*stamp, *frames);
        }
        // The other instance: a random interleaving that keeps each publisher's order.
        let mut queues: Vec<Vec<(Stamp, u32)>> = (0..3)
            .map(|epoch| messages.iter().filter(|(stamp, _)| stamp.epoch == epoch).rev().copied().collect())
            .collect();
        let mut other = Lived::new(LIMITS);
        if away {
            other.pass(1);
        }
        for choice in order {
            let waiting: Vec<usize> = (0..3).filter(|epoch| !queues[*epoch].is_empty()).collect();
            let Some(epoch) = (!waiting.is_empty()).then(|| waiting[choice.index(waiting.len())]) else { break };
            let (stamp, frames) = queues[epoch].pop().unwrap();
            other.show(stamp, frames);
        }
        let mut rest: Vec<_> = shown[seen_count..].iter().map(|(stamp, place, _)| (stamp.epoch, stamp.seq, *place)).collect();
        prop_assert_eq!(one.missed(&seen), Ok(rest.clone()));
        let mut missed = other.missed(&seen).unwrap();
        missed.sort_unstable();
        rest.sort_unstable();
        prop_assert_eq!(missed, rest);
    }
}
