use citytrack_access::{CameraLimits, Venues};
use citytrack_common::settings::from_args;
use citytrack_domain::{CameraName, CameraPattern};
use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::{
    filter::View,
    fixtures::{clock, live_frame, metrics, slug, stamp, text},
    guests::{GuestLimits, Guests},
    outbox::Gap,
    protocol::{GapReason, MAX_ID},
    wire::CloseCode,
};

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    live: LiveSettings,
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn tokens() -> ViewerTokens {
    ViewerTokens::new(&"a secret of thirty-two characters or more".into())
}

/// A token as text, that ends so long after the test's clock.
fn issued(venues: &[&str], cameras: &CameraLimits, life: SignedDuration) -> String {
    let venues: Vec<_> = venues.iter().map(|venue| slug(venue)).collect();
    tokens().issue(&venues, cameras, clock() + life, clock()).unwrap()
}

fn token(venues: &[&str]) -> ViewerToken {
    let text = issued(venues, &CameraLimits::new(), HOUR);
    tokens().verify(&text, clock()).unwrap()
}

/// A session without a token or with one, and the moment it began.
fn session_with(token: Option<ViewerToken>) -> (Session, Instant) {
    let args = [
        ["--live-subscriptions", "2"],
        ["--live-bad-messages", "2"],
        ["--live-queue", "2"],
        ["--live-message-rate", "30"],
    ];
    let (feed, _) = FeedHandle::new();
    let common = Common {
        settings: Arc::new(from_args::<Args>(args.into_iter().flatten()).unwrap().live),
        tokens: tokens(),
        feed,
        metrics: metrics(),
    };
    let limits = GuestLimits {
        all: 9,
        per_token: 9,
        per_address: 9,
    };
    let place = Guests::new(limits).enter(None).ok().unwrap();
    let now = Instant::now();
    (Session::new(Arc::new(common), Form::WebSocket, token, place, now), now)
}

/// A session whose token names `demo` for an hour.
fn session() -> (Session, Instant) {
    session_with(Some(token(&["demo"])))
}

/// What is to be written; pings and the like as `null`.
fn said(session: &mut Session) -> Vec<Value> {
    let pieces = std::iter::from_fn(|| session.output.pop());
    let read = |bytes: &[u8]| text(bytes).map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    pieces.map(|(bytes, _)| read(&bytes)).collect()
}

fn tell(session: &mut Session, message: &Value, now: Instant) -> Result<Vec<Command>, Ending> {
    session.on_text(&message.to_string(), now, clock())
}

/// Says something to which the only answer is an error, and returns its code and id.
fn refused(session: &mut Session, message: &Value, now: Instant) -> (Value, Value) {
    assert!(tell(session, message, now).unwrap().is_empty());
    let mut said = said(session);
    assert_eq!((said.len(), &said[0]["type"]), (1, &json!("error")), "{said:?}");
    (said[0]["code"].take(), said[0]["id"].take())
}

fn subscribe(session: &mut Session, mut wish: Value, now: Instant) -> Arc<Subscription> {
    wish["type"] = json!("subscribe");
    match tell(session, &wish, now).ok().unwrap().pop() {
        Some(Command::Subscribe(subscription)) => subscription,
        _ => panic!("{:?}", said(session)),
    }
}

fn subscribe_to(session: &mut Session, id: &str, venue: &str, now: Instant) -> Arc<Subscription> {
    subscribe(session, json!({"id": id, "venue": venue}), now)
}

