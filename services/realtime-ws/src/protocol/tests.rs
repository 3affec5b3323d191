use serde_json::json;

use super::*;

fn plain(id: &str, venue: &str) -> Subscribe {
    Subscribe {
        id: id.to_owned(),
        venue: venue.to_owned(),
        filter: None,
        empty: true,
        backlog: true,
        since: None,
        max_rate: None,
    }
}

#[test]
fn the_messages_of_the_documents_are_read() {
    let full = r#"{"type":"subscribe","id":"1","venue":"demo","filter":{"class":{"in":["person"]}},"empty":false,
        "backlog":false,"since":"CURSOR","max_rate":0.5}"#;
    let wanted = Subscribe {
        filter: Some(json!({"class": {"in": ["person"]}})),
        empty: false,
        backlog: false,
        since: Some("CURSOR".to_owned()),
        max_rate: Some(0.5),
        ..plain("1", "demo")
    };
    let token = SecretText("jwt".to_owned());
    for (text, message) in [
        (full, ClientMessage::Subscribe(Box::new(wanted))),
        (
            r#"{"type":"subscribe","id":"1","venue":"demo"}"#,
            ClientMessage::Subscribe(Box::new(plain("1", "demo"))),
        ),
        (
            r#"{"type":"unsubscribe","id":"1"}"#,
            ClientMessage::Unsubscribe { id: "1".to_owned() },
        ),
        (
            r#"{"type":"authenticate","token":"jwt"}"#,
            ClientMessage::Authenticate { token },
        ),
        (r#"{"type":"ping"}"#, ClientMessage::Ping {}),
    ] {
        assert_eq!(ClientMessage::parse(text), Ok(message), "{text}");
    }
}

#[test]
fn everything_else_is_refused_with_its_reason() {
    use ErrorCode::{InvalidJson, InvalidMessage, UnknownType};
    let long = format!(r#"{{"type":"shout","id":"{}"}}"#, "x".repeat(MAX_ID + 1));
    for (text, code, id) in [
        ("{", InvalidJson, None),
        ("[]", InvalidMessage, None),
        (r#"{"id":"7"}"#, InvalidMessage, Some("7")),
        (r#"{"type":1,"id":"7"}"#, InvalidMessage, Some("7")),
        (r#"{"type":"shout","id":"7"}"#, UnknownType, Some("7")),
        (&long, UnknownType, None),
        (r#"{"type":"authenticate"}"#, InvalidMessage, None),
        (r#"{"type":"subscribe","id":"7"}"#, InvalidMessage, Some("7")),
        (r#"{"type":"subscribe","id":7,"venue":"demo"}"#, InvalidMessage, None),
        (
            r#"{"type":"subscribe","id":"7","venue":"demo","camera":"a"}"#,
            InvalidMessage,
            Some("7"),
        ),
        (
            r#"{"type":"subscribe","id":"7","venue":"demo","max_rate":"5"}"#,
            InvalidMessage,
            Some("7"),
        ),
        (
            r#"{"type":"subscribe","id":"7","venue":"demo","empty":1}"#,
            InvalidMessage,
            Some("7"),
        ),
        (
            r#"{"type":"subscribe","id":"7","venue":"demo","since":4}"#,
            InvalidMessage,
            Some("7"),
        ),
        (
            r#"{"type":"unsubscribe","id":"7","venue":"demo"}"#,
            InvalidMessage,
            Some("7"),
        ),
        (r#"{"type":"ping","id":"7"}"#, InvalidMessage, Some("7")),
    ] {
        let refusal = ClientMessage::parse(text).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.id.as_deref()),
            (code, id),
            "{text}: {}",
            refusal.message
        );
    }
}

#[test]
fn no_log_shows_a_token() {
    let message = ClientMessage::parse(r#"{"type":"authenticate","token":"jwt"}"#).unwrap();
    assert!(!format!("{message:?}").contains("jwt"));
}

#[test]
fn server_messages_have_the_documented_form() {
    let expires_at: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    let cameras = BTreeSet::from(["north/entrance".into()]);
    let frame = RawValue::from_string(r#"{"age":1.500}"#.to_owned()).unwrap();
    let subscribed = ServerMessage::Subscribed {
        id: "1",
        venue: "demo",
        cursor: "CURSOR",
        recovered: false,
        snapshot: &[frame],
    };
    let gap = |dropped, cameras, reason| ServerMessage::Gap {
        id: "1",
        dropped,
        cameras,
        reason,
    };
    let error = |id| ServerMessage::Error {
        id,
        code: "invalid-json",
        message: "no",
    };
    for (message, text) in [
        (
            ServerMessage::Authenticated {
                venues: vec!["demo"],
                expires_at,
            },
            r#"{"type":"authenticated","venues":["demo"],"expires_at":"2026-11-22T10:00:00Z"}"#,
        ),
        (
            ServerMessage::Expiring { expires_at },
            r#"{"type":"expiring","expires_at":"2026-11-22T10:00:00Z"}"#,
        ),
        (
            subscribed,
            r#"{"type":"subscribed","id":"1","venue":"demo","cursor":"CURSOR","recovered":false,"snapshot":[{"age":1.500}]}"#,
        ),
        (
            ServerMessage::Unsubscribed { id: "1" },
            r#"{"type":"unsubscribed","id":"1"}"#,
        ),
        (
            gap(Some(12), &cameras, GapReason::Slow),
            r#"{"type":"gap","id":"1","dropped":12,"cameras":["north/entrance"],"reason":"slow"}"#,
        ),
        (
            gap(None, &BTreeSet::new(), GapReason::Overload),
            r#"{"type":"gap","id":"1","dropped":null,"cameras":[],"reason":"overload"}"#,
        ),
        (ServerMessage::Pong, r#"{"type":"pong"}"#),
        (error(None), r#"{"type":"error","code":"invalid-json","message":"no"}"#),
        (
            error(Some("1")),
            r#"{"type":"error","id":"1","code":"invalid-json","message":"no"}"#,
        ),
        (
            ServerMessage::End { reason: "expired" },
            r#"{"type":"end","reason":"expired"}"#,
        ),
    ] {
        assert_eq!(message.text(), text);
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(value["type"], message.name());
    }
}
