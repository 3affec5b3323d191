use actix_ws::CloseCode;
use citytrack_common::settings::from_args;
use clap::Parser;
use serde_json::{Value, json};

use super::*;

#[derive(Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) live: LiveSettings,
}

/// A session whose token names `demo` for an hour, and the moment it began.
fn session() -> (Session, Instant) {
    let args = [
        "--live-subscriptions",
        "2",
        "--live-bad-messages",
        "2",
        "--live-queue",
        "2",
    ];
    let settings = Arc::new(from_args::<Args>(args).unwrap().live);
    let token = ViewerToken {
        venues: vec![Slug::new("demo").unwrap()],
        cameras: citytrack_access::CameraLimits::new(),
        expires_at: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1),
        fingerprint: 0,
    };
    let now = Instant::now();
    let (feed, _commands) = FeedHandle::new();
    (Session::new(settings, feed, token, now), now)
}

fn said(session: &mut Session) -> Vec<Value> {
    let output = std::mem::take(&mut session.output);
    let texts = output.into_iter().map(|output| match output.message {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => json!(format!("{other:?}")),
    });
    texts.collect()
}

fn subscribe(session: &mut Session, id: &str) -> Arc<Subscription> {
    let text = json!({"type": "subscribe", "id": id, "venue": "demo"}).to_string();
    match session.on_text(&text, Instant::now()) {
        Ok(Some(Command::Subscribe(subscription))) => subscription,
        _ => panic!("{:?}", said(session)),
    }
}

