//! Messages that were handed out and are not acknowledged yet.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// When messages are acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habit {
    /// So many of the newest are left, to come again when this process dies.
    pub(super) leave: usize,
    /// The others are acknowledged together, when there are so many.
    pub(super) lump: usize,
    /// Nothing is left for longer.
    pub(super) longest: Option<Duration>,
}

impl Habit {
    /// All that was handed out, whenever it is settled.
    pub(super) const AT_ONCE: Self = Self {
        leave: 0,
        lump: 1,
        longest: None,
    };
}

/// The messages, the oldest first; `A` is what one is acknowledged by, and with it those before it.
pub(super) struct Held<A> {
    habit: Habit,
    messages: VecDeque<(A, Instant)>,
}

impl<A> Held<A> {
    pub(super) fn new(habit: Habit) -> Self {
        let messages = VecDeque::new();
        Self { habit, messages }
    }

    /// One more was handed out.
    pub(super) fn hold(&mut self, message: A, now: Instant) {
        self.messages.push_back((message, now));
    }

    /// One of them, which is then no longer held.
    pub(super) fn take(&mut self, is_it: impl Fn(&A) -> bool) -> Option<A> {
        let place = self.messages.iter().position(|(message, _)| is_it(message))?;
        self.messages.remove(place).map(|(message, _)| message)
    }

    /// When the oldest must be acknowledged.
    pub(super) fn due(&self) -> Option<Instant> {
        let (_, since) = self.messages.front()?;
        Some(*since + self.habit.longest?)
    }

    /// What to acknowledge now, if it is worth it.
    pub(super) fn release(&mut self, now: Instant) -> Option<A> {
        let Habit { leave, lump, longest } = self.habit;
        let spare = self.messages.len().saturating_sub(leave);
        let overdue = longest.map_or(0, |longest| {
            self.messages.partition_point(|(_, since)| *since + longest <= now)
        });
        if spare < lump && overdue == 0 {
            return None;
        }
        let last = self.messages.drain(..spare.max(overdue)).next_back();
        last.map(|(message, _)| message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_newest_are_left_and_the_others_go_in_lumps() {
        let now = Instant::now();
        let mut held = Held::new(Habit {
            leave: 4,
            lump: 2,
            longest: Some(MINUTE),
        });
        let acknowledged: Vec<_> = (1..=10)
            .filter_map(|message| {
                held.hold(message, now);
                held.release(now)
            })
            .collect();
        assert_eq!(acknowledged, [2, 4, 6]);
        assert_eq!(held.messages.len(), 4);
    }

    #[test]
    fn nothing_is_left_for_too_long() {
        let start = Instant::now();
        let mut held = Held::new(Habit {
            leave: 4,
            lump: 2,
            longest: Some(MINUTE),
        });
        assert_eq!(held.due(), None);
        for message in 1..=3 {
            held.hold(message, start + MINUTE / 4 * message);
        }
        assert_eq!(held.due(), Some(start + MINUTE / 4 * 5));
        assert_eq!(held.release(start + MINUTE), None);
        assert_eq!(held.release(start + MINUTE / 4 * 6), Some(2));
        assert_eq!(held.due(), Some(start + MINUTE / 4 * 7));
        assert_eq!(held.release(start + MINUTE * 2), Some(3));
        assert_eq!((held.due(), held.release(start + MINUTE * 3)), (None, None));
    }

    #[test]
    fn a_late_one_takes_along_what_need_not_be_left() {
        let start = Instant::now();
        let mut held = Held::new(Habit {
            leave: 0,
            lump: 10,
            longest: Some(MINUTE),
        });
        held.hold(1, start);
        held.hold(2, start + MINUTE);
        assert_eq!(held.release(start + MINUTE / 2), None);
        assert_eq!(held.release(start + MINUTE), Some(2));
    }

    #[test]
    fn of_a_work_queue_everything_is_acknowledged_when_it_is_settled() {
        let now = Instant::now();
        let mut held = Held::new(Habit::AT_ONCE);
        for message in 1..=3 {
            held.hold(message, now);
        }
        assert_eq!((held.due(), held.release(now)), (None, Some(3)));
        assert_eq!(held.release(now), None);
    }
}
