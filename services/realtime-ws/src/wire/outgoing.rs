//! Frames of the server: never masked, never fragmented.

use actix_http::ws::OpCode;
use bytes::{BufMut, Bytes, BytesMut};

use super::{CONTROL_PAYLOAD, CloseReason, FIN, LENGTH_16, LENGTH_64};

/// A text message of the parts, one after the other.
pub(crate) fn text(parts: &[&[u8]]) -> Bytes {
    frame(FIN | u8::from(OpCode::Text), parts)
}

/// Asks the client for a sign of life.
pub(crate) fn ping() -> Bytes {
    Bytes::from_static(&[0x89, 0x00])
}

/// Answers a ping with its own payload, of at most 125 bytes.
pub(crate) fn pong(payload: &[u8]) -> Bytes {
    let payload = payload.get(..CONTROL_PAYLOAD).unwrap_or(payload);
    frame(FIN | u8::from(OpCode::Pong), &[payload])
}

/// Says goodbye; a description that is too long for a frame is cut.
pub(crate) fn close(reason: &CloseReason) -> Bytes {
    let code = u16::from(reason.code).to_be_bytes();
    let description = reason.description.as_deref().unwrap_or_default();
    let end = description.floor_char_boundary(CONTROL_PAYLOAD - code.len());
    let description = description.get(..end).unwrap_or_default();
    frame(FIN | u8::from(OpCode::Close), &[&code, description.as_bytes()])
}

/// A frame that begins with the byte `first`. Its memory is taken at once and exactly.
pub(super) fn frame(first: u8, parts: &[&[u8]]) -> Bytes {
    let length = parts.iter().map(|part| part.len()).sum();
    let head = match length {
        0..=CONTROL_PAYLOAD => 2,
        126..=0xFFFF => 4,
        _ => 10,
    };
    let mut frame = BytesMut::with_capacity(head + length);
    frame.put_u8(first);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..LENGTH_16), _) => frame.put_u8(length),
        (_, Ok(length)) => {
            frame.put_u8(LENGTH_16);
            frame.put_u16(length);
        }
        _ => {
            frame.put_u8(LENGTH_64);
            frame.put_u64(length as u64);
        }
    }
    for part in parts {
        frame.put_slice(part);
    }
    frame.freeze()
}
