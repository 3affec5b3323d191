//! WebSocket framing (RFC 6455) as a client needs it that reads hundreds of thousands of messages a second: a message is looked at
//! where it lies in the read buffer, and nothing is copied.

use anyhow::{Result, ensure};

pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xA;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const LENGTH_IN_2: u8 = 0x7E;
const LENGTH_IN_8: u8 = 0x7F;

/// What a server sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) opcode: u8,
    pub(super) payload: &'a [u8],
}

/// The frame at the start of `bytes` and what follows it; none while it is not complete.
pub(super) fn split(bytes: &[u8]) -> Result<Option<(Frame<'_>, &[u8])>> {
    let Some(([first, second], rest)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    ensure!(second & MASKED == 0, "a server does not mask");
    ensure!(
        first & !0xF == FINAL,
        "a message in parts, or with an extension that was not asked for"
    );
    let length = match *second {
        LENGTH_IN_2 => rest
            .split_first_chunk()
            .map(|(length, rest)| (u64::from(u16::from_be_bytes(*length)), rest)),
        LENGTH_IN_8 => rest
            .split_first_chunk()
            .map(|(length, rest)| (u64::from_be_bytes(*length), rest)),
        length => Some((u64::from(length), rest)),
    };
    let Some((length, rest)) = length else { return Ok(None) };
    let whole = rest.split_at_checked(usize::try_from(length)?);
    let opcode = first & 0xF;
    Ok(whole.map(|(payload, rest)| (Frame { opcode, payload }, rest)))
}

/// A frame to a server, with the mask 0, which leaves the bytes as they are.
pub(super) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![FINAL | opcode];
    match payload.len() {
        short @ 0..126 => bytes.push(MASKED | u8::try_from(short).unwrap_or(0)),
        long => match u16::try_from(long) {
            Ok(long) => {
                bytes.push(MASKED | LENGTH_IN_2);
                bytes.extend(long.to_be_bytes());
            }
            Err(_) => {
                bytes.push(MASKED | LENGTH_IN_8);
                bytes.extend((long as u64).to_be_bytes());
            }
        },
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same frame as a server sends it.
    fn from_server(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = frame(opcode, payload);
        bytes[1] &= !MASKED;
        let mask = bytes.len() - payload.len() - 4;
        bytes.drain(mask..mask + 4);
        bytes
    }

    #[test]
    fn frames_of_every_size_are_read_where_they_lie() {
        for size in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let payload = vec![b'x'; size];
            let mut bytes = from_server(TEXT, &payload);
            let whole = bytes.len();
            bytes.extend(b"next");
            let (found, rest) = split(&bytes).unwrap().unwrap();
            assert_eq!((found.opcode, found.payload.len(), rest), (TEXT, size, &b"next"[..]));
            for cut in [0, 1, 2, 3, 9, whole - 1].into_iter().filter(|cut| *cut < whole) {
                assert_eq!(split(&bytes[..cut]).unwrap(), None, "{size} bytes cut at {cut}");
            }
        }
    }

    #[test]
    fn what_no_server_sends_is_an_error() {
        assert!(split(&frame(TEXT, b"masked")).is_err());
        assert!(split(&[TEXT, 0]).is_err(), "a part of a message");
        assert!(split(&[FINAL | 0x40 | TEXT, 0]).is_err(), "compressed");
    }
}
