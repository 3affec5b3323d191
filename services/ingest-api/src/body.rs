//! The body of a request: which forms are taken, receiving it with limits, and unpacking it.

use std::{
    io::{self, Read},
    time::Duration,
};

use actix_web::{
    HttpRequest,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName},
    web::{Bytes, BytesMut, Payload},
};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt as _;
use utoipa::ToSchema;

use crate::error::SubmitError;

/// How large a body may be and how long it may take.
pub(crate) struct BodyLimits {
    /// Before and after decompression.
    pub(crate) bytes: usize,
    pub(crate) timeout: Duration,
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

/// How many bytes the head announces; 0 when it does not say, for a body that is sent in pieces of unknown number.
pub(crate) fn announced(request: &HttpRequest, limits: &BodyLimits) -> usize {
    content_length(request).min(limits.bytes)
}

/// The same, however many.
pub(crate) fn content_length(request: &HttpRequest) -> usize {
    let length = request.headers().get(CONTENT_LENGTH);
    let length: Option<usize> = length.and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or(0)
}

/// Receives the body as it was sent. `arrived` is told how many bytes there are, before each piece is kept.
pub(crate) async fn receive(
    mut payload: Payload,
    announced: usize,
    limits: &BodyLimits,
    mut arrived: impl FnMut(usize) -> Result<(), SubmitError>,
) -> Result<Bytes, SubmitError> {
    let receiving = async {
        let mut body = BytesMut::with_capacity(announced);
        while let Some(piece) = payload.next().await {
            let piece = piece.map_err(|error| SubmitError::BrokenBody(error.to_string()))?;
            let length = body.len() + piece.len();
            if length > limits.bytes {
                return Err(SubmitError::TooLarge(limits.bytes));
            }
            arrived(length)?;
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(limits.timeout, receiving)
        .await
        .unwrap_or(Err(SubmitError::SlowBody(limits.timeout)))
}

/// What came of unpacking.
pub(crate) struct Unpacked {
    /// Bytes that were unpacked, also when they were in vain.
    pub(crate) bytes: usize,
    pub(crate) body: Result<Bytes, SubmitError>,
}

/// Unpacks no more than the limit, whatever a few bytes may promise.
pub(crate) fn unpack(packed: &[u8], packing: Packing, limit: usize) -> Unpacked {
    match packing {
        Packing::Gzip => read_all(MultiGzDecoder::new(packed), limit),
        Packing::Zstd => match zstd_decoder(packed) {
            Ok(decoder) => read_all(decoder, limit),
            Err(error) => Unpacked {
                bytes: 0,
                body: Err(SubmitError::UnreadableBody(error.to_string())),
            },
        },
    }
}

fn read_all(packed: impl Read, limit: usize) -> Unpacked {
    let mut unpacked = Vec::new();
    let read = packed.take(limit as u64 + 1).read_to_end(&mut unpacked);
    Unpacked {
        bytes: unpacked.len(),
        body: match read {
            Err(error) => Err(SubmitError::UnreadableBody(error.to_string())),
            Ok(_) if unpacked.len() > limit => Err(SubmitError::TooLarge(limit)),
            Ok(_) => Ok(unpacked.into()),
        },
    }
}

fn zstd_decoder(packed: &[u8]) -> io::Result<impl Read> {
    /// 8 MiB, what RFC 8878 asks every decoder to bear: the window is memory, too.
    const WINDOW_LOG: u32 = 23;
    let mut decoder = zstd::Decoder::new(packed)?;
    decoder.window_log_max(WINDOW_LOG)?;
    Ok(decoder)
}

/// Whether the body has a form that is taken; how it is packed, if it is.
pub(crate) fn form(request: &HttpRequest) -> Result<Option<Packing>, SubmitError> {
    check_type(request)?;
    packing(request)
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

fn packing(request: &HttpRequest) -> Result<Option<Packing>, SubmitError> {
    let encoding = text(request, &CONTENT_ENCODING);
    match encoding.to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(None),
        "gzip" => Ok(Some(Packing::Gzip)),
        "zstd" => Ok(Some(Packing::Zstd)),
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
        let unpacked = read_all(&mut counted, LIMIT);
        assert!(matches!(unpacked.body, Err(SubmitError::TooLarge(LIMIT))));
        assert_eq!(unpacked.bytes, LIMIT + 1, "it is charged for the work");
        assert!(counted.1 <= LIMIT + 1, "{} bytes were unpacked", counted.1);
    }

    #[test]
    fn what_fits_is_unpacked() {
        let packed = zstd::encode_all(&b"{}"[..], 1).unwrap();
        let unpacked = |limit| unpack(&packed, Packing::Zstd, limit).body;
        assert_eq!(unpacked(2).unwrap(), "{}");
        assert!(matches!(unpacked(1), Err(SubmitError::TooLarge(1))));
    }

    #[test]
    fn what_was_unpacked_before_it_broke_is_told() {
        let packed = zstd::encode_all(io::repeat(b' ').take(1 << 20), 1).unwrap();
        let unpacked = unpack(&packed[..packed.len() - 1], Packing::Zstd, LIMIT);
        assert!(matches!(unpacked.body, Err(SubmitError::UnreadableBody(_))));
        assert!(unpacked.bytes > 100_000, "{}", unpacked.bytes);
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
