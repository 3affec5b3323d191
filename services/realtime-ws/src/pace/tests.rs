use super::*;
use crate::fixtures::{live_frame, stamp};

const MILLISECOND: Duration = Duration::from_millis(1);

/// Two frames a second, and the moment it began.
fn pace() -> (Pace, Instant) {
    let now = Instant::now();
    (Pace::new(2.0, now), now)
}

fn passes(pace: &mut Pace, camera: &str, seq: u64, now: Instant) -> bool {
    pace.pass(&live_frame(camera, stamp(1, seq)), now).is_some()
}

fn seqs(frames: &[Arc<LiveFrame>]) -> Vec<u64> {
    let mut seqs: Vec<u64> = frames.iter().map(|frame| frame.stamp.seq).collect();
    seqs.sort_unstable();
    seqs
}

#[test]
fn of_each_camera_one_frame_passes_in_an_interval() {
    let (mut pace, now) = pace();
    assert!(passes(&mut pace, "a", 1, now));
    assert!(!passes(&mut pace, "a", 2, now + 100 * MILLISECOND));
    assert!(
        passes(&mut pace, "b", 3, now + 100 * MILLISECOND),
        "each camera for itself"
    );
    let (mut pace, now) = self::pace();
    assert!(passes(&mut pace, "a", 1, now));
    assert!(passes(&mut pace, "a", 2, now + 500 * MILLISECOND));
    assert!(!passes(&mut pace, "a", 3, now + 999 * MILLISECOND));
}

#[test]
fn the_newest_frame_waits_and_is_shown_although_none_follows() {
    let (mut pace, now) = pace();
    assert_eq!(pace.next_due(), None);
    for seq in 1..=4 {
        passes(&mut pace, "a", seq, now + 10 * MILLISECOND);
    }
    assert_eq!(pace.next_due(), Some(now + 510 * MILLISECOND));
    assert!(pace.due(now + 509 * MILLISECOND).is_empty());
    assert_eq!(seqs(&pace.due(now + 510 * MILLISECOND)), [4]);
    assert!(pace.due(now + 2_000 * MILLISECOND).is_empty(), "once");
    assert!(
        !passes(&mut pace, "a", 5, now + 900 * MILLISECOND),
        "that one counted, too"
    );
    assert_eq!(seqs(&pace.due(now + 1_010 * MILLISECOND)), [5]);
}

#[test]
fn a_frame_does_not_overtake_one_that_waits() {
    let (mut pace, now) = pace();
    passes(&mut pace, "a", 1, now);
    passes(&mut pace, "a", 2, now);
    let late = now + 600 * MILLISECOND;
    assert!(
        !passes(&mut pace, "a", 3, late),
        "its time has come, but nobody looked after it yet"
    );
    assert_eq!(seqs(&pace.due(late)), [3]);
}

#[test]
fn what_is_left_out_is_told_at_most_once_a_second() {
    let (mut pace, now) = pace();
    for seq in 1..=4 {
        passes(&mut pace, "a", seq, now);
    }
    assert_eq!(pace.left_out(now + 999 * MILLISECOND), None);
    let told = now + 1_000 * MILLISECOND;
    let gap = pace.left_out(told).unwrap();
    assert_eq!((gap.reason, gap.dropped), (GapReason::Rate, 2));
    assert_eq!(
        gap.cameras.iter().map(|camera| &**camera).collect::<Vec<_>>(),
        ["north/a"]
    );
    assert_eq!(pace.left_out(told + 5_000 * MILLISECOND), None, "nothing more was");

    pace.due(told);
    for seq in 5..=7 {
        passes(&mut pace, "a", seq, told);
    }
    assert_eq!(pace.left_out(told + 999 * MILLISECOND), None);
    pace.due(told + 500 * MILLISECOND);
    assert_eq!(pace.next_due(), Some(told + 1_000 * MILLISECOND), "it has to be told");
    assert_eq!(
        pace.left_out(told + 1_000 * MILLISECOND).map(|gap| gap.dropped),
        Some(2)
    );
}

#[test]
fn what_waits_can_be_had_before_its_time() {
    let (mut pace, now) = pace();
    for (camera, seq) in [("a", 1), ("b", 2), ("a", 3), ("b", 4)] {
        passes(&mut pace, camera, seq, now);
    }
    assert_eq!(seqs(&pace.flush()), [3, 4]);
    assert!(pace.flush().is_empty() && pace.due(now + 1_000 * MILLISECOND).is_empty());
    assert_eq!(pace.next_due(), None);
}

#[test]
fn a_rate_may_be_a_fraction() {
    let now = Instant::now();
    let mut pace = Pace::new(0.1, now);
    passes(&mut pace, "a", 1, now);
    passes(&mut pace, "a", 2, now);
    assert_eq!(pace.next_due(), Some(now + Duration::from_secs(10)));
    let mut hardly_ever = Pace::new(f64::MIN_POSITIVE, now);
    assert!(passes(&mut hardly_ever, "a", 1, now));
    assert!(!passes(&mut hardly_ever, "a", 2, now));
}
