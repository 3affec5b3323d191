//! The body of a request: which forms are taken, and reading it with limits.

use std::{
    io::{self, Read},
    time::Duration,
};

use actix_web::{
    HttpRequest,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName},
    web::{self, Bytes, Payload},
};
use flate2::read::MultiGzDecoder;

use crate::error::SubmitError;

/// How large a body may be and how long it may take.
pub(crate) struct BodyLimits {
    /// After decompression.
    pub(crate) bytes: usize,
    pub(crate) timeout: Duration,
}

/// What `Content-Encoding` may say.
#[derive(Clone, Copy)]
enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// How large the body may become, as far as its head tells; a compressed one, or one that is sent in pieces of unknown number,
/// may be as large as any.
pub(crate) fn expected(request: &HttpRequest, limits: &BodyLimits) -> usize {
    let headers = request.headers();
    let length = headers
        .get(CONTENT_LENGTH)
        .filter(|_| !headers.contains_key(CONTENT_ENCODING));
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or(limits.bytes).min(limits.bytes)
}

/// Reads the body, decompressed.
pub(crate) async fn read(request: &HttpRequest, payload: Payload, limits: &BodyLimits) -> Result<Bytes, SubmitError> {
    check_type(request)?;
    let encoding = encoding(request)?;
    let limit = limits.bytes;
    let bytes = tokio::time::timeout(limits.timeout, payload.to_bytes_limited(limit)).await;
    let bytes = bytes
        .map_err(|_| SubmitError::SlowBody(limits.timeout))?
        .map_err(|_| SubmitError::TooLarge(limit))?
        .map_err(|error| SubmitError::BrokenBody(error.to_string()))?;
    let unpacked = match encoding {
        Encoding::Identity => return Ok(bytes),
        // Off the workers that serve requests: a large body takes milliseconds.
        Encoding::Gzip => web::block(move || unpack(MultiGzDecoder::new(&*bytes), limit)).await,
        Encoding::Zstd => web::block(move || unpack(zstd_decoder(&bytes)?, limit)).await,
    };
    let unpacked = unpacked.map_err(|error| SubmitError::UnreadableBody(error.to_string()))?;
    match unpacked {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(SubmitError::TooLarge(limit)),
        Err(error) => Err(SubmitError::UnreadableBody(error.to_string())),
    }
}

/// Unpacks no more than the limit, whatever a few bytes may promise; `None` when there would be more.
fn unpack(packed: impl Read, limit: usize) -> io::Result<Option<Bytes>> {
    let mut unpacked = Vec::new();
    packed.take(limit as u64 + 1).read_to_end(&mut unpacked)?;
    Ok((unpacked.len() <= limit).then(|| unpacked.into()))
}

fn zstd_decoder(packed: &[u8]) -> io::Result<impl Read> {
    /// 8 MiB, what RFC 8878 asks every decoder to bear: the window is memory, too.
    const WINDOW_LOG: u32 = 23;
    let mut decoder = zstd::Decoder::new(packed)?;
    decoder.window_log_max(WINDOW_LOG)?;
    Ok(decoder)
}

fn check_type(request: &HttpRequest) -> Result<(), SubmitError> {
    let content_type = text(request, &CONTENT_TYPE);
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(SubmitError::NotJsonType(content_type))
    }
}

fn encoding(request: &HttpRequest) -> Result<Encoding, SubmitError> {
    let encoding = text(request, &CONTENT_ENCODING);
    match encoding.to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        "gzip" => Ok(Encoding::Gzip),
        "zstd" => Ok(Encoding::Zstd),
        _ => Err(SubmitError::UnknownEncoding(encoding)),
    }
}

fn text(request: &HttpRequest, header: &HeaderName) -> String {
    let value = request
        .headers()
        .get(header)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
    value.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 4 << 20;

    #[test]
    fn a_bomb_is_not_unpacked_beyond_the_limit() {
        // A gigabyte of spaces in some 30 kB.
        let bomb = zstd::encode_all(io::repeat(b' ').take(1 << 30), 1).unwrap();
        assert!(bomb.len() < 200_000, "{}", bomb.len());
        let mut counted = Counted(zstd_decoder(&bomb).unwrap(), 0);
        assert!(unpack(&mut counted, LIMIT).unwrap().is_none());
        assert!(counted.1 <= LIMIT + 1, "{} bytes were unpacked", counted.1);
    }

    #[test]
    fn what_fits_is_unpacked() {
        let packed = zstd::encode_all(&b"{}"[..], 1).unwrap();
        assert_eq!(unpack(zstd_decoder(&packed).unwrap(), 2).unwrap().unwrap(), "{}");
        assert!(unpack(zstd_decoder(&packed).unwrap(), 1).unwrap().is_none());
    }

    /// Counts what is read.
    struct Counted<R>(R, usize);

    impl<R: Read> Read for Counted<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(buffer)?;
            self.1 += read;
            Ok(read)
        }
    }
}
