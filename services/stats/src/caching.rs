//! Answers that a client may keep, and ask about again without having them sent again.

use std::fmt::Display;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ETag, EntityTag, Header, IfNoneMatch},
};
use citytrack_common::Problem;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tracing::error;

/// A whole answer.
pub(crate) struct Content {
    /// The body.
    pub(crate) bytes: Vec<u8>,
    /// The value of `Content-Type`.
    pub(crate) kind: &'static str,
    /// The name of the file that it should be saved as, if it should.
    pub(crate) file: Option<String>,
}

impl Content {
    /// JSON.
    pub(crate) fn json(body: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self {
            bytes: serde_json::to_vec(body).map_err(|error| Self::unwritable(&error))?,
            kind: "application/json",
            file: None,
        })
    }

    /// For what should never happen: a value that cannot be written as it is.
    pub(crate) fn unwritable(error: &dyn Display) -> Problem {
        error!(%error, "an answer cannot be written");
        Problem::internal()
    }

    /// The answer, or 304 if the client has it already. The tag is of the content itself, so it is never wrong: late frames
    /// may correct the past. `end` is where the range of the answer ends: what is over changes seldom.
    pub(crate) fn respond(self, request: &HttpRequest, end: Option<Timestamp>, now: Timestamp) -> HttpResponse {
        let closed = end.is_some_and(|end| end < now);
        let hash: [u8; 32] = Sha256::digest(&self.bytes).into();
        let hash = hash.first_chunk().map_or(0, |part| u128::from_be_bytes(*part));
        // Weak, as the same content may go out compressed.
        let tag = EntityTag::new_weak(format!("{hash:032x}"));
        let known = IfNoneMatch::parse(request).is_ok_and(|given| match given {
            IfNoneMatch::Any => true,
            IfNoneMatch::Items(tags) => tags.iter().any(|given| given.weak_eq(&tag)),
        });
        let mut answer = if known {
            HttpResponse::NotModified()
        } else {
            HttpResponse::Ok()
        };
        let caching = if closed {
            "private, max-age=60"
        } else {
            "private, max-age=5"
        };
        answer
            .insert_header((header::CACHE_CONTROL, caching))
            .insert_header((header::VARY, "accept, authorization"))
            .insert_header(ETag(tag));
        if known {
            return answer.finish();
        }
        if let Some(file) = self.file {
            answer.insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\"")));
        }
        answer.content_type(self.kind).body(self.bytes)
    }
}
