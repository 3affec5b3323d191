//! Which answers are documented, and what else may not happen.

use std::time::Duration;

use serde_json::Value;

use super::case::Case;
use super::wire::{Answer, Reply};

/// No request may take longer, waiting for its result and its own pauses included.
pub(super) const LONGEST: Duration = Duration::from_secs(10);

/// The table of `docs/api.md#sending-pictures`.
const DOCUMENTED: &[(u16, &str)] = &[
    (400, "invalid-query"),
    (400, "invalid-multipart"),
    (400, "unreadable-body"),
    (401, "unauthorized"),
    (408, "slow-body"),
    (413, "too-large"),
    (415, "unsupported-picture"),
    (415, "unsupported-encoding"),
    (422, "picture-too-large"),
    (422, "invalid-picture"),
    (422, "invalid-details"),
    (422, "picture-failed"),
    (429, "too-many-requests"),
    (503, "unavailable"),
];
/// What actix itself says to what is no HTTP, without a body.
const BARE: &[u16] = &[400, 408, 413, 414, 417, 431];

/// What the answer is called in the report; an error is a fault of the system.
pub(super) fn judge(case: &Case, reply: &Reply) -> Result<String, String> {
    if reply.took > LONGEST {
        return Err(format!("it took {:.1} s", reply.took.as_secs_f64()));
    }
    let Some(answer) = &reply.answer else {
        let how = reply.broken.as_deref().unwrap_or("the connection was closed");
        return if case.lame {
            Ok("no answer".to_owned())
        } else {
            Err(format!("no answer: {how}"))
        };
    };
    if case.lame && answer.body.is_empty() && BARE.contains(&answer.status) {
        return Ok(format!("{} (no HTTP)", answer.status));
    }
    let name = check(answer)?;
    // A connection may break behind an answer that came before the body had gone; but the answer must be whole.
    if answer.is_whole() {
        Ok(name)
    } else {
        Err(format!("{name}: only a part of the answer came"))
    }
}

fn check(answer: &Answer) -> Result<String, String> {
    let media_type = answer.header("content-type").unwrap_or_default();
    match answer.status {
        200 if media_type == "image/jpeg" && answer.body.starts_with(b"\xFF\xD8\xFF") => Ok("200".to_owned()),
        202 if answer.header("location").is_some() && media_type.starts_with("application/json") => {
            Ok("202".to_owned())
        }
        status => problem(status, media_type, answer),
    }
}

fn problem(status: u16, media_type: &str, answer: &Answer) -> Result<String, String> {
    let shown = || {
        format!(
            "{status} {media_type}: {}",
            String::from_utf8_lossy(&answer.body)
                .chars()
                .take(300)
                .collect::<String>()
        )
    };
    if media_type != "application/problem+json" {
        return Err(shown());
    }
    let problem: Value = serde_json::from_slice(&answer.body).map_err(|_| shown())?;
    let kind = problem["type"]
        .as_str()
        .unwrap_or_default()
        .trim_start_matches("/problems/");
    let retry = status != 503 || answer.header("retry-after").is_some();
    if !DOCUMENTED.contains(&(status, kind)) || problem["status"] != status || !retry {
        return Err(shown());
    }
    match problem["reason"].as_str() {
        Some("too-slow") => Err(shown()),
        Some(reason) => Ok(format!("{status} {kind}: {reason}")),
        None => Ok(format!("{status} {kind}")),
    }
}

/// The id under which a picture was accepted.
pub(super) fn accepted(answer: &Answer) -> Option<uuid::Uuid> {
    let location = answer.header("location").filter(|_| answer.status < 300)?;
    location.rsplit('/').next()?.parse().ok()
}
