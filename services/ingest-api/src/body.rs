//! The body of a request: which forms are taken, and reading it with limits.

use std::time::Duration;

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName},
    web::Bytes,
};

use crate::error::SubmitError;

/// How large a body may be and how long it may take.
pub(crate) struct BodyLimits {
    /// After decompression.
    pub(crate) bytes: usize,
    pub(crate) timeout: Duration,
}

/// Reads the body, decompressed.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    limits: &BodyLimits,
) -> Result<Bytes, SubmitError> {
    check_form(request)?;
    let bytes = tokio::time::timeout(limits.timeout, Bytes::from_request(request, payload));
    let bytes = bytes.await.map_err(|_| SubmitError::SlowBody(limits.timeout))?;
    bytes.map_err(|error| match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => SubmitError::TooLarge(limits.bytes),
        _ => SubmitError::UnreadableBody(error.to_string()),
    })
}

fn check_form(request: &HttpRequest) -> Result<(), SubmitError> {
    let content_type = text(request, &CONTENT_TYPE);
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(SubmitError::NotJsonType(content_type));
    }
    let encoding = text(request, &CONTENT_ENCODING);
    if !["", "identity", "gzip", "zstd"]
        .iter()
        .any(|known| encoding.eq_ignore_ascii_case(known))
    {
        return Err(SubmitError::UnknownEncoding(encoding));
    }
    Ok(())
}

fn text(request: &HttpRequest, header: &HeaderName) -> String {
    let value = request
        .headers()
        .get(header)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
    value.unwrap_or_default()
}