fn push_frame(session: &Session, key: Key) {
    let frame = wire::text(&[br#"{"type":"frame"}"#]);
    session.outbox.push_frame(key, &"north/entrance".into(), frame);
}

fn start() -> Start {
    Start {
        position: Arc::default(),
        recovered: false,
        snapshot: vec![live_frame("entrance", stamp(7, 1)), live_frame("exit", stamp(7, 2))],
        missed: Vec::new(),
    }
}

#[test]
fn subscribed_comes_from_the_feed_and_before_the_first_frame() {
    let (mut session, now) = session();
    let wish = json!({"id": "1", "venue": "demo", "filter": {"camera": {"in": ["exit"]}}});
    let key = subscribe(&mut session, wish, now).key;
    assert!(said(&mut session).is_empty());
    session.outbox.push_subscribed(key, start());
    push_frame(&session, key);
    session.collect(now, clock() + SignedDuration::from_millis(2_500));
    let [subscribed, frame] = &said(&mut session)[..] else {
        panic!("two messages")
    };
    assert_eq!(
        (&subscribed["type"], &subscribed["recovered"]),
        (&json!("subscribed"), &json!(false))
    );
    let [shown] = &subscribed["snapshot"].as_array().unwrap()[..] else {
        panic!("{subscribed}")
    };
    assert_eq!((&shown["camera"], &shown["age"]), (&json!("exit"), &json!(2.5)));
    assert_eq!(frame, &json!({"type": "frame"}));
}

#[test]
fn what_was_missed_comes_between_subscribed_and_the_first_frame() {
    let (mut session, now) = session();
    let key = subscribe_to(&mut session, "1", "demo", now).key;
    let missed = start().snapshot;
    session.outbox.push_subscribed(
        key,
        Start {
            recovered: true,
            snapshot: Vec::new(),
            missed,
            ..start()
        },
    );
    push_frame(&session, key);
    session.collect(now, clock());
    let said = said(&mut session);
    assert_eq!(
        (&said[0]["recovered"], &said[0]["snapshot"]),
        (&json!(true), &json!([]))
    );
    let cameras: Vec<&Value> = said[1..].iter().map(|frame| &frame["camera"]).collect();
    assert_eq!(cameras, [&json!("entrance"), &json!("exit"), &Value::Null]);
    assert_eq!(said[1]["id"], "1");
}

#[test]
fn after_unsubscribed_nothing_comes_any_more() {
    let (mut session, now) = session();
    let key = subscribe_to(&mut session, "1", "demo", now).key;
    push_frame(&session, key);
    session.outbox.push_gap(key, Gap::new(GapReason::Overload));
    session.outbox.push_subscribed(key, start());
    let unsubscribe = json!({"type": "unsubscribe", "id": "1"});
    let commands = tell(&mut session, &unsubscribe, now).ok().unwrap();
    assert!(matches!(&commands[..], [Command::Unsubscribe(left)] if left.key == key));
    session.collect(now, clock());
    assert_eq!(said(&mut session), [json!({"type": "unsubscribed", "id": "1"})]);
    assert_eq!(
        refused(&mut session, &unsubscribe, now),
        (json!("unknown-id"), json!("1"))
    );
    let again = subscribe_to(&mut session, "1", "demo", now).key;
    assert_ne!(again, key);
}

#[test]
fn gaps_are_told_with_their_reason() {
    let (mut session, now) = session();
    let key = subscribe_to(&mut session, "a", "demo", now).key;
    for _ in 0..3 {
        push_frame(&session, key);
    }
    session.outbox.push_gap(key, Gap::new(GapReason::Overload));
    session.collect(now, clock());
    let said = said(&mut session);
    let slow = json!({"type": "gap", "id": "a", "dropped": 2, "cameras": ["north/entrance"], "reason": "slow"});
    let overload = json!({"type": "gap", "id": "a", "dropped": null, "cameras": [], "reason": "overload"});
    assert_eq!(said[0]["type"], "gap");
    assert_eq!(said.last(), Some(&overload));
    assert_eq!(said[0]["reason"], slow["reason"]);
    let frames = said.iter().filter(|said| said["type"] == "frame").count() as u64;
    assert_eq!(said[0]["dropped"].as_u64(), Some(3 - frames));
}

#[test]
fn wishes_that_cannot_be_granted_are_refused_with_a_code() {
    let (mut session, now) = session();
    subscribe_to(&mut session, "1", "demo", now);
    let elsewhere = Position::default().cursor(&slug("other"));
    for (wish, code) in [
        (json!({"id": "1", "venue": "demo"}), "duplicate-id"),
        (json!({"id": "2", "venue": "other"}), "forbidden-venue"),
        (json!({"id": "2", "venue": "No Slug"}), "forbidden-venue"),
        (
            json!({"id": "2", "venue": "demo", "filter": {"class": {"in": []}}}),
            "invalid-filter",
        ),
        (
            json!({"id": "2", "venue": "demo", "since": "no cursor"}),
            "invalid-cursor",
        ),
        (
            json!({"id": "2", "venue": "demo", "since": elsewhere}),
            "invalid-cursor",
        ),
    ] {
        let mut message = wish.clone();
        message["type"] = json!("subscribe");
        assert_eq!(
            refused(&mut session, &message, now),
            (json!(code), wish["id"].clone()),
            "{wish}"
        );
    }
    subscribe_to(&mut session, "2", "demo", now);
    let third = json!({"type": "subscribe", "id": "3", "venue": "demo"});
    assert_eq!(refused(&mut session, &third, now).0, "too-many-subscriptions");
}

#[test]
fn the_rate_and_the_id_have_bounds() {
    for (field, value) in [
        ("max_rate", json!(0)),
        ("max_rate", json!(-1)),
        ("max_rate", json!(1000.5)),
        ("id", json!("")),
        ("id", json!("x".repeat(MAX_ID + 1))),
    ] {
        let (mut session, now) = session();
        let mut wish = json!({"type": "subscribe", "id": "1", "venue": "demo"});
        wish[field] = value;
        assert_eq!(refused(&mut session, &wish, now).0, "invalid-message", "{wish}");
    }
    for rate in [json!(1000), json!(0.5), json!(1e-300)] {
        let (mut session, now) = session();
        let subscription = subscribe(&mut session, json!({"id": "1", "venue": "demo", "max_rate": rate}), now);
        assert_eq!(subscription.wish.max_rate, rate.as_f64());
    }
}

#[test]
fn without_a_token_nothing_is_granted_until_one_is_shown() {
    let (mut session, now) = session_with(None);
    let wish = json!({"type": "subscribe", "id": "1", "venue": "demo"});
    assert_eq!(refused(&mut session, &wish, now).0, "not-authenticated");
    for bad in ["nonsense", &issued(&["demo"], &CameraLimits::new(), -HOUR)] {
        let message = json!({"type": "authenticate", "token": bad});
        assert_eq!(refused(&mut session, &message, now).0, "unauthorized");
    }
    let good = issued(&["demo", "hall"], &CameraLimits::new(), HOUR);
    tell(&mut session, &json!({"type": "authenticate", "token": good}), now)
        .ok()
        .unwrap();
    let answer = json!({"type": "authenticated", "venues": ["demo", "hall"], "expires_at": clock() + HOUR});
    assert_eq!(said(&mut session), [answer]);
    subscribe_to(&mut session, "1", "hall", now);
    assert!(session.on_alarm(now + 6 * SECOND, clock()).is_ok());
}

#[test]
fn a_token_for_all_venues_opens_any_of_them() {
    let (mut session, now) = session_with(None);
    let token = tokens().issue_for(&Venues::All, &CameraLimits::new(), clock() + HOUR, clock());
    tell(
        &mut session,
        &json!({"type": "authenticate", "token": token.unwrap()}),
        now,
    )
    .ok()
    .unwrap();
    let answer = json!({"type": "authenticated", "venues": ["*"], "expires_at": clock() + HOUR});
    assert_eq!(said(&mut session), [answer]);
    subscribe_to(&mut session, "1", "hall", now);
    let star = json!({"type": "subscribe", "id": "2", "venue": "*"});
    assert_eq!(refused(&mut session, &star, now).0, "forbidden-venue");

    // The next token names venues, and not this one.
    let narrower = issued(&["demo"], &CameraLimits::new(), HOUR);
    tell(&mut session, &json!({"type": "authenticate", "token": narrower}), now)
        .ok()
        .unwrap();
    let told = said(&mut session);
    assert_eq!(
        (&told[0]["venues"], &told[1]["code"]),
        (&json!(["demo"]), &json!("forbidden-venue"))
    );
}

#[test]
fn a_token_must_be_shown_in_time() {
    let (mut session, now) = session_with(None);
    assert!(session.on_alarm(now + 4 * SECOND, clock()).is_ok());
    let ending = session.on_alarm(now + 5 * SECOND, clock()).err().unwrap();
    assert_eq!(ending, Ending::Unauthenticated);
    assert_eq!(ending.close_reason().unwrap().code, CloseCode::Other(4401));
}

#[test]
fn a_client_is_told_once_that_its_token_ends_and_again_of_the_next() {
    let (mut session, now) = session();
    let expires_at = clock() + HOUR;
    let soon = expires_at - SignedDuration::from_secs(60);
    session
        .on_alarm(now, soon - SignedDuration::from_millis(1))
        .ok()
        .unwrap();
    assert!(said(&mut session).is_empty());
    session.on_alarm(now, soon).ok().unwrap();
    session.on_alarm(now, soon).ok().unwrap();
    assert_eq!(
        said(&mut session),
        [json!({"type": "expiring", "expires_at": expires_at})]
    );

    let next = issued(&["demo"], &CameraLimits::new(), 2 * HOUR);
    tell(&mut session, &json!({"type": "authenticate", "token": next}), now)
        .ok()
        .unwrap();
    said(&mut session);
    assert!(session.on_alarm(now, expires_at).is_ok(), "the new one counts");
    let soon = clock() + 2 * HOUR - SignedDuration::from_secs(1);
    session.on_alarm(now, soon).ok().unwrap();
    assert_eq!(said(&mut session)[0]["type"], "expiring");
}

#[test]
fn a_token_that_is_refused_leaves_the_old_one_in_force() {
    let (mut session, now) = session();
    assert_eq!(
        refused(&mut session, &json!({"type": "authenticate", "token": "x"}), now).0,
        "unauthorized"
    );
    subscribe_to(&mut session, "1", "demo", now);
}

#[test]
fn what_a_new_token_does_not_cover_ends() {
    let (mut session, now) = session_with(Some(token(&["demo", "hall"])));
    subscribe_to(&mut session, "1", "demo", now);
    let hall = subscribe_to(&mut session, "2", "hall", now).key;
    let only_demo = issued(&["demo"], &CameraLimits::new(), HOUR);
    let commands = tell(&mut session, &json!({"type": "authenticate", "token": only_demo}), now)
        .ok()
        .unwrap();
    assert!(matches!(&commands[..], [Command::Unsubscribe(left)] if left.key == hall));
    let [authenticated, error, unsubscribed] = &said(&mut session)[..] else {
        panic!("three messages")
    };
    assert_eq!(authenticated["type"], "authenticated");
    assert_eq!((&error["code"], &error["id"]), (&json!("forbidden-venue"), &json!("2")));
    assert_eq!(unsubscribed, &json!({"type": "unsubscribed", "id": "2"}));

    let cameras: CameraLimits = [(slug("demo"), vec!["entrance".parse().unwrap()])].into();
    let one_camera = issued(&["demo"], &cameras, HOUR);
    let commands = tell(&mut session, &json!({"type": "authenticate", "token": one_camera}), now)
        .ok()
        .unwrap();
    assert_eq!(commands.len(), 1, "what it sees must not be more than the token allows");
}

#[test]
fn the_cameras_of_the_token_bound_every_filter() {
    let exit: CameraPattern = "north/exit".parse().unwrap();
    let cameras: CameraLimits = [(slug("demo"), vec!["entrance".parse().unwrap(), exit])].into();
    let limited = tokens().verify(&issued(&["demo"], &cameras, HOUR), clock()).unwrap();
    let (mut session, now) = session_with(Some(limited));
    let sees = |subscription: &Subscription, node: &str, camera: &str| {
        let view = subscription
            .wish
            .filter
            .at(&slug(node), &CameraName::new(camera).unwrap());
        !matches!(view, View::Nothing)
    };
    let all = subscribe_to(&mut session, "1", "demo", now);
    assert!(sees(&all, "south", "entrance") && sees(&all, "north", "exit"));
    assert!(!sees(&all, "south", "exit") && !sees(&all, "north", "stage"));
    let anything_else = json!({"not": {"camera": {"in": ["north/entrance"]}}});
    let wish = json!({"id": "2", "venue": "demo", "filter": anything_else});
    let rest = subscribe(&mut session, wish, now);
    assert!(sees(&rest, "south", "entrance") && !sees(&rest, "north", "entrance") && !sees(&rest, "north", "stage"));
}

#[test]
fn who_says_too_much_is_warned_and_then_sent_away() {
    let (mut session, now) = session();
    let ping = json!({"type": "ping"});
    for _ in 0..150 {
        tell(&mut session, &ping, now).ok().unwrap();
    }
    assert!(said(&mut session).iter().all(|said| said["type"] == "pong"));
    assert_eq!(refused(&mut session, &ping, now).0, "too-many-messages");
    tell(&mut session, &ping, now + SECOND).ok().unwrap();
    assert_eq!(said(&mut session), [json!({"type": "pong"})], "later it may again");
    for _ in 0..29 {
        tell(&mut session, &ping, now + SECOND).ok().unwrap();
    }
    said(&mut session);
    for _ in 0..2 {
        assert_eq!(refused(&mut session, &ping, now + SECOND).0, "too-many-messages");
    }
    let ending = tell(&mut session, &ping, now + SECOND).err().unwrap();
    assert_eq!(ending.close_reason().unwrap().code, CloseCode::Other(4429));
}

#[test]
fn garbage_is_answered_until_it_is_repeated() {
    let (mut session, now) = session();
    let say = |session: &mut Session, text: &str| session.on_text(text, now, clock()).map(|_| ());
    assert_eq!(say(&mut session, "{"), Ok(()));
    assert_eq!(session.on_binary(now), Ok(()));
    assert_eq!(say(&mut session, r#"{"type":"ping"}"#), Ok(()), "a good one in between");
    assert_eq!([(); 2].map(|()| say(&mut session, "{")), [Ok(()), Ok(())]);
    let ending = say(&mut session, "{").unwrap_err();
    assert_eq!(ending.close_reason().unwrap().code, CloseCode::Other(4400));
    let codes: Vec<_> = said(&mut session)
        .into_iter()
        .map(|said| said["code"].clone())
        .collect();
    let (json, message) = (json!("invalid-json"), json!("invalid-message"));
    assert_eq!(codes, [json.clone(), message, Value::Null, json.clone(), json]);
}

#[test]
fn a_session_ends_with_its_token() {
    let (mut session, now) = session();
    let expires_at = clock() + HOUR;
    let before = expires_at - SignedDuration::from_millis(1);
    assert!(session.on_alarm(now, before).is_ok());
    assert!(session.next_alarm(now, before) <= now + Duration::from_millis(2));
    let ending = session.on_alarm(now, expires_at).err().unwrap();
    assert_eq!(ending, Ending::Expired);
    assert_eq!(ending.close_reason().unwrap().code, CloseCode::Other(4401));
}

#[test]
fn a_client_that_takes_nothing_is_too_slow() {
    let (mut session, now) = session();
    let slow_after = 10 * SECOND;
    assert!(session.on_alarm(now + slow_after, clock()).is_ok(), "nothing to take");
    let start = now + slow_after;
    tell(&mut session, &json!({"type": "ping"}), start).ok().unwrap();
    assert!(session.on_alarm(start + slow_after - SECOND, clock()).is_ok());
    session.progressed(start + SECOND);
    assert!(session.on_alarm(start + slow_after, clock()).is_ok());
    let ending = session.on_alarm(start + SECOND + slow_after, clock());
    assert_eq!(ending.err(), Some(Ending::Slow));
}

#[test]
fn a_silent_client_is_pinged_and_then_given_up() {
    let (mut session, now) = session();
    for second in 0..20 {
        session.on_alarm(now + second * SECOND, clock()).ok().unwrap();
    }
    assert!(session.output.is_empty());
    session.on_alarm(now + 20 * SECOND, clock()).ok().unwrap();
    session.on_alarm(now + 21 * SECOND, clock()).ok().unwrap();
    assert_eq!(said(&mut session), [Value::Null], "one ping, not one a look");
    assert_eq!(session.on_alarm(now + 60 * SECOND, clock()).err(), Some(Ending::Dead));
    session.heard(now + 25 * SECOND);
    assert!(session.on_alarm(now + 60 * SECOND, clock()).is_ok());
}

#[test]
fn a_subscription_that_gets_no_answer_is_given_up() {
    let (mut session, now) = session();
    let key = subscribe_to(&mut session, "1", "demo", now).key;
    let commands = session.on_alarm(now + 6 * SECOND, clock()).ok().unwrap();
    assert!(matches!(&commands[..], [Command::Unsubscribe(left)] if left.key == key));
    assert_eq!(said(&mut session)[0]["code"], "unavailable");
    session.outbox.push_subscribed(key, start());
    session.collect(now, clock());
    assert!(session.output.is_empty(), "the answer came too late");
}

#[test]
fn who_does_not_read_is_not_read_for_ever() {
    let (mut session, now) = session();
    let mut read = 0;
    while session.may_read() {
        tell(&mut session, &json!({"type": "ping"}), now).ok().unwrap();
        read += 1;
    }
    assert_eq!(read, 2 + ANSWERS);
}

#[test]
fn a_session_ends_at_its_time_when_the_process_ends() {
    let (mut session, now) = session();
    let end = now + Duration::from_millis(300);
    session.close_at(end);
    assert_eq!(session.next_alarm(now, clock()), end);
    assert!(session.on_alarm(now, clock()).is_ok());
    let ending = session.on_alarm(end, clock()).err().unwrap();
    assert_eq!(ending.close_reason().unwrap().code, CloseCode::Restart);
}

#[test]
fn whoever_leaves_leaves_everything() {
    let (mut session, now) = session();
    let keys = ["1", "2"].map(|id| subscribe_to(&mut session, id, "demo", now).key);
    let left: Vec<Key> = session
        .leave()
        .map(|command| match command {
            Command::Subscribe(one) | Command::Unsubscribe(one) => one.key,
        })
        .collect();
    assert_eq!(left, keys);
}

#[test]
fn a_stream_of_events_says_now_and_then_that_it_is_there() {
    let (mut session, now) = session();
    session.form = Form::EventStream;
    session.on_alarm(now + 14 * SECOND, clock()).ok().unwrap();
    assert!(session.output.is_empty());
    session.on_alarm(now + 15 * SECOND, clock()).ok().unwrap();
    assert_eq!(session.output.pop().unwrap().0, ": still here\n\n");
    session.progressed(now + 100 * SECOND);
    assert!(
        session.on_alarm(now + 100 * SECOND, clock()).is_ok(),
        "it cannot answer, so its silence means nothing"
    );
}
