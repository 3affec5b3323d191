use std::sync::Arc;

use citytrack_broker::Stamp;
use citytrack_domain::Batch;
use citytrack_testkit::{batch, frame, identity, person};
use jiff::SignedDuration;
use uuid::Uuid;

use super::*;
use crate::{
    filter::{Filter, tests::filter},
    fixtures::metrics,
};

fn at() -> Timestamp {
    "2026-11-22T10:00:00.04Z".parse().unwrap()
}

fn sample() -> Batch {
    let frame = frame("entrance", at(), vec![person(0.5, Some(17)), person(0.25, None)]);
    let mut sample = batch(&identity("demo", Uuid::nil()), at(), vec![frame]);
    sample.frames[0].number = Some(1042);
    sample
}

fn live(batch: Batch, backlog: bool) -> LiveFrame {
    let stamp = Stamp { epoch: 7, seq: 1 };
    LiveFrame::new(Arc::new(batch), 0, "north/entrance".into(), stamp, (0, true), backlog)
}

fn view<'a>(filter: &'a Filter, frame: &LiveFrame) -> View<'a> {
    filter.at(&frame.batch().source.node, &frame.frame().camera)
}

#[test]
fn a_frame_has_the_documented_form() {
    let (live, all) = (live(sample(), true), Filter::default());
    let body = body(&live, &view(&all, &live), &metrics().encoded).into_owned();
    let text = [&opening("a\"b"), "CURSOR", &after_cursor("demo"), &body].concat();
    let expected = concat!(
        r#"{"type":"frame","id":"a\"b","cursor":"CURSOR","venue":"demo","node":"north","camera":"entrance","frame":1042,"#,
        r#""captured_at":"2026-11-22T10:00:00.04Z","received_at":"2026-11-22T10:00:00.04Z","width":640,"height":480,"#,
        r#""backlog":true,"detections":[{"class":"person","confidence":0.9,"box":[0.5,0.25,0.125,0.5],"track_id":17},"#,
        r#"{"class":"person","confidence":0.9,"box":[0.25,0.25,0.125,0.5]}]}"#
    );
    assert_eq!(text, expected);
}

#[test]
fn what_is_unknown_is_left_out_and_what_is_not_wanted_too() {
    let mut sample = sample();
    (sample.frames[0].size, sample.frames[0].number) = (None, None);
    let live = live(sample, false);
    let (cars, encoded) = (filter(&[], &["car"]).unwrap(), metrics().encoded);
    let nothing = r#""node":"north","camera":"entrance","captured_at":"2026-11-22T10:00:00.04Z","received_at":"2026-11-22T10:00:00.04Z","detections":[]}"#;
    assert_eq!(body(&live, &view(&cars, &live), &encoded), nothing);
    let people = filter(&[], &["person"]).unwrap();
    assert!(!shows_any(&live, &view(&cars, &live)) && shows_any(&live, &view(&people, &live)));
    let elsewhere = filter(&["exit"], &[]).unwrap();
    assert!(!shows_any(&live, &view(&elsewhere, &live)));
}

#[test]
fn a_frame_of_a_snapshot_has_its_age() {
    let live = live(sample(), false);
    let none = filter(&["entrance"], &[]).unwrap();
    let encoded = metrics().encoded;
    let text = |now| snapshot(&live, &view(&none, &live), now, &encoded);
    let now = at() + SignedDuration::from_micros(12_345_678);
    assert!(text(now).starts_with(r#"{"age":12.346,"node":"north","camera":"entrance","frame":1042,"#));
    let before = at() - SignedDuration::from_secs(5);
    assert!(text(before).starts_with(r#"{"age":0.000,"#), "clocks differ");
    let value: serde_json::Value = serde_json::from_str(&text(now)).unwrap();
    assert_eq!(value["detections"].as_array().unwrap().len(), 2);
    assert_eq!(encoded.get(), 1, "the text is kept");
}
