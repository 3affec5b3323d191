use super::*;
use crate::fixtures::{SETTINGS, after, clock, emptied, metrics, moment, outbox, slug, stamp, subscription, taken};

const UNBIND_AFTER: Duration = Duration::from_secs(30);

fn desk() -> (Desk, Moment) {
    let hub = Hub::new(100, SETTINGS, metrics());
    let presence = Presence::new("here".to_owned());
    (Desk::new(hub, presence, UNBIND_AFTER), moment())
}

fn subscribe(desk: &mut Desk, subscription: Subscription, at: Moment) -> Arc<Subscription> {
    let subscription = Arc::new(subscription);
    desk.take(Command::Subscribe(Arc::clone(&subscription)), at);
    subscription
}

#[test]
fn a_subscription_is_in_force_when_its_venue_is_bound() {
    let (mut desk, at) = desk();
    let outbox = outbox(10);
    subscribe(&mut desk, subscription(1, &outbox), at);
    assert!(
        !desk.wants_binding() && desk.unbound().is_empty(),
        "not while the broker is away"
    );
    desk.connected(true, at);
    assert!(desk.wants_binding() && emptied(&outbox).is_empty());
    assert_eq!(desk.unbound(), [slug("demo")]);
    desk.bound(slug("demo"), at);
    assert!(!desk.wants_binding() && !desk.is_unknown(&slug("demo")));
    subscribe(&mut desk, subscription(2, &outbox), at);
    assert_eq!(emptied(&outbox), ["1 new [] []", "2 new [] []"], "the second at once");
}

#[test]
fn after_an_outage_subscribers_wait_and_who_was_there_starts_anew() {
    let (mut desk, at) = desk();
    let outbox = outbox(10);
    desk.connected(true, at);
    subscribe(&mut desk, subscription(1, &outbox), at);
    desk.bound(slug("demo"), at);
    emptied(&outbox);
    desk.disconnected();
    subscribe(&mut desk, subscription(2, &outbox), at);
    assert!(emptied(&outbox).is_empty());
    desk.connected(true, at);
    assert_eq!(emptied(&outbox), ["1 new [] []", "2 new [] []"]);
}

#[test]
fn when_the_queue_was_kept_nobody_starts_anew() {
    let (mut desk, at) = desk();
    let outbox = outbox(10);
    desk.connected(true, at);
    subscribe(&mut desk, subscription(1, &outbox), at);
    desk.bound(slug("demo"), at);
    emptied(&outbox);
    desk.disconnected();
    desk.connected(false, at);
    assert!(emptied(&outbox).is_empty());
}

#[test]
fn who_leaves_while_waiting_is_forgotten() {
    let (mut desk, at) = desk();
    let one = subscribe(&mut desk, subscription(1, &outbox(10)), at);
    desk.take(Command::Unsubscribe(one), at);
    desk.connected(true, at);
    assert!(!desk.wants_binding() && desk.unbound().is_empty());
}

/// A queue of an earlier life brings messages of venues that nobody has asked for in this one.
#[test]
fn messages_of_an_earlier_life_count_from_when_they_came_in() {
    let (mut desk, at) = desk();
    desk.connected(false, at);
    assert!(desk.is_unknown(&slug("demo")));
    let earlier = at.clock - jiff::SignedDuration::from_secs(10);
    desk.bound(slug("demo"), at);
    desk.hub.reach_back(&slug("demo"), earlier);
    assert!(!desk.is_unknown(&slug("demo")));
    desk.hub.show(
        &slug("demo"),
        Some(stamp(7, 5)),
        vec![taken(&["entrance"], clock())],
        at,
    );
    let outbox = outbox(10);
    let since = Some(crate::position::Position::at(at.clock));
    subscribe(
        &mut desk,
        Subscription {
            since,
            ..subscription(1, &outbox)
        },
        at,
    );
    assert_eq!(
        emptied(&outbox),
        ["1 recovered [] [entrance]"],
        "this instance has listened since before the viewer left"
    );
}

#[test]
fn a_venue_is_given_up_some_time_after_its_last_viewer_left() {
    let (mut desk, at) = desk();
    let outbox = outbox(10);
    desk.connected(true, at);
    let one = subscribe(&mut desk, subscription(1, &outbox), at);
    desk.bound(slug("demo"), at);
    assert_eq!(desk.look_around(at.now), [(slug("demo"), 1)]);
    desk.take(Command::Unsubscribe(one), at);
    assert_eq!(desk.look_around(at.now), [(slug("demo"), 0)]);
    let due = after(at, UNBIND_AFTER);
    assert!(desk.unwatched(due.now - Duration::from_millis(1)).is_empty());

    let two = subscribe(&mut desk, subscription(2, &outbox), at);
    desk.look_around(due.now);
    assert!(desk.unwatched(due.now).is_empty(), "somebody came back in time");
    desk.take(Command::Unsubscribe(two), at);
    desk.look_around(due.now);
    let due = after(due, UNBIND_AFTER);
    desk.disconnected();
    assert!(desk.unwatched(due.now).is_empty(), "not while the broker is away");
    desk.connected(false, due);
    assert!(
        desk.unwatched(due.now).is_empty(),
        "nobody could come while it was away"
    );
    let due = after(due, UNBIND_AFTER);
    assert_eq!(desk.unwatched(due.now), [slug("demo")]);
    assert_eq!(desk.venues(), 0);
    assert!(
        !desk.is_unknown(&slug("demo")),
        "what is still on its way is no reason to take it again"
    );
    desk.look_around(due.now + STRAGGLERS);
    assert!(desk.is_unknown(&slug("demo")));
}

#[test]
fn who_comes_at_the_last_moment_is_not_given_up_with_the_venue() {
    let (mut desk, at) = desk();
    let outbox = outbox(10);
    desk.connected(true, at);
    let one = subscribe(&mut desk, subscription(1, &outbox), at);
    desk.bound(slug("demo"), at);
    desk.take(Command::Unsubscribe(one), at);
    desk.look_around(at.now);
    subscribe(&mut desk, subscription(2, &outbox), at);
    assert!(desk.unwatched(after(at, UNBIND_AFTER).now).is_empty());
    assert!(desk.hub.watches(&slug("demo")));
}

#[test]
fn nothing_is_left_in_the_outbox_of_what_was_unsubscribed() {
    let (mut desk, at) = desk();
    let outbox = outbox(10);
    desk.connected(true, at);
    desk.bound(slug("demo"), at);
    for key in 1..100 {
        let one = subscribe(&mut desk, subscription(key, &outbox), at);
        desk.take(Command::Unsubscribe(one), at);
    }
    assert!(outbox.take().is_empty());
}

#[test]
fn a_venue_that_is_watched_elsewhere_is_taken_here_too() {
    let (mut desk, at) = desk();
    desk.connected(true, at);
    assert!(
        desk.presence
            .hear(br#"{"instance":"there","watching":{"demo":1,"hall":0}}"#, at.now)
    );
    assert!(!desk.wants_binding(), "nobody waits for it");
    assert_eq!(desk.unbound(), [slug("demo")]);
    desk.bound(slug("demo"), at);
    let later = after(at, Duration::from_secs(10));
    assert_eq!(desk.look_around(later.now), [(slug("demo"), 0)]);
    assert!(desk.unwatched(after(later, UNBIND_AFTER).now).is_empty());
    // The other one is silent for too long.
    let gone = after(at, Duration::from_secs(60));
    desk.look_around(gone.now);
    assert_eq!(desk.unwatched(after(gone, UNBIND_AFTER).now), [slug("demo")]);
}
