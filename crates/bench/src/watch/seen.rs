//! What a subscriber saw, and the account that is drawn up at the end: what should have come, what came, what came twice.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::marks::Marks;
use super::matching::Message;
use crate::latency::Latencies;
use crate::ledger::{Fate, Ledger};
use crate::plan::Plan;

/// What one subscriber saw.
pub(crate) struct Seen {
    /// From sending the batch to reading the message, of batches sent in the measured time.
    pub(crate) latency: Latencies,
    parts: Marks,
    pub(crate) doubled: u64,
    pub(crate) strangers: u64,
    pub(crate) malformed: u64,
    pub(crate) dropped: u64,
    /// When the last new part came, since the ledger's start.
    pub(crate) last: Duration,
    /// The connection ended before the run did.
    pub(crate) cut_off: bool,
}

impl Seen {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            latency: Latencies::new()?,
            parts: Marks::default(),
            doubled: 0,
            strangers: 0,
            malformed: 0,
            dropped: 0,
            last: Duration::ZERO,
            cut_off: false,
        })
    }

    /// Notes a message; says whether it was a part that was not seen before.
    pub(crate) fn note(&mut self, message: Message, at: Instant, plan: &Plan, ledger: &Ledger) -> bool {
        let part = match message {
            Message::Part(part) => part,
            Message::Stranger => return count(&mut self.strangers),
            Message::Malformed => return count(&mut self.malformed),
            Message::Gap(dropped) => {
                self.dropped += dropped;
                return false;
            }
            Message::Other => return false,
        };
        let Some(entry) = plan.request_of(part).and_then(|request| ledger.entry(request)) else {
            return count(&mut self.strangers);
        };
        if !self.parts.mark(part) {
            return count(&mut self.doubled);
        }
        self.last = ledger.since_start(at);
        if entry.measured {
            self.latency.record(self.last.saturating_sub(entry.sent));
        }
        true
    }
}

fn count(counter: &mut u64) -> bool {
    *counter += 1;
    false
}

/// All subscribers together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Parts of accepted batches, times subscribers.
    pub(crate) expected: u64,
    /// Of those, the ones that came.
    pub(crate) received: u64,
    /// Parts of batches that were not accepted: a request that timed out may have been taken in all the same.
    pub(crate) unasked: u64,
    pub(crate) doubled: u64,
    pub(crate) strangers: u64,
    pub(crate) malformed: u64,
    pub(crate) dropped: u64,
    pub(crate) cut_off: u64,
}

impl Account {
    /// Compares what was accepted with what each subscriber saw.
    pub(crate) fn draw(plan: &Plan, ledger: &Ledger, subscribers: &[Seen]) -> Self {
        let mut account = Self::default();
        for seen in subscribers {
            account.doubled += seen.doubled;
            account.strangers += seen.strangers;
            account.malformed += seen.malformed;
            account.dropped += seen.dropped;
            account.cut_off += u64::from(seen.cut_off);
            for request in 0..ledger.issued() {
                let Some(entry) = ledger.entry(request) else { continue };
                let first = u64::from(request) * plan.parts();
                let came = (first..first + plan.parts())
                    .map(|part| u64::from(seen.parts.has(part)))
                    .sum::<u64>();
                if entry.fate == Fate::Accepted {
                    account.expected += plan.parts();
                    account.received += came;
                } else {
                    account.unasked += came;
                }
            }
        }
        account
    }

    /// Parts that did not come, and of which the server did not say that it left them out.
    pub(crate) fn lost(&self) -> u64 {
        (self.expected - self.received).saturating_sub(self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Dialect;

    #[test]
    fn every_loss_and_double_is_found() {
        let plan = Plan::new(Dialect::Citytrack, "4x1".parse().unwrap(), 10, 0).unwrap();
        let ledger = Ledger::new(10);
        let sent = Instant::now();
        for request in 0..3 {
            ledger.take();
            ledger.sent(request, sent, request > 0);
        }
        ledger.ended(0, true);
        ledger.ended(1, true);
        ledger.ended(2, false);
        let (mut whole, mut broken) = (Seen::new().unwrap(), Seen::new().unwrap());
        let at = sent + Duration::from_millis(3);
        for part in 0..8 {
            assert!(whole.note(Message::Part(part), at, &plan, &ledger));
        }
        for message in [
            Message::Part(0),
            Message::Part(0),  // doubled
            Message::Part(7),  // the others of both batches are lost
            Message::Part(8),  // of the refused batch
            Message::Part(12), // of a request that was never sent
            Message::Stranger,
            Message::Malformed,
            Message::Gap(5),
            Message::Other,
        ] {
            broken.note(message, at, &plan, &ledger);
        }
        broken.cut_off = true;
        assert_eq!(
            (whole.latency.summary().count, whole.latency.summary().p50),
            (4, 3.001),
            "only what is measured"
        );
        let account = Account::draw(&plan, &ledger, &[whole, broken]);
        let wanted = Account {
            expected: 16,
            received: 10,
            unasked: 1,
            doubled: 1,
            strangers: 2,
            malformed: 1,
            dropped: 5,
            cut_off: 1,
        };
        assert_eq!((account.lost(), account), (1, wanted));
    }
}
