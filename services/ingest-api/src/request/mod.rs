//! What nodes post, read in one pass: JSON text → domain values, with every violation noted on the way.
//!
//! The wire shape lives in this module alone. A value of the wrong type does not stop the reading: it becomes a violation
//! with its JSON pointer (RFC 6901), and the rest is read as well.

mod detection;
mod frame;
mod object;
mod scalar;
pub(crate) mod schema;
mod submission;
mod violations;

use citytrack_domain::{BatchId, Detection, Frame, StreamPosition, Window};
use jiff::Timestamp;
use serde::de::DeserializeSeed;

pub(crate) use violations::Violations;

/// What one batch may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) frames: usize,
    pub(crate) detections: usize,
    /// For `captured_at` and the time in the batch id.
    pub(crate) window: Window,
}

/// A batch as posted, checked.
#[derive(Debug)]
pub(crate) struct Posted {
    /// From the body or the header `Idempotency-Key`.
    pub(crate) id: Option<BatchId>,
    pub(crate) position: Option<StreamPosition>,
    pub(crate) frames: Vec<Frame>,
}

/// Why a body is no batch.
#[derive(Debug)]
pub(crate) enum Rejected {
    NotJson(serde_json::Error),
    Invalid {
        violations: Violations,
        /// Which batch it was, where that could be read.
        position: Option<StreamPosition>,
    },
}

/// What the readers share.
struct Reading<'r> {
    limits: &'r Limits,
    now: Timestamp,
    violations: Violations,
}

/// Reads a body.
pub(crate) fn read(
    body: &[u8],
    idempotency_key: Option<&str>,
    now: Timestamp,
    limits: &Limits,
) -> Result<Posted, Rejected> {
    let mut reading = Reading {
        limits,
        now,
        violations: Violations::default(),
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let submission = submission::Reader { reading: &mut reading }
        .deserialize(&mut json)
        .and_then(|submission| json.end().map(|()| submission))
        .map_err(Rejected::NotJson)?;
    let id = reading.batch_id(submission.batch_id, idempotency_key);
    if reading.violations.total() > 0 {
        return Err(Rejected::Invalid {
            violations: reading.violations,
            position: submission.position,
        });
    }
    Ok(Posted {
        id,
        position: submission.position,
        frames: submission.frames,
    })
}

/// Reads the boxes of a picture: a JSON array of detections. What is wrong is noted below `/boxes`.
pub(crate) fn read_boxes(json: &str, now: Timestamp, limits: &Limits, violations: &mut Violations) -> Vec<Detection> {
    let mut reading = Reading {
        limits,
        now,
        violations: std::mem::take(violations),
    };
    let list = frame::Detections {
        reading: &mut reading,
        frame: object::Place::default(),
    };
    let mut json = serde_json::Deserializer::from_str(json);
    let boxes = object::Seed(list)
        .deserialize(&mut json)
        .and_then(|boxes| json.end().map(|()| boxes));
    *violations = reading.violations;
    boxes
        .inspect_err(|error| violations.add("/boxes", format!("is not JSON: {error}")))
        .ok()
        .flatten()
        .unwrap_or_default()
}

impl Reading<'_> {
    fn batch_id(&mut self, from_body: Option<BatchId>, header: Option<&str>) -> Option<BatchId> {
        let from_header = match header.map(BatchId::parse) {
            None => None,
            Some(Ok(id)) => Some(id),
            Some(Err(error)) => {
                self.violations.add("", format!("the header Idempotency-Key {error}"));
                None
            }
        };
        if let (Some(body), Some(header)) = (from_body, from_header)
            && body != header
        {
            self.violations
                .add("/batch_id", "differs from the header Idempotency-Key");
        }
        let id = from_body.or(from_header)?;
        if let Err(reason) = self.limits.window.check(id.time(), self.now) {
            let pointer = if from_body.is_some() { "/batch_id" } else { "" };
            self.violations
                .add(pointer, format!("the time in the batch id {reason}"));
        }
        Some(id)
    }
}

#[cfg(test)]
mod tests;
