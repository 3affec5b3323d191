//! Why a batch is not accepted, and how that is answered. What is about the sender and the body holds for pictures, too.

use std::time::Duration;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use bytesize::ByteSize;
use citytrack_broker::PublishError;
use citytrack_common::Problem;
use citytrack_domain::StreamPosition;
use citytrack_storage::ledger::Reason;
use serde_json::json;

use crate::{
    rate::{Fields, Refused},
    request::{Rejected, Violations},
};

/// Everything that a node can be told instead of 202.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitError {
    #[error("no node key")]
    NoKey,
    #[error("unknown node key")]
    UnknownKey,
    #[error("the node key cannot be checked now")]
    CannotCheckKey,
    #[error("content type {0:?}")]
    NotJsonType(String),
    #[error("content encoding {0:?}")]
    UnknownEncoding(String),
    #[error("body over {0} bytes")]
    TooLarge(usize),
    #[error("body not sent within {0:?}")]
    SlowBody(Duration),
    #[error("unreadable body: {0}")]
    UnreadableBody(String),
    #[error("body broke off: {0}")]
    BrokenBody(String),
    #[error("not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    #[error("{} violations", .violations.total())]
    Invalid {
        violations: Violations,
        /// Which batch it was, where that could be read.
        position: Option<StreamPosition>,
    },
    #[error("over the limit {}", .refused.policy.name())]
    TooMany { refused: Refused, fields: Fields },
    #[error("no room for the body")]
    NoRoom,
    #[error(transparent)]
    NotPublished(#[from] PublishError),
}

impl From<Rejected> for SubmitError {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::NotJson(error) => Self::NotJson(error),
            Rejected::Invalid { violations, position } => Self::Invalid { violations, position },
        }
    }
}

impl SubmitError {
    /// A closed set for metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::NoKey | Self::UnknownKey => "unauthorized",
            Self::NotJsonType(_) | Self::UnknownEncoding(_) => "unsupported",
            Self::TooLarge(_) => "too_large",
            Self::SlowBody(_) | Self::UnreadableBody(_) | Self::BrokenBody(_) | Self::NotJson(_) => "unreadable",
            Self::Invalid { .. } => "invalid",
            Self::TooMany { .. } => "rate_limited",
            Self::CannotCheckKey | Self::NoRoom | Self::NotPublished(_) => "unavailable",
        }
    }

    /// Why the same batch would be refused again, if it would.
    pub(crate) fn for_good(&self) -> Option<Reason> {
        match self {
            Self::NotJsonType(_) | Self::UnknownEncoding(_) => Some(Reason::Unsupported),
            Self::TooLarge(_) => Some(Reason::TooLarge),
            Self::UnreadableBody(_) | Self::NotJson(_) => Some(Reason::Unreadable),
            Self::Invalid { .. } => Some(Reason::Invalid),
            Self::NoKey
            | Self::UnknownKey
            | Self::CannotCheckKey
            | Self::SlowBody(_)
            | Self::BrokenBody(_)
            | Self::TooMany { .. }
            | Self::NoRoom
            | Self::NotPublished(_) => None,
        }
    }

    /// Which batch it was, where that could be read.
    pub(crate) fn position(&self) -> Option<StreamPosition> {
        match self {
            Self::Invalid { position, .. } => *position,
            _ => None,
        }
    }

    /// What was wrong, for people, in one line.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Invalid { violations, .. } => violations.first().first().map_or_else(String::new, |violation| {
                format!("{} {}", violation.pointer, violation.message)
                    .trim_start()
                    .to_owned()
            }),
            error => error.to_string(),
        }
    }

    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::NoKey => Problem::unauthorized(
                "send the node key as `Authorization: Bearer ctn_…`; operators make keys in the console",
            ),
            Self::UnknownKey => {
                Problem::unauthorized("the node key is unknown or revoked, or its node or venue is retired")
            }
            Self::CannotCheckKey => Problem::unavailable("the node key cannot be checked now", Duration::from_secs(5)),
            Self::NotJsonType(found) => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Unsupported media type",
                format!("Content-Type must be application/json, not {found:?}"),
            ),
            Self::UnknownEncoding(found) => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-encoding",
                "Unsupported content encoding",
                format!("Content-Encoding must be gzip, zstd or absent, not {found:?}"),
            ),
            Self::TooLarge(limit) => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "Body too large",
                format!(
                    "a body may have {} after decompression; send smaller batches",
                    ByteSize(*limit as u64)
                ),
            )
            .with("limit_bytes", *limit),
            Self::SlowBody(limit) => Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "slow-body",
                "Body not sent in time",
                format!("the body must arrive within {}", humantime::format_duration(*limit)),
            ),
            Self::UnreadableBody(reason) | Self::BrokenBody(reason) => Problem::bad_request(
                "unreadable-body",
                "Unreadable body",
                format!("the body cannot be read: {reason}"),
            ),
            Self::NotJson(error) => Problem::bad_request("invalid-json", "Not JSON", error.to_string())
                .with("line", error.line())
                .with("column", error.column()),
            Self::Invalid { violations, .. } => violations_problem(violations),
            Self::TooMany { refused, .. } => too_many(refused),
            Self::NoRoom => Problem::unavailable(
                "too many bodies are being received; send it again with the same id",
                Duration::from_secs(1),
            )
            .with("reason", "no_room"),
            Self::NotPublished(error) => Problem::unavailable(
                format!("{error}; send it again with the same id"),
                Duration::from_secs(if *error == PublishError::Busy { 1 } else { 2 }),
            )
            .with("reason", error.label()),
        }
    }
}

fn too_many(refused: &Refused) -> Problem {
    let policy = refused.policy.name();
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-requests",
        "Too many requests",
        format!("this node sends more than the limit {policy} allows; send it again later, with the same id"),
    )
    .with("violated-policies", vec![policy])
    .retry_after(refused.wait)
}

fn violations_problem(violations: &Violations) -> Problem {
    let (total, shown) = (violations.total(), violations.first().len());
    let detail = match (total, shown) {
        (1, _) => "the batch breaks 1 rule; nothing of it was stored".to_owned(),
        (total, shown) if total > shown => {
            format!("the batch breaks {total} rules, of which the first {shown} are listed; nothing of it was stored")
        }
        (total, _) => format!("the batch breaks {total} rules; nothing of it was stored"),
    };
    let list: Vec<_> = violations
        .first()
        .iter()
        .map(|violation| json!({ "pointer": violation.pointer, "message": violation.message }))
        .collect();
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-batch",
        "Invalid batch",
        detail,
    )
    .with("violations", list)
    .with("violations_total", total)
}

impl ResponseError for SubmitError {
    fn status_code(&self) -> StatusCode {
        self.problem().status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = self.problem().error_response();
        if let Self::TooMany { refused, fields } = self {
            fields.refuse(refused, answer.headers_mut());
        }
        answer
    }
}
