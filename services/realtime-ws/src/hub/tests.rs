use std::time::Duration;

use citytrack_testkit::person;
use jiff::SignedDuration;

use super::*;
use crate::{
    fixtures::{
        SETTINGS, after, clock, data, emptied, everything, metrics, moment, outbox, slug, stamp, subscription, taken,
    },
    outbox::{Event, Outbox},
    position::Position,
    subscription::{Form, Wish},
};

/// A hub that takes `demo`, and the time it lives in.
struct Stage {
    hub: Hub,
    at: Moment,
}

impl Stage {
    fn new() -> Self {
        let mut hub = Hub::new(100, SETTINGS, metrics());
        hub.open(&slug("demo"), clock());
        Self { hub, at: moment() }
    }

    fn add(&mut self, subscription: Subscription) -> Arc<Subscription> {
        let subscription = Arc::new(subscription);
        self.hub.add(Arc::clone(&subscription), self.at);
        subscription
    }

    /// A message of the epoch 7 with a frame of each camera.
    fn show(&mut self, seq: u64, cameras: &[&str]) {
        let batch = taken(cameras, self.at.clock);
        self.hub.show(&slug("demo"), Some(stamp(7, seq)), vec![batch], self.at);
    }

    fn pass(&mut self, time: Duration) {
        self.at = after(self.at, time);
        if self.hub.next_due().is_some_and(|due| due <= self.at.now) {
            self.hub.tick(self.at);
        }
    }

    fn encoded(&self) -> u64 {
        self.hub.shared.metrics.encoded.get()
    }
}

fn filtered(cameras: &[&str], classes: &[&str]) -> Wish {
    Wish {
        filter: crate::filter::tests::filter(cameras, classes).unwrap(),
        ..everything()
    }
}

fn rated(rate: f64) -> Wish {
    Wish {
        max_rate: Some(rate),
        ..everything()
    }
}