#[test]
fn subscribed_comes_from_the_feed_and_before_the_first_frame() {
    let (mut session, now) = session();
    let subscription = subscribe(&mut session, "1");
    assert_eq!(said(&mut session), Vec::<Value>::new());
    session.outbox.push_subscribed(subscription.key);
    session
        .outbox
        .push_frame(subscription.key, r#"{"type":"frame"}"#.into());
    session.collect(now);
    let said = said(&mut session);
    assert_eq!(said[0]["type"], "subscribed");
    assert_eq!(said[1], json!({"type": "frame"}));
}

#[test]
fn after_unsubscribed_nothing_comes_any_more() {
    let (mut session, now) = session();
    let subscription = subscribe(&mut session, "1");
    session.outbox.push_frame(subscription.key, "{}".into());
    let command = session.on_text(r#"{"type":"unsubscribe","id":"1"}"#, now);
    assert!(matches!(command, Ok(Some(Command::Unsubscribe(left))) if left.key == subscription.key));
    session.collect(now);
    assert_eq!(said(&mut session), [json!({"type": "unsubscribed", "id": "1"})]);
    session.on_text(r#"{"type":"unsubscribe","id":"1"}"#, now).unwrap();
    assert_eq!(said(&mut session)[0]["code"], "unknown-id");
}

#[test]
fn what_does_not_fit_comes_as_a_gap() {
    let (mut session, now) = session();
    let key = subscribe(&mut session, "a").key;
    for _ in 0..5 {
        session.outbox.push_frame(key, "{}".into());
    }
    session.collect(now);
    let gap = json!({"type": "gap", "id": "a", "dropped": 3});
    assert_eq!(said(&mut session), [json!({}), json!({}), gap]);
}

#[test]
fn wishes_that_cannot_be_granted_are_refused_with_a_code() {
    let (mut session, now) = session();
    subscribe(&mut session, "1");
    for (wish, code) in [
        (json!({"id": "1", "venue": "demo"}), "duplicate-id"),
        (json!({"id": "2", "venue": "other"}), "forbidden-venue"),
        (json!({"id": "2", "venue": "No Slug"}), "forbidden-venue"),
        (
            json!({"id": "2", "venue": "demo", "filter": {"classes": []}}),
            "invalid-filter",
        ),
        (
            json!({"id": "2", "venue": "demo", "filter": {"cameras": ["a b"]}}),
            "invalid-filter",
        ),
    ] {
        let mut wish = wish;
        wish["type"] = json!("subscribe");
        assert!(matches!(session.on_text(&wish.to_string(), now), Ok(None)));
        let error = said(&mut session).remove(0);
        assert_eq!((&error["code"], &error["id"]), (&json!(code), &wish["id"]), "{error}");
    }
    subscribe(&mut session, "2");
    session
        .on_text(r#"{"type":"subscribe","id":"3","venue":"demo"}"#, now)
        .unwrap();
    assert_eq!(said(&mut session)[0]["code"], "too-many-subscriptions");
}

#[test]
fn garbage_is_answered_until_it_is_repeated() {
    let (mut session, now) = session();
    assert!(session.on_text("{", now).is_ok());
    assert!(session.on_binary(now).is_ok());
    assert!(
        session.on_text(r#"{"type":"ping"}"#, now).is_ok(),
        "a good one in between"
    );
    assert!(session.on_text("{", now).is_ok());
    assert!(session.on_text("{", now).is_ok());
    let ending = session.on_text("{", now).err().unwrap();
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
    let expires_at = session.token.expires_at;
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
    let (second, slow_after) = (Duration::from_secs(1), Duration::from_secs(10));
    assert!(
        session.on_alarm(now + slow_after, Timestamp::UNIX_EPOCH).is_ok(),
        "nothing to take"
    );
    let start = now + slow_after;
    session.on_text(r#"{"type":"ping"}"#, start).unwrap();
    assert!(
        session
            .on_alarm(start + slow_after - second, Timestamp::UNIX_EPOCH)
            .is_ok()
    );
    session.progressed(start + second);
    assert!(session.on_alarm(start + slow_after, Timestamp::UNIX_EPOCH).is_ok());
    let ending = session.on_alarm(start + second + slow_after, Timestamp::UNIX_EPOCH);
    assert_eq!(ending.err(), Some(Ending::Slow));
}

#[test]
fn a_silent_client_is_pinged_and_then_given_up() {
    let (mut session, now) = session();
    let at = |seconds| now + Duration::from_secs(seconds);
    for second in 0..20 {
        session.on_alarm(at(second), Timestamp::UNIX_EPOCH).unwrap();
    }
    assert!(session.output.is_empty());
    session.on_alarm(at(20), Timestamp::UNIX_EPOCH).unwrap();
    session.on_alarm(at(21), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(said(&mut session).len(), 1, "one ping, not one a look");
    assert_eq!(
        session.on_alarm(at(60), Timestamp::UNIX_EPOCH).err(),
        Some(Ending::Dead)
    );
    session.heard(at(25));
    assert!(session.on_alarm(at(60), Timestamp::UNIX_EPOCH).is_ok());
}

#[test]
fn a_subscription_that_gets_no_answer_is_given_up() {
    let (mut session, now) = session();
    let subscription = subscribe(&mut session, "1");
    let commands = session
        .on_alarm(now + Duration::from_secs(6), Timestamp::UNIX_EPOCH)
        .ok()
        .unwrap();
    assert!(matches!(commands.as_slice(), [Command::Unsubscribe(left)] if left.key == subscription.key));
    assert_eq!(said(&mut session)[0]["code"], "unavailable");
    session.outbox.push_subscribed(subscription.key);
    session.collect(now);
    assert!(session.output.is_empty(), "the answer came too late");
}

#[test]
fn who_does_not_read_is_not_read_for_ever() {
    let (mut session, now) = session();
    let mut read = 0;
    while session.may_read() {
        session.on_text(r#"{"type":"ping"}"#, now).unwrap();
        read += 1;
    }
    assert_eq!(read, 2 + ANSWERS);
}

#[test]
fn a_session_ends_at_its_time_when_the_process_ends() {
    let (mut session, now) = session();
    let end = now + Duration::from_millis(300);
    session.close_at(end);
    assert_eq!(session.next_alarm(now, Timestamp::UNIX_EPOCH), end);
    assert!(session.on_alarm(now, Timestamp::UNIX_EPOCH).is_ok());
    let ending = session.on_alarm(end, Timestamp::UNIX_EPOCH).err().unwrap();
    assert_eq!(ending.close_reason().unwrap().code, CloseCode::Restart);
}
