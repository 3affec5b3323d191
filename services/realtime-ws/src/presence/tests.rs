use serde_json::json;

use super::*;
use crate::fixtures::slug;

fn presence() -> (Presence, Instant) {
    (Presence::new("here".to_owned()), Instant::now())
}

fn watching(counts: &[(&str, u64)]) -> Watching {
    counts.iter().map(|(venue, count)| (slug(venue), *count)).collect()
}

fn hear(presence: &mut Presence, instance: &str, counts: &[(&str, u64)], now: Instant) {
    let report = json!({"instance": instance, "watching": watching(counts).iter().map(|(venue, count)| (venue.as_str(), *count)).collect::<BTreeMap<_, _>>()});
    assert!(presence.hear(report.to_string().as_bytes(), now));
}

#[test]
fn what_others_say_is_known_until_they_say_otherwise() {
    let (mut presence, now) = presence();
    let everywhere = presence.everywhere();
    presence.tell(watching(&[("demo", 2)]));
    hear(&mut presence, "there", &[("hall", 1), ("lab", 0)], now);
    assert_eq!(
        presence.elsewhere(),
        [slug("hall")].into(),
        "where somebody watches, and not here"
    );
    let all = everywhere.borrow().instances.clone();
    let expected = [
        ("here", watching(&[("demo", 2)])),
        ("there", watching(&[("hall", 1), ("lab", 0)])),
    ];
    assert_eq!(all, expected.map(|(name, watching)| (name.to_owned(), watching)).into());
    hear(&mut presence, "there", &[], now);
    assert!(presence.elsewhere().is_empty());
}

#[test]
fn an_instance_that_is_silent_for_long_is_gone() {
    let (mut presence, now) = presence();
    let everywhere = presence.everywhere();
    presence.tell(watching(&[("demo", 1)]));
    hear(&mut presence, "there", &[("hall", 1)], now);
    hear(&mut presence, "away", &[("lab", 1)], now);
    let later = now + GONE_AFTER;
    hear(&mut presence, "there", &[("hall", 1)], later - Duration::from_secs(1));
    presence.forget_gone(later);
    assert_eq!(presence.elsewhere(), [slug("hall")].into());
    let left: Vec<String> = everywhere.borrow().instances.keys().cloned().collect();
    assert_eq!(left, ["here", "there"], "this one is always here");
}

#[test]
fn its_own_messages_and_nonsense_change_nothing() {
    let (mut presence, now) = presence();
    hear(&mut presence, "here", &[("hall", 1)], now);
    for nonsense in [&b""[..], b"{}", b"\xff", br#"{"instance":"there","watching":[]}"#] {
        assert!(!presence.hear(nonsense, now));
    }
    assert!(presence.hear(br#"{"instance":"there","watching":{"No Slug":1}}"#, now));
    assert!(presence.elsewhere().is_empty());
}

#[test]
fn an_unknown_instance_is_answered_at_once() {
    let (mut presence, now) = presence();
    presence.tell(watching(&[("demo", 1)]));
    let mut own = presence.own.subscribe();
    own.mark_unchanged();
    hear(&mut presence, "there", &[], now);
    assert!(own.has_changed().unwrap());
    own.mark_unchanged();
    hear(&mut presence, "there", &[("hall", 1)], now);
    assert!(!own.has_changed().unwrap(), "it knows this one by now");
    presence.forget_gone(now + GONE_AFTER);
    hear(&mut presence, "there", &[], now + GONE_AFTER);
    assert!(own.has_changed().unwrap(), "it was away and may have forgotten");
}

#[test]
fn only_what_is_new_is_told_to_those_who_ask() {
    let (mut presence, _) = presence();
    presence.tell(watching(&[("demo", 1)]));
    let mut everywhere = presence.everywhere();
    everywhere.mark_unchanged();
    presence.tell(watching(&[("demo", 1)]));
    assert!(!everywhere.has_changed().unwrap());
    presence.tell(watching(&[("demo", 2)]));
    assert!(everywhere.has_changed().unwrap());
}