/// Where somebody stands who has seen the messages of the epoch 7 up to this one.
fn seen(seq: u64) -> Position {
    let mut position = Position::at(clock());
    position.advance(stamp(7, seq), 0, true);
    position
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_frame_is_encoded_once_for_all_who_want_the_same() {
    let mut stage = Stage::new();
    let outbox = outbox(100);
    for key in 1..=3 {
        stage.add(subscription(key, &outbox));
    }
    stage.show(1, &["entrance", "exit"]);
    assert_eq!(stage.encoded(), 2);
    let people = |key| Subscription {
        wish: filtered(&[], &["person"]),
        ..subscription(key, &outbox)
    };
    stage.add(people(4));
    stage.add(people(5));
    stage.add(Subscription {
        wish: filtered(&["exit"], &[]),
        ..subscription(6, &outbox)
    });
    outbox.take();
    stage.show(2, &["entrance", "exit"]);
    assert_eq!(
        stage.encoded(),
        2 + 2 + 2,
        "who wants all of a camera shares the whole frame"
    );
    let mut lines = emptied(&outbox);
    lines.sort();
    let [e, x] = ["north/entrance", "north/exit"];
    let all = [
        (1, e),
        (1, x),
        (2, e),
        (2, x),
        (3, e),
        (3, x),
        (4, e),
        (4, x),
        (5, e),
        (5, x),
        (6, x),
    ];
    assert_eq!(lines, all.map(|(key, camera)| format!("{key} {camera}")));
}

#[test]
fn those_with_the_same_id_and_form_share_the_bytes() {
    let mut stage = Stage::new();
    let outboxes = [(); 3].map(|()| outbox(10));
    for (key, outbox) in (1..).zip(&outboxes) {
        let id = "same".to_owned();
        stage.add(Subscription {
            id,
            ..subscription(key, outbox)
        });
    }
    stage.show(1, &["entrance"]);
    let bytes = outboxes.map(|outbox| frames(&outbox).remove(0));
    assert!(bytes.iter().all(|one| one.as_ptr() == bytes[0].as_ptr()));
}

fn frames(outbox: &Outbox) -> Vec<bytes::Bytes> {
    let events = outbox.take().into_iter();
    events
        .filter_map(|event| match event {
            Event::Frame(_, _, bytes) => Some(bytes),
            _ => None,
        })
        .collect()
}

#[test]
fn each_gets_its_form() {
    let mut stage = Stage::new();
    let forms = [Form::WebSocket, Form::Compressed, Form::EventStream];
    let outboxes = [(); 3].map(|()| outbox(10));
    for (form, outbox) in forms.into_iter().zip(&outboxes) {
        stage.add(Subscription {
            form,
            ..subscription(1, outbox)
        });
    }
    let mut crowd = taken(&["entrance"], clock());
    crowd.frames[0].detections = vec![person(0.5, Some(1)); 20];
    stage.hub.show(&slug("demo"), Some(stamp(7, 1)), vec![crowd], stage.at);
    let [plain, compressed, event] = outboxes.map(|outbox| frames(&outbox).remove(0));
    assert_eq!(plain[0], 0x81);
    assert_eq!(compressed[0], 0xC1, "the bit that says so");
    assert!(compressed.len() < plain.len() / 2);
    let text: serde_json::Value = serde_json::from_slice(&plain[4..]).unwrap();
    assert_eq!(text, data(&event));
    assert_eq!(stage.encoded(), 1);
}

#[test]
fn a_new_viewer_sees_the_latest_of_each_camera_and_then_everything() {
    let mut stage = Stage::new();
    stage.show(1, &["entrance", "exit"]);
    stage.show(2, &["exit"]);
    let outbox = outbox(10);
    stage.add(subscription(1, &outbox));
    stage.show(3, &["exit"]);
    let events = outbox.take();
    let Event::Subscribed(1, start) = &events[0] else {
        panic!("{events:?}")
    };
    let shown: Vec<u64> = start.snapshot.iter().map(|frame| frame.stamp.seq).collect();
    assert_eq!(shown, [1, 2]);
    assert!(start.position.includes(stamp(7, 2), 0) && !start.position.includes(stamp(7, 3), 0));
    let Event::Frame(1, _, frame) = &events[1] else {
        panic!("{events:?}")
    };
    let cursor = Position::parse(data(frame)["cursor"].as_str().unwrap(), &slug("demo")).unwrap();
    assert!(cursor.includes(stamp(7, 3), 0));
    assert_eq!(events.len(), 2);
}

#[test]
fn what_is_too_old_is_not_shown_as_the_latest() {
    let mut stage = Stage::new();
    stage.show(1, &["entrance"]);
    stage.pass(SETTINGS.snapshot_age + SECOND);
    stage.show(2, &["exit"]);
    let outbox = outbox(10);
    stage.add(subscription(1, &outbox));
    assert_eq!(emptied(&outbox), ["1 new [exit] []"]);
}

#[test]
fn who_comes_back_gets_what_was_missed_and_then_everything() {
    let mut stage = Stage::new();
    for seq in 1..=3 {
        stage.show(seq, &["entrance"]);
    }
    let outbox = outbox(10);
    stage.add(Subscription {
        since: Some(seen(1)),
        ..subscription(1, &outbox)
    });
    stage.show(4, &["exit"]);
    assert_eq!(emptied(&outbox), ["1 recovered [] [entrance entrance]", "1 north/exit"]);
}

#[test]
fn who_has_seen_more_waits_until_this_instance_has_too() {
    let mut stage = Stage::new();
    stage.show(1, &["entrance"]);
    let outbox = outbox(10);
    stage.add(Subscription {
        since: Some(seen(3)),
        ..subscription(1, &outbox)
    });
    stage.show(2, &["entrance"]);
    stage.pass(SECOND);
    assert!(emptied(&outbox).is_empty());
    assert_eq!(stage.hub.watching(), [(slug("demo"), 1)].into());
    stage.show(3, &["entrance"]);
    stage.show(4, &["exit"]);
    assert_eq!(emptied(&outbox), ["1 recovered [] []", "1 north/exit"], "nothing twice");
}

#[test]
fn who_has_waited_for_too_long_starts_anew() {
    let mut stage = Stage::new();
    stage.show(1, &["entrance"]);
    let outbox = outbox(10);
    stage.add(Subscription {
        since: Some(seen(3)),
        ..subscription(1, &outbox)
    });
    stage.pass(SETTINGS.resume_timeout);
    assert_eq!(emptied(&outbox), ["1 new [entrance] []"]);
    stage.pass(SETTINGS.resume_timeout);
    assert!(emptied(&outbox).is_empty(), "once");
}

#[test]
fn who_leaves_while_waiting_is_forgotten() {
    let mut stage = Stage::new();
    stage.show(1, &["entrance"]);
    let outbox = outbox(10);
    let waiting = stage.add(Subscription {
        since: Some(seen(3)),
        ..subscription(1, &outbox)
    });
    stage.hub.remove(&waiting);
    stage.show(2, &["entrance"]);
    stage.show(3, &["entrance"]);
    stage.pass(SETTINGS.resume_timeout);
    assert!(emptied(&outbox).is_empty() && stage.hub.watching().is_empty());
}

#[test]
fn everybody_is_told_of_a_hole() {
    let mut stage = Stage::new();
    let outbox = outbox(10);
    stage.add(subscription(1, &outbox));
    stage.add(Subscription {
        wish: filtered(&["exit"], &[]),
        ..subscription(2, &outbox)
    });
    stage.show(1, &["entrance"]);
    outbox.take();
    stage.show(3, &["entrance"]);
    let mut lines = emptied(&outbox);
    assert_eq!(
        lines.pop().unwrap(),
        "1 north/entrance",
        "before the frame that follows"
    );
    lines.sort();
    assert_eq!(lines, ["1 gap Overload 0 {}", "2 gap Overload 0 {}"]);
    assert_eq!(stage.hub.shared.metrics.holes.get(), 1);
    stage.show(2, &["entrance"]);
    assert!(emptied(&outbox).is_empty(), "what comes too late is out of order");
}

#[test]
fn a_batch_that_comes_again_is_shown_once() {
    let mut stage = Stage::new();
    let outbox = outbox(10);
    stage.add(subscription(1, &outbox));
    let batch = taken(&["entrance"], clock());
    for (stamp, batches) in [
        (Some(stamp(7, 1)), vec![batch.clone()]),
        (Some(stamp(7, 1)), vec![batch.clone()]),
        (Some(stamp(9, 1)), vec![batch.clone()]),
        (None, vec![batch.clone(), taken(&["exit"], clock())]),
    ] {
        stage.hub.show(&slug("demo"), stamp, batches, stage.at);
    }
    assert_eq!(emptied(&outbox), ["1 new [] []", "1 north/entrance", "1 north/exit"]);
}

#[test]
fn messages_without_a_number_are_numbered_here() {
    let mut stage = Stage::new();
    let outbox = outbox(10);
    stage.add(subscription(1, &outbox));
    for camera in ["entrance", "exit"] {
        stage
            .hub
            .show(&slug("demo"), None, vec![taken(&[camera], clock())], stage.at);
    }
    let shown = frames(&outbox);
    let cursor = data(&shown[0])["cursor"].as_str().unwrap().to_owned();
    let since = Some(Position::parse(&cursor, &slug("demo")).unwrap());
    stage.add(Subscription {
        since,
        ..subscription(2, &outbox)
    });
    assert_eq!(emptied(&outbox), ["2 recovered [] [exit]"]);
}

#[test]
fn what_is_much_older_than_its_arrival_is_backlog() {
    let mut stage = Stage::new();
    let (all, live) = (outbox(10), outbox(10));
    stage.add(subscription(1, &all));
    let without = Wish {
        backlog: false,
        ..everything()
    };
    stage.add(Subscription {
        wish: without,
        ..subscription(2, &live)
    });
    let limit = SignedDuration::try_from(SETTINGS.backlog_after).unwrap();
    let just = taken(&["entrance"], clock() - limit);
    let old = taken(&["exit"], clock() - limit - SignedDuration::from_millis(1));
    stage
        .hub
        .show(&slug("demo"), Some(stamp(7, 1)), vec![just, old], stage.at);
    let flags: Vec<_> = frames(&all)
        .iter()
        .map(|frame| data(frame)["backlog"].clone())
        .collect();
    assert_eq!(flags, [serde_json::Value::Null, true.into()]);
    assert_eq!(emptied(&live), ["2 new [] []", "2 north/entrance"]);
}

#[test]
fn frames_without_a_match_are_shown_unless_they_are_not_wanted() {
    let mut stage = Stage::new();
    let outbox = outbox(10);
    let cars = filtered(&[], &["car"]);
    stage.add(Subscription {
        wish: cars.clone(),
        ..subscription(1, &outbox)
    });
    stage.add(Subscription {
        wish: Wish { empty: false, ..cars },
        ..subscription(2, &outbox)
    });
    outbox.take();
    stage.show(1, &["entrance"]);
    assert_eq!(emptied(&outbox), ["1 north/entrance"]);
}

#[test]
fn who_wants_fewer_gets_the_newest_at_its_time() {
    let mut stage = Stage::new();
    let outbox = outbox(10);
    stage.add(Subscription {
        wish: rated(1.0),
        ..subscription(1, &outbox)
    });
    outbox.take();
    for seq in 1..=4 {
        stage.show(seq, &["entrance"]);
    }
    assert_eq!(emptied(&outbox), ["1 north/entrance"]);
    stage.pass(SECOND);
    let events = outbox.take();
    let [Event::Frame(_, _, frame), Event::Gap(_, gap)] = &events.into_iter().collect::<Vec<_>>()[..] else {
        panic!("a frame and a gap");
    };
    let cursor = Position::parse(data(frame)["cursor"].as_str().unwrap(), &slug("demo")).unwrap();
    assert!(cursor.includes(stamp(7, 4), 0));
    assert_eq!(gap.dropped, 2);
}

#[test]
fn a_new_member_does_not_get_what_it_has_just_seen() {
    let mut stage = Stage::new();
    let (first, second) = (outbox(10), outbox(10));
    stage.add(Subscription {
        wish: rated(1.0),
        ..subscription(1, &first)
    });
    stage.show(1, &["entrance"]);
    stage.show(2, &["entrance"]);
    stage.add(Subscription {
        wish: rated(1.0),
        ..subscription(2, &second)
    });
    stage.pass(2 * SECOND);
    assert_eq!(emptied(&second), ["2 new [entrance] []"]);
    assert_eq!(emptied(&first), ["1 new [] []", "1 north/entrance", "1 north/entrance"]);
}

#[test]
fn who_wants_fewer_and_comes_back_gets_the_newest_and_is_told_of_the_others() {
    let mut stage = Stage::new();
    for seq in 1..=4 {
        stage.show(seq, &["entrance"]);
    }
    let outbox = outbox(10);
    let paced = Subscription {
        wish: rated(1.0),
        since: Some(seen(1)),
        ..subscription(1, &outbox)
    };
    stage.add(paced);
    let expected = ["1 recovered [entrance] []", r#"1 gap Rate 2 {"north/entrance"}"#];
    assert_eq!(emptied(&outbox), expected);
}

#[test]
fn after_a_restart_everybody_starts_anew_and_gets_nothing_twice() {
    let mut stage = Stage::new();
    let (all, paced) = (outbox(10), outbox(10));
    stage.add(subscription(1, &all));
    stage.add(Subscription {
        wish: rated(1.0),
        ..subscription(2, &paced)
    });
    stage.show(1, &["entrance"]);
    stage.show(2, &["entrance"]);
    all.take();
    paced.take();
    stage.hub.restart(stage.at);
    stage.pass(2 * SECOND);
    assert_eq!(emptied(&all), ["1 new [entrance] []"]);
    assert_eq!(emptied(&paced), ["2 north/entrance", "2 new [entrance] []"]);
}

#[test]
fn who_left_gets_nothing_and_leaves_nothing_behind() {
    let mut stage = Stage::new();
    let outbox = outbox(10);
    let (one, other) = (stage.add(subscription(1, &outbox)), stage.add(subscription(2, &outbox)));
    outbox.take();
    stage.hub.remove(&one);
    stage.hub.remove(&one);
    assert_eq!(stage.hub.shared.metrics.subscriptions.get(), 1);
    stage.show(1, &["entrance"]);
    assert_eq!(emptied(&outbox), ["2 north/entrance"]);
    stage.hub.remove(&other);
    assert!(stage.hub.watching().is_empty());
    assert_eq!(stage.hub.shared.metrics.subscriptions.get(), 0);
}

#[test]
fn a_full_queue_is_counted_and_others_get_everything() {
    let mut stage = Stage::new();
    let (slow, fast) = (outbox(2), outbox(100));
    stage.add(subscription(1, &slow));
    stage.add(subscription(2, &fast));
    for seq in 1..=5 {
        stage.show(seq, &["entrance"]);
    }
    assert_eq!(emptied(&fast).len(), 1 + 5);
    let dropped = stage.hub.shared.metrics.dropped.get();
    let left = emptied(&slow);
    assert_eq!(left[1], format!(r#"1 gap Slow {dropped} {{"north/entrance"}}"#));
    assert_eq!(left.len() as u64, 1 + 1 + 5 - dropped);
}

#[test]
fn who_is_shown_nothing_is_told_the_cursor_now_and_then() {
    let mut stage = Stage::new();
    let (quiet, busy) = (outbox(10), outbox(10));
    stage.add(Subscription {
        wish: filtered(&["cellar"], &[]),
        ..subscription(1, &quiet)
    });
    stage.add(subscription(2, &busy));
    assert_eq!((quiet.take().len(), busy.take().len()), (1, 1));
    let quarter = SETTINGS.history.age / 4;
    stage.pass(quarter);
    assert!(emptied(&quiet).is_empty(), "nothing has moved");
    stage.show(1, &["entrance"]);
    stage.pass(quarter);
    assert_eq!(emptied(&quiet), ["1 cursor"]);
    assert_eq!(emptied(&busy), ["2 north/entrance"], "the frame said it");
    stage.pass(quarter);
    assert!(emptied(&quiet).is_empty(), "told once");
}

#[test]
fn a_venue_that_is_taken_again_remembers_nothing_of_its_former_life() {
    let mut stage = Stage::new();
    stage.show(1, &["entrance"]);
    let again = taken(&["exit"], stage.at.clock);
    stage
        .hub
        .show(&slug("demo"), Some(stamp(7, 2)), vec![again.clone()], stage.at);
    stage.hub.close(&slug("demo"));
    stage.hub.open(&slug("demo"), clock());
    // The broker delivers again what was not acknowledged.
    stage.hub.show(&slug("demo"), Some(stamp(7, 2)), vec![again], stage.at);
    let back = outbox(10);
    stage.add(Subscription {
        since: Some(seen(1)),
        ..subscription(1, &back)
    });
    assert_eq!(emptied(&back), ["1 recovered [] [exit]"]);
}
