use std::collections::HashMap;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::fixtures::{emptied, live_frame, outbox, stamp};

fn push(outbox: &Outbox, key: Key, camera: &str) -> u64 {
    outbox.push_frame(key, &camera.into(), Bytes::from_static(b"12345"))
}

fn start() -> Start {
    Start {
        position: Arc::default(),
        recovered: false,
        snapshot: vec![live_frame("entrance", stamp(1, 1))],
        missed: Vec::new(),
    }
}

#[test]
fn what_fits_comes_out_as_it_went_in() {
    let outbox = outbox(3);
    outbox.push_subscribed(1, start());
    assert_eq!(["a", "b", "a"].map(|camera| push(&outbox, 1, camera)), [0, 0, 0]);
    assert_eq!(emptied(&outbox), ["1 new [entrance] []", "1 a", "1 b", "1 a"]);
    assert!(emptied(&outbox).is_empty());
    assert_eq!(push(&outbox, 1, "a"), 0, "there is room again");
}

#[test]
fn older_frames_of_a_camera_give_way_and_the_gap_comes_before_what_is_left() {
    let outbox = outbox(4);
    for camera in ["a", "a", "a", "b"] {
        push(&outbox, 1, camera);
    }
    let b = Bytes::from_static(b"newer");
    assert_eq!(outbox.push_frame(1, &"b".into(), b), 2);
    assert_eq!(emptied(&outbox), [r#"1 gap Slow 2 {"a"}"#, "1 a", "1 b", "1 b"]);
}

#[test]
fn it_is_the_newest_frame_of_a_camera_that_stays() {
    let outbox = outbox(4);
    for text in ["1", "2", "3", "4", "5"] {
        outbox.push_frame(1, &"a".into(), Bytes::from_static(text.as_bytes()));
    }
    let events = outbox.take();
    let texts = events.iter().filter_map(|event| match event {
        Event::Frame(_, _, text) => Some(&text[..]),
        _ => None,
    });
    assert_eq!(texts.collect::<Vec<_>>(), [b"4", b"5"]);
}

#[test]
fn of_many_cameras_the_older_half_gives_way() {
    let outbox = outbox(4);
    for camera in ["a", "b", "c", "d"] {
        assert_eq!(push(&outbox, 1, camera), 0);
    }
    assert_eq!(push(&outbox, 1, "e"), 2);
    assert_eq!(push(&outbox, 1, "f"), 0);
    let expected = [r#"1 gap Slow 2 {"a", "b"}"#, "1 c", "1 d", "1 e", "1 f"];
    assert_eq!(emptied(&outbox), expected);
}

#[test]
fn the_size_is_bounded_too_but_a_single_frame_always_fits() {
    let outbox = Outbox::new(Limits { frames: 100, bytes: 12 });
    assert_eq!(outbox.push_frame(1, &"a".into(), Bytes::from(vec![0; 100])), 0);
    assert_eq!(push(&outbox, 1, "b"), 1);
    assert_eq!(push(&outbox, 1, "c"), 0);
    assert_eq!(push(&outbox, 1, "d"), 1);
    assert_eq!(emptied(&outbox), [r#"1 gap Slow 2 {"a", "b"}"#, "1 c", "1 d"]);
}

#[test]
fn each_subscription_is_told_of_its_own_frames() {
    let outbox = outbox(4);
    for key in [1, 2, 1, 2] {
        push(&outbox, key, "a");
    }
    assert_eq!(push(&outbox, 2, "b"), 2);
    let expected = [r#"1 gap Slow 1 {"a"}"#, "1 a", r#"2 gap Slow 1 {"a"}"#, "2 a", "2 b"];
    assert_eq!(emptied(&outbox), expected);
}

#[test]
fn beginnings_and_gaps_never_give_way() {
    let outbox = outbox(1);
    outbox.push_subscribed(1, start());
    push(&outbox, 1, "a");
    outbox.push_gap(1, Gap::new(GapReason::Overload));
    for _ in 0..10 {
        push(&outbox, 1, "a");
        outbox.push_subscribed(2, start());
    }
    let left = emptied(&outbox);
    assert_eq!(left[0], "1 new [entrance] []");
    assert_eq!(left[1], "1 gap Overload 0 {}");
    assert_eq!(left.iter().filter(|line| line.starts_with("2 new")).count(), 10);
    let told = left.iter().position(|line| line == r#"1 gap Slow 10 {"a"}"#);
    assert_eq!(left.iter().position(|line| line == "1 a"), told.map(|told| told + 1));
}

#[test]
fn a_gap_that_nobody_has_taken_grows() {
    let outbox = outbox(4);
    let rate = |camera: &str| {
        let mut gap = Gap::new(GapReason::Rate);
        gap.add(&camera.into());
        outbox.push_gap(1, gap);
    };
    rate("a");
    rate("b");
    outbox.push_gap(1, Gap::new(GapReason::Overload));
    outbox.push_gap(1, Gap::new(GapReason::Overload));
    assert_eq!(emptied(&outbox), [r#"1 gap Rate 2 {"a", "b"}"#, "1 gap Overload 0 {}"]);
}

#[test]
fn a_gap_counts_the_frames_of_more_cameras_than_it_names() {
    let mut gap = Gap::new(GapReason::Slow);
    for camera in 0..NAMED_CAMERAS + 50 {
        gap.add(&camera.to_string().into());
    }
    assert_eq!(
        (gap.dropped, gap.cameras.len()),
        (NAMED_CAMERAS as u64 + 50, NAMED_CAMERAS)
    );
}

#[tokio::test]
async fn its_reader_is_woken_when_there_is_something_again() {
    let outbox = outbox(4);
    for _ in 0..3 {
        push(&outbox, 1, "a");
        push(&outbox, 1, "b");
        outbox.filled().await;
        assert_eq!(outbox.take().len(), 2);
    }
}

proptest! {
    /// Whatever goes in comes out, in order, or is counted as left out; and no more waits than is allowed.
    #[test]
    fn nothing_is_lost_silently(limit in 1..8usize, pushes in vec((0..3u64, 0..4usize, 0..10u8), 0..100)) {
        let outbox = outbox(limit);
        let (mut missing, mut told) = (HashMap::<Key, u64>::new(), HashMap::<Key, u64>::new());
        let (mut dropped, mut newest) = (0, HashMap::<Key, usize>::new());
        for (number, (key, camera, take)) in pushes.into_iter().enumerate() {
            dropped += outbox.push_frame(key, &["a", "b", "c", "d"][camera].into(), number.to_string().into());
            *missing.entry(key).or_default() += 1;
            if take > 0 {
                continue;
            }
            let events = outbox.take();
            prop_assert!(events.iter().filter(|event| matches!(event, Event::Frame(..))).count() <= limit);
            for event in events {
                match event {
                    Event::Frame(key, _, text) => {
                        let number: usize = std::str::from_utf8(&text).unwrap().parse().unwrap();
                        prop_assert!(newest.insert(key, number).is_none_or(|before| before < number));
                        missing.entry(key).and_modify(|missing| *missing -= 1);
                    }
                    Event::Gap(key, gap) => *told.entry(key).or_default() += gap.dropped,
                    Event::Subscribed(..) | Event::Cursor(..) => prop_assert!(false),
                }
            }
            prop_assert_eq!(dropped, told.values().sum::<u64>());
            for (key, missing) in &missing {
                prop_assert_eq!(*missing, told.get(key).copied().unwrap_or_default());
            }
        }
    }
}
