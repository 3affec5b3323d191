//! The account at the end: what should have come to each viewer, what came, what came twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::row::Tally;
use super::viewer::Viewer;
use crate::latency::{Latencies, Summary};
use crate::ledger::{Fate, Ledger};
use crate::plan::Plan;

/// A frame that was sent so long before a cut may have been on its way when it came, one sent so long after the new beginning
/// may have been in the snapshot: it counts as told where the server says that it does not go on where it stopped.
const ABOUT_A_CUT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_millis(500));

/// All viewers together.
#[derive(Debug, Default, Serialize)]
pub(super) struct Account {
    pub(super) accepted: u64,
    /// Frames of accepted batches, times viewers.
    pub(super) expected: u64,
    pub(super) received: u64,
    /// Neither came nor did the server say so.
    pub(super) lost: u64,
    pub(super) viewers_with_losses: u64,
    /// Did not come, but the server said that it left them out, how many or not.
    pub(super) told: u64,
    pub(super) doubled: u64,
    pub(super) strangers: u64,
    pub(super) malformed: u64,
    pub(super) cut_off: u64,
    /// Frames that were due within the measured time and came before the run ended.
    pub(super) measured: u64,
    /// Mean bytes of a frame's message.
    pub(super) message_bytes: f64,
    /// From when a batch was due to be sent until a viewer has read its message.
    pub(super) latency_ms: Summary,
    /// Why connections ended, failed, or were refused something, and how often.
    pub(super) complaints: BTreeMap<String, u64>,
}

impl Account {
    pub(super) fn draw(plan: &Plan, ledger: &Ledger, tallies: &[Tally]) -> Result<Self> {
        let mut account = Self::default();
        let mut latency = Latencies::new()?;
        let sent = accepted(plan, ledger);
        account.accepted = sent.len() as u64;
        let (mut frames, mut bytes) = (0, 0);
        for tally in tallies {
            latency.merge(&tally.latency)?;
            account.strangers += tally.strangers;
            account.malformed += tally.malformed;
            account.measured += tally.measured;
            for (text, count) in &tally.complaints {
                *account.complaints.entry(text.clone()).or_default() += count;
            }
            (frames, bytes) = (frames + tally.frames, bytes + tally.bytes);
            tally
                .viewers
                .iter()
                .for_each(|viewer| account.add(viewer, &sent, ledger));
        }
        account.message_bytes = bytes as f64 / frames.max(1) as f64;
        account.latency_ms = latency.summary();
        Ok(account)
    }

    fn add(&mut self, viewer: &Viewer, sent: &[(u64, Duration)], ledger: &Ledger) {
        let missing: Vec<_> = sent.iter().filter(|(part, _)| !viewer.seen.has(*part)).collect();
        let told = missing
            .iter()
            .filter(|(_, sent)| viewer.was_told(*sent, ledger))
            .count() as u64;
        let missing = missing.len() as u64;
        let told = missing.min(told + viewer.left_out);
        self.expected += sent.len() as u64;
        self.received += sent.len() as u64 - missing;
        self.told += told;
        self.lost += missing - told;
        self.viewers_with_losses += u64::from(missing > told);
        self.doubled += viewer.doubled;
        self.cut_off += viewer.cut_off;
    }
}

/// In words.
pub(super) fn in_words(complaints: &BTreeMap<String, u64>) -> Vec<String> {
    complaints
        .iter()
        .map(|(text, count)| format!("{text} ({count} times)"))
        .collect()
}

/// The frames of accepted batches, and when they were sent.
fn accepted(plan: &Plan, ledger: &Ledger) -> Vec<(u64, Duration)> {
    let entries = (0..ledger.issued()).filter_map(|request| Some((request, ledger.entry(request)?)));
    let accepted = entries.filter(|(_, entry)| entry.fate == Fate::Accepted);
    let frames = |request: u32| {
        let first = u64::from(request) * plan.parts();
        first..first + plan.parts()
    };
    accepted
        .flat_map(|(request, entry)| frames(request).map(move |part| (part, entry.sent)))
        .collect()
}

impl Viewer {
    /// Whether the server said that frames of that time are missing.
    fn was_told(&self, sent: Duration, ledger: &Ledger) -> bool {
        let since = |at: Instant| ledger.since_start(at);
        self.unknown_gaps > 0
            || self.returns.iter().any(|back| match back.subscribed {
                Some((at, recovered)) => {
                    !recovered && since(back.cut) <= sent + ABOUT_A_CUT.0 && sent <= since(at) + ABOUT_A_CUT.1
                }
                None => false,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::super::viewer::Return;
    use super::*;
    use crate::plan::Dialect;

    const SENT_EVERY: Duration = Duration::from_secs(1);
    const FRAMES: u32 = 10;

    /// A frame a second; the last was refused.
    fn run() -> (Plan, Ledger, Instant) {
        let plan = Plan::new(Dialect::Citytrack, "1x1".parse().unwrap(), FRAMES, 0).unwrap();
        let ledger = Ledger::new(FRAMES);
        let begin = Instant::now();
        for request in 0..FRAMES {
            ledger.take();
            ledger.sent(request, begin + SENT_EVERY * request, true);
            ledger.ended(request, request < FRAMES - 1);
        }
        (plan, ledger, begin)
    }

    fn viewer_without(missing: &[u64]) -> Viewer {
        let mut viewer = Viewer::default();
        (0..9).filter(|part| !missing.contains(part)).for_each(|part| {
            viewer.seen.mark(part);
        });
        viewer
    }

    /// Cut off at 5 s, back at 6 s.
    fn back(mut viewer: Viewer, begin: Instant, recovered: bool) -> Viewer {
        viewer.returns.push(Return {
            cut: begin + Duration::from_secs(5),
            attempts: 1,
            subscribed: Some((begin + Duration::from_secs(6), recovered)),
            current: None,
        });
        viewer
    }

    fn lost_and_told(viewer: Viewer) -> (u64, u64) {
        let (plan, ledger, _) = run();
        let mut tally = Tally::new(0).unwrap();
        tally.viewers.push(viewer);
        let account = Account::draw(&plan, &ledger, &[tally]).unwrap();
        assert_eq!(
            (account.accepted, account.expected),
            (9, 9),
            "what was refused need not come"
        );
        assert_eq!(account.received + account.lost + account.told, 9);
        (account.lost, account.told)
    }

    #[test]
    fn silence_is_a_loss_and_a_gap_is_none() {
        assert_eq!(lost_and_told(viewer_without(&[])), (0, 0));
        assert_eq!(lost_and_told(viewer_without(&[3, 4])), (2, 0));
        let mut told = viewer_without(&[3, 4]);
        told.left_out = 1;
        assert_eq!(lost_and_told(told), (1, 1));
        let mut told = viewer_without(&[3, 4]);
        told.unknown_gaps = 1;
        assert_eq!(lost_and_told(told), (0, 2));
    }

    #[test]
    fn who_recovered_has_everything_and_who_did_not_may_miss_what_was_about_the_cut() {
        let begin = run().2;
        assert_eq!(lost_and_told(back(viewer_without(&[5, 6]), begin, true)), (2, 0));
        assert_eq!(lost_and_told(back(viewer_without(&[5, 6]), begin, false)), (0, 2));
        assert_eq!(lost_and_told(back(viewer_without(&[1, 5, 8]), begin, false)), (2, 1));
    }
}
