//! The messages on the socket. `docs/realtime.md` describes them for authors of clients.

use bytestring::ByteString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The subprotocol that browsers ask for and that is selected.
pub(crate) const SUBPROTOCOL: &str = "citytrack.v1";
/// Characters of a subscription's id.
pub(crate) const MAX_ID: usize = 64;

/// What a client says.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum ClientMessage {
    /// Asks for the frames of a venue.
    Subscribe {
        id: String,
        venue: String,
        #[serde(default)]
        filter: WantedFilter,
    },
    /// Wants no more of them.
    Unsubscribe { id: String },
    /// Asks for a `pong`: browsers cannot send WebSocket pings.
    Ping {},
}

/// The filter of a `subscribe`, not checked yet.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedFilter {
    #[serde(default)]
    pub(crate) cameras: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) classes: Option<Vec<String>>,
}

/// What the server says, beside frames: those are put together in `encode`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum ServerMessage<'a> {
    Subscribed {
        id: &'a str,
        venue: &'a str,
        /// For resuming, once that exists.
        cursor: Option<&'a str>,
        recovered: bool,
        snapshot: [(); 0],
    },
    Unsubscribed {
        id: &'a str,
    },
    Gap {
        id: &'a str,
        dropped: u64,
    },
    Pong,
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        code: &'static str,
        message: &'a str,
    },
}

/// Why a message is refused; the socket stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    InvalidJson,
    UnknownType,
    InvalidMessage,
    InvalidFilter,
    ForbiddenVenue,
    DuplicateId,
    UnknownId,
    TooManySubscriptions,
    Unavailable,
}

impl ErrorCode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid-json",
            Self::UnknownType => "unknown-type",
            Self::InvalidMessage => "invalid-message",
            Self::InvalidFilter => "invalid-filter",
            Self::ForbiddenVenue => "forbidden-venue",
            Self::DuplicateId => "duplicate-id",
            Self::UnknownId => "unknown-id",
            Self::TooManySubscriptions => "too-many-subscriptions",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether no working client sends such a message: a few are answered, then the socket is closed.
    pub(crate) fn is_garbage(self) -> bool {
        matches!(self, Self::InvalidJson | Self::UnknownType | Self::InvalidMessage)
    }
}

/// A refused message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The subscription that it is about, as far as that can be read.
    pub(crate) id: Option<String>,
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl ClientMessage {
    /// Reads a message; strict, so that a misspelt field is noticed by its author and not ignored.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_str(text).map_err(|error| Refusal {
            id: None,
            code: ErrorCode::InvalidJson,
            message: format!("not JSON: {error}"),
        })?;
        let id = value.get("id").and_then(Value::as_str).filter(|id| id.len() <= MAX_ID);
        let id = id.map(ToOwned::to_owned);
        let refuse = |code, message: String| Refusal { id, code, message };
        match value.get("type").and_then(Value::as_str) {
            Some("subscribe" | "unsubscribe" | "ping") => {}
            Some(_) => {
                let message = "`type` must be subscribe, unsubscribe or ping".to_owned();
                return Err(refuse(ErrorCode::UnknownType, message));
            }
            None => {
                let message = "a message is an object with a `type`".to_owned();
                return Err(refuse(ErrorCode::InvalidMessage, message));
            }
        }
        Self::deserialize(value).map_err(|error| refuse(ErrorCode::InvalidMessage, error.to_string()))
    }
}

impl ServerMessage<'_> {
    /// The message as text.
    pub(crate) fn text(&self) -> ByteString {
        // Strings and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_of_the_documents_are_read() {
        let text = r#"{"type":"subscribe","id":"1","venue":"demo","filter":{"cameras":["a"],"classes":["person"]}}"#;
        let filter = WantedFilter {
            cameras: Some(vec!["a".to_owned()]),
            classes: Some(vec!["person".to_owned()]),
        };
        let (id, venue) = ("1".to_owned(), "demo".to_owned());
        let subscribe = ClientMessage::Subscribe { id, venue, filter };
        assert_eq!(ClientMessage::parse(text), Ok(subscribe));
        let short = ClientMessage::parse(r#"{"type":"subscribe","id":"1","venue":"demo"}"#).unwrap();
        assert!(matches!(short, ClientMessage::Subscribe { filter, .. } if filter == WantedFilter::default()));
        let unsubscribe = ClientMessage::Unsubscribe { id: "1".to_owned() };
        assert_eq!(
            ClientMessage::parse(r#"{"type":"unsubscribe","id":"1"}"#),
            Ok(unsubscribe)
        );
        assert_eq!(ClientMessage::parse(r#"{"type":"ping"}"#), Ok(ClientMessage::Ping {}));
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        for (text, code, id) in [
            ("{", ErrorCode::InvalidJson, None),
            ("[]", ErrorCode::InvalidMessage, None),
            (r#"{"id":"7"}"#, ErrorCode::InvalidMessage, Some("7")),
            (r#"{"type":"shout","id":"7"}"#, ErrorCode::UnknownType, Some("7")),
            (r#"{"type":"subscribe","id":"7"}"#, ErrorCode::InvalidMessage, Some("7")),
            (
                r#"{"type":"subscribe","id":7,"venue":"demo"}"#,
                ErrorCode::InvalidMessage,
                None,
            ),
            (
                r#"{"type":"subscribe","id":"7","venue":"demo","camera":"a"}"#,
                ErrorCode::InvalidMessage,
                Some("7"),
            ),
            (
                r#"{"type":"subscribe","id":"7","venue":"demo","filter":{"class":"a"}}"#,
                ErrorCode::InvalidMessage,
                Some("7"),
            ),
            (r#"{"type":"ping","id":"7"}"#, ErrorCode::InvalidMessage, Some("7")),
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
    fn server_messages_have_the_documented_form() {
        let subscribed = ServerMessage::Subscribed {
            id: "1",
            venue: "demo",
            cursor: None,
            recovered: false,
            snapshot: [],
        };
        assert_eq!(
            subscribed.text(),
            r#"{"type":"subscribed","id":"1","venue":"demo","cursor":null,"recovered":false,"snapshot":[]}"#
        );
        assert_eq!(ServerMessage::Pong.text(), r#"{"type":"pong"}"#);
        assert_eq!(
            ServerMessage::Gap { id: "1", dropped: 12 }.text(),
            r#"{"type":"gap","id":"1","dropped":12}"#
        );
        let error = ServerMessage::Error {
            id: None,
            code: "invalid-json",
            message: "no",
        };
        assert_eq!(error.text(), r#"{"type":"error","code":"invalid-json","message":"no"}"#);
    }
}
