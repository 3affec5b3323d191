//! Why a batch was not accepted, and what to do about it.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;

use crate::wire::{Problem, Violation};

/// The most characters of an answer that is no problem document that are shown.
const SHOWN_OF_ANSWER: usize = 200;

/// Why a batch was not accepted this time. Each variant asks for something else to be done.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Nobody answered, or the answer was lost. Perhaps the server has the batch: try again, with the same id.
    #[error("{}", describe(.0))]
    NoAnswer(#[from] reqwest::Error),
    /// The server cannot take it now: try again later, and not before it said.
    #[error("{refusal}")]
    Busy {
        /// What it said.
        refusal: Box<Refusal>,
        /// Retry-After.
        retry_after: Option<Duration>,
    },
    /// Somebody answered who is not CityTrack (the log-in page of a network, for instance): try again later.
    #[error("answered {0}, but not as CityTrack does: is the address right?")]
    Strange(StatusCode),
    /// The batch is too large: send it in parts.
    #[error("{0}")]
    TooLarge(Box<Refusal>),
    /// Something is wrong with this batch. It will be wrong next time, too: report it, and go on with the next.
    #[error("{0}")]
    Invalid(Box<Refusal>),
    /// Something is wrong with the key or the address, so every batch would be refused: stop.
    #[error("{0}")]
    Denied(Box<Refusal>),
}

/// A server's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// Why.
    pub problem: Problem,
}

impl Refusal {
    /// The frames, by their index, with which alone something is wrong. Empty: it is the batch as a whole, or something else.
    pub fn bad_frames(&self) -> BTreeSet<usize> {
        let index = |violation: &Violation| {
            violation
                .pointer
                .strip_prefix("/frames/")?
                .split('/')
                .next()?
                .parse()
                .ok()
        };
        let frames: Option<BTreeSet<usize>> = self.problem.violations.iter().map(index).collect();
        frames.unwrap_or_default()
    }

    /// With every violation, in one line.
    pub fn in_full(&self) -> String {
        let violations = self.problem.violations.iter();
        let violations: Vec<String> = violations.map(|v| format!("; {}: {}", v.pointer, v.message)).collect();
        format!("{self}{}", violations.concat())
    }

    /// Whether the id is what is wrong.
    pub fn is_about_id(&self) -> bool {
        self.problem
            .violations
            .iter()
            .any(|violation| violation.pointer == "/batch_id")
    }
}

/// The problem document of an answer, or what can be told of an answer without one.
pub(crate) fn problem(body: &[u8], location: Option<String>) -> Problem {
    if let Some(location) = location {
        return Problem {
            detail: format!("redirected to {location}: set the server's address to that"),
            ..Problem::default()
        };
    }
    serde_json::from_slice(body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(body);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Problem {
            detail: line.chars().take(SHOWN_OF_ANSWER).collect(),
            ..Problem::default()
        }
    })
}

/// What an answer other than success asks for.
pub(crate) fn refusal(status: StatusCode, problem: Problem, retry_after: Option<Duration>) -> SubmitError {
    let refusal = Box::new(Refusal { status, problem });
    match status.as_u16() {
        408 | 425 | 429 | 500.. => SubmitError::Busy { refusal, retry_after },
        413 => SubmitError::TooLarge(refusal),
        300..=399 | 401 | 403..=405 | 407 => SubmitError::Denied(refusal),
        _ => SubmitError::Invalid(refusal),
    }
}

/// What happened on the network, in few words: the kind of failure, and its innermost reason.
fn describe(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    match error {
        e if e.is_timeout() => "no answer in time".to_owned(),
        e if e.is_connect() => format!("cannot connect: {reason}"),
        _ => format!("connection lost: {reason}"),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem {
            kind, title, detail, ..
        } = &self.problem;
        write!(f, "{}", self.status)?;
        if !kind.is_empty() && kind != "about:blank" {
            write!(f, " ({kind})")?;
        }
        for text in [title, detail] {
            if !text.is_empty()
                && !self
                    .status
                    .canonical_reason()
                    .is_some_and(|reason| reason.eq_ignore_ascii_case(text))
            {
                write!(f, ": {text}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_asks_for_something_else() {
        let of = |status| refusal(StatusCode::from_u16(status).unwrap(), Problem::default(), None);
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert!(matches!(of(status), SubmitError::Busy { .. }), "{status}");
        }
        for status in [301, 307, 401, 403, 404, 405] {
            assert!(matches!(of(status), SubmitError::Denied(_)), "{status}");
        }
        for status in [400, 409, 415, 422] {
            assert!(matches!(of(status), SubmitError::Invalid(_)), "{status}");
        }
        assert!(matches!(of(413), SubmitError::TooLarge(_)));
    }

    #[test]
    fn single_frames_can_be_what_is_wrong() {
        let refusal = |pointers: &[&str]| {
            let violation = |pointer: &&str| Violation {
                pointer: (*pointer).to_owned(),
                message: String::new(),
            };
            let problem = Problem {
                violations: pointers.iter().map(violation).collect(),
                ..Problem::default()
            };
            Refusal {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                problem,
            }
        };
        let frames = |pointers: &[&str]| Vec::from_iter(refusal(pointers).bad_frames());
        assert_eq!(frames(&["/frames/3/camera", "/frames/0", "/frames/3/width"]), [0, 3]);
        assert_eq!(frames(&["/frames/3/camera", "/frames"]), Vec::<usize>::new());
        assert_eq!(frames(&["/frames/3/camera", "/batch_id"]), Vec::<usize>::new());
        assert_eq!(frames(&[]), Vec::<usize>::new());
        assert!(refusal(&["/batch_id"]).is_about_id() && !refusal(&["/frames/0"]).is_about_id());
    }

    #[test]
    fn refusals_are_told_in_one_line() {
        let told = |status: u16, body: &[u8]| {
            refusal(StatusCode::from_u16(status).unwrap(), problem(body, None), None).to_string()
        };
        let document =
            br#"{"type":"/problems/unauthorized","title":"Unauthorized","status":401,"detail":"the key was revoked"}"#;
        assert_eq!(
            told(401, document),
            "401 Unauthorized (/problems/unauthorized): the key was revoked"
        );
        assert_eq!(
            told(502, b"<h1>Bad\n Gateway</h1>"),
            "502 Bad Gateway: <h1>Bad Gateway</h1>"
        );
        assert_eq!(told(503, b""), "503 Service Unavailable");
    }
}
