//! The messages on the socket. `docs/realtime.md` describes them for authors of clients.

use std::{collections::BTreeSet, fmt, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, value::RawValue};

/// The subprotocol that browsers ask for and that is selected.
pub(crate) const SUBPROTOCOL: &str = "citytrack.v1";
/// Characters of a subscription's id.
pub(crate) const MAX_ID: usize = 64;

/// What a client says.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum ClientMessage {
    /// Shows a token: the first, or a new one before the old one ends.
    Authenticate { token: SecretText },
    /// Asks for the frames of a venue.
    Subscribe(Box<Subscribe>),
    /// Wants no more of them.
    Unsubscribe { id: String },
    /// Asks for a `pong`: browsers cannot send WebSocket pings.
    Ping {},
}

/// A `subscribe`, not checked yet.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscribe {
    pub(crate) id: String,
    pub(crate) venue: String,
    #[serde(default, deserialize_with = "some")]
    pub(crate) filter: Option<Value>,
    #[serde(default = "yes")]
    pub(crate) empty: bool,
    #[serde(default = "yes")]
    pub(crate) backlog: bool,
    #[serde(default, deserialize_with = "some")]
    pub(crate) since: Option<String>,
    #[serde(default, deserialize_with = "some")]
    pub(crate) max_rate: Option<f64>,
}

fn yes() -> bool {
    true
}

/// The value of a field that is there: `null` is none, as in every other field.
fn some<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A text that no log shows.
#[derive(PartialEq, Deserialize)]
#[serde(transparent)]
pub(crate) struct SecretText(pub(crate) String);

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

/// What the server says, beside frames: those are put together in `encode`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum ServerMessage<'a> {
    Authenticated {
        venues: Vec<&'a str>,
        expires_at: Timestamp,
    },
    Expiring {
        expires_at: Timestamp,
    },
    Subscribed {
        id: &'a str,
        venue: &'a str,
        cursor: &'a str,
        recovered: bool,
        snapshot: &'a [Box<RawValue>],
    },
    /// Where the client stands, when no frame said so for a while.
    Cursor {
        id: &'a str,
        cursor: &'a str,
    },
    Unsubscribed {
        id: &'a str,
    },
    Gap {
        id: &'a str,
        /// `null` when nobody knows.
        dropped: Option<u64>,
        cameras: &'a BTreeSet<Arc<str>>,
        reason: GapReason,
    },
    Pong,
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        code: &'static str,
        message: &'a str,
    },
    /// The last event of a stream; sockets have close codes for that.
    End {
        reason: &'static str,
    },
}

/// Why frames were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GapReason {
    /// The client reads too slowly: older frames of a camera gave way to newer ones.
    Slow,
    /// The client asked for fewer.
    Rate,
    /// This instance fell behind, and the broker dropped messages.
    Overload,
}

/// Why a message is refused; the socket stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    InvalidJson,
    UnknownType,
    InvalidMessage,
    InvalidFilter,
    InvalidCursor,
    Unauthorized,
    NotAuthenticated,
    ForbiddenVenue,
    DuplicateId,
    UnknownId,
    TooManySubscriptions,
    TooManyMessages,
    TooManySockets,
    Unavailable,
}

impl ErrorCode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid-json",
            Self::UnknownType => "unknown-type",
            Self::InvalidMessage => "invalid-message",
            Self::InvalidFilter => "invalid-filter",
            Self::InvalidCursor => "invalid-cursor",
            Self::Unauthorized => "unauthorized",
            Self::NotAuthenticated => "not-authenticated",
            Self::ForbiddenVenue => "forbidden-venue",
            Self::DuplicateId => "duplicate-id",
            Self::UnknownId => "unknown-id",
            Self::TooManySubscriptions => "too-many-subscriptions",
            Self::TooManyMessages => "too-many-messages",
            Self::TooManySockets => "too-many-sockets",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether no working client sends such a message: a few are answered, then the socket is closed.
    pub(crate) fn is_garbage(self) -> bool {
        matches!(
            self,
            Self::InvalidJson | Self::UnknownType | Self::InvalidMessage | Self::TooManyMessages
        )
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
    /// The subscription that a message is about, as far as that can be read.
    pub(crate) fn id_of(text: &str) -> Option<String> {
        let value: Value = serde_json::from_str(text).ok()?;
        id_in(&value)
    }

    /// Reads a message; strict, so that a misspelt field is noticed by its author and not ignored.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_str(text).map_err(|error| Refusal {
            id: None,
            code: ErrorCode::InvalidJson,
            message: format!("not JSON: {error}"),
        })?;
        let id = id_in(&value);
        let refuse = |code, message: String| Refusal { id, code, message };
        match value.get("type").and_then(Value::as_str) {
            Some("authenticate" | "subscribe" | "unsubscribe" | "ping") => {}
            Some(_) => {
                let message = "`type` must be authenticate, subscribe, unsubscribe or ping".to_owned();
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

fn id_in(message: &Value) -> Option<String> {
    let id = message.get("id").and_then(Value::as_str)?;
    (id.len() <= MAX_ID).then(|| id.to_owned())
}

impl ServerMessage<'_> {
    /// The message as text.
    pub(crate) fn text(&self) -> String {
        // Strings and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Its `type`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Authenticated { .. } => "authenticated",
            Self::Expiring { .. } => "expiring",
            Self::Subscribed { .. } => "subscribed",
            Self::Cursor { .. } => "cursor",
            Self::Unsubscribed { .. } => "unsubscribed",
            Self::Gap { .. } => "gap",
            Self::Pong => "pong",
            Self::Error { .. } => "error",
            Self::End { .. } => "end",
        }
    }
}

#[cfg(test)]
mod tests;
