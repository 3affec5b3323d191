//! Why a picture is not accepted, and how that is answered.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use bytesize::ByteSize;
use citytrack_broker::PublishError;
use citytrack_common::Problem;
use citytrack_domain::ImageFailure;
use citytrack_images::Refused;
use serde_json::json;

use crate::{error::SubmitError, request::Violations};

/// Everything that the sender of a picture can be told instead of 202.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// About the sender, the body or the broker: the same as for batches.
    #[error(transparent)]
    Request(#[from] SubmitError),
    #[error("the query: {0}")]
    Query(String),
    #[error("the form: {0}")]
    Form(String),
    #[error("content encoding {0:?}")]
    Packed(String),
    #[error("picture over {0} bytes")]
    TooLarge(usize),
    #[error("the picture {0}")]
    Refused(Refused),
    #[error("{} violations", .0.total())]
    Invalid(Violations),
    /// It was accepted and waited for, and cannot be transformed.
    #[error("the picture failed: {}", .0.code)]
    Failed(ImageFailure),
}

impl From<PublishError> for ImageError {
    fn from(error: PublishError) -> Self {
        Self::Request(error.into())
    }
}

impl ImageError {
    /// A closed set for metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Request(error) => error.label(),
            Self::Query(_) | Self::Form(_) => "unreadable",
            Self::Packed(_) | Self::Refused(Refused::Unsupported { .. }) => "unsupported",
            Self::TooLarge(_) | Self::Refused(Refused::TooLarge { .. } | Refused::TooLong { .. }) => "too_large",
            Self::Refused(_) | Self::Invalid(_) => "invalid",
            Self::Failed(_) => "failed",
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Request(error) => error.problem(),
            Self::Query(detail) => Problem::bad_request("invalid-query", "Invalid query", detail),
            Self::Form(detail) => Problem::bad_request("invalid-multipart", "Invalid form", detail),
            Self::Packed(found) => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-encoding",
                "Unsupported content encoding",
                format!("pictures are compressed already; leave Content-Encoding away, which is {found:?}"),
            ),
            Self::TooLarge(limit) => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "Picture too large",
                format!("a picture may have {}", ByteSize(*limit as u64)),
            )
            .with("limit_bytes", *limit),
            Self::Refused(reason) => refused(reason),
            Self::Invalid(violations) => invalid(violations),
            Self::Failed(failure) => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "picture-failed",
                "The picture could not be transformed",
                failure.detail.as_str(),
            )
            .with("reason", failure.code.as_str()),
        }
    }
}

fn refused(reason: &Refused) -> Problem {
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let (status, title) = match reason {
        Refused::Unsupported { .. } => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported picture"),
        Refused::TooLarge { .. } | Refused::TooLong { .. } => (unprocessable, "Too many pixels"),
        Refused::Incomplete | Refused::Invalid { .. } => (unprocessable, "Invalid picture"),
    };
    let problem = Problem::new(status, reason.code(), title, format!("the upload {reason}"));
    match reason {
        Refused::TooLarge { width, height, limit } => problem
            .with("width", *width)
            .with("height", *height)
            .with("limit_pixels", *limit),
        _ => problem,
    }
}

fn invalid(violations: &Violations) -> Problem {
    let list: Vec<_> = violations
        .first()
        .iter()
        .map(|violation| json!({ "pointer": violation.pointer, "message": violation.message }))
        .collect();
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-details",
        "Invalid details",
        "what is said about the picture breaks a rule; the picture was not taken",
    )
    .with("violations", list)
    .with("violations_total", violations.total())
}

impl ResponseError for ImageError {
    fn status_code(&self) -> StatusCode {
        self.problem().status_code()
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Request(error) => error.error_response(),
            _ => self.problem().error_response(),
        }
    }
}
