//! Frames of a client, put together to messages.

use actix_http::ws::{OpCode, Parser};
use bytes::{Buf, Bytes, BytesMut};
use bytestring::ByteString;

use super::{
    CONTROL_PAYLOAD, CloseReason, FIN, LENGTH, LENGTH_16, LENGTH_64, MASKED, OPCODE, RSV1, RSV2_RSV3, deflate::inflate,
};

/// Bytes of the key that a payload is masked with.
const MASK: usize = 4;

/// What a client sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Received {
    Text(ByteString),
    /// The live feed has no use for it, so it is not kept.
    Binary,
    Ping(Bytes),
    Pong,
    /// The client says goodbye: nothing that follows counts.
    Close(Option<CloseReason>),
}

/// A client that breaks the rules. Its socket is closed: what follows cannot be understood any more.
///
/// WebSocket has close codes of its own for this (1002, 1007, 1009); the live feed says 4400 for all of them, as for
/// anything else that a client must not repeat, with [`reason`](Self::reason) as the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    TooLarge,
    NotUtf8,
    Protocol(&'static str),
}

impl Violation {
    /// What the client is told.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "message too large",
            Self::NotUtf8 => "text is not UTF-8",
            Self::Protocol(what) => what,
        }
    }
}

/// Puts messages together. It holds nothing but the part of a message whose end has not come.
pub(crate) struct Assembler {
    /// Bytes of the largest message, as it is sent and decompressed.
    max_message: usize,
    /// Whether permessage-deflate was agreed upon.
    may_compress: bool,
    unfinished: Option<Message>,
}

/// What has come of a message.
struct Message {
    text: bool,
    compressed: bool,
    payload: Vec<u8>,
}

impl Assembler {
    pub(crate) fn new(max_message: usize, may_compress: bool) -> Self {
        Self {
            max_message,
            may_compress,
            unfinished: None,
        }
    }

    /// The next message, taken off the front of `buffer` frame by frame; `None` when more bytes are needed. Whatever is
    /// wrong with a frame shows in its first bytes, so `buffer` never needs to hold more than the largest message and
    /// what one read brings.
    pub(crate) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Received>, Violation> {
        while let Some(head) = Head::read(buffer) {
            let length = self.check(&head)?;
            let whole = head.size + MASK + length;
            if buffer.len() < whole {
                return Ok(None);
            }
            buffer.advance(head.size);
            let mask = buffer.get_u32().to_be_bytes();
            let mut payload = buffer.split_to(length);
            unmask(&mut payload, mask);
            let received = self.accept(&head, payload.freeze())?;
            if received.is_some() {
                return Ok(received);
            }
        }
        Ok(None)
    }

    /// Whether a frame may come now; the length of its payload.
    fn check(&self, head: &Head) -> Result<usize, Violation> {
        let length = usize::try_from(head.length).map_err(|_| Violation::TooLarge)?;
        if head.first & RSV2_RSV3 != 0 {
            return Err(Violation::Protocol("reserved bits are set"));
        }
        if !head.masked {
            return Err(Violation::Protocol("frames of a client must be masked"));
        }
        let may_compress = match (head.opcode(), &self.unfinished) {
            (OpCode::Bad, _) => return Err(Violation::Protocol("unknown kind of frame")),
            (OpCode::Ping | OpCode::Pong | OpCode::Close, _) => {
                if !head.is_final() || length > CONTROL_PAYLOAD {
                    return Err(Violation::Protocol("control frame too long"));
                }
                false
            }
            (OpCode::Continue, Some(_)) => false,
            (OpCode::Continue, None) => return Err(Violation::Protocol("continuation of nothing")),
            (OpCode::Text | OpCode::Binary, None) => self.may_compress,
            (OpCode::Text | OpCode::Binary, Some(_)) => return Err(Violation::Protocol("message within a message")),
        };
        if head.is_compressed() && !may_compress {
            return Err(Violation::Protocol("reserved bits are set"));
        }
        let before = self.unfinished.as_ref().map_or(0, |message| message.payload.len());
        if head.opcode_is_data() && length > self.max_message.saturating_sub(before) {
            return Err(Violation::TooLarge);
        }
        Ok(length)
    }

    /// Takes a frame in; whatever is complete with it.
    fn accept(&mut self, head: &Head, payload: Bytes) -> Result<Option<Received>, Violation> {
        match head.opcode() {
            OpCode::Ping => return Ok(Some(Received::Ping(payload))),
            OpCode::Pong => return Ok(Some(Received::Pong)),
            OpCode::Close => {
                let reason = Parser::try_parse_close_payload(&payload);
                let reason = reason.map_err(|_| Violation::Protocol("malformed close frame"))?;
                return Ok(Some(Received::Close(reason)));
            }
            _ => {}
        }
        let text = head.opcode() == OpCode::Text;
        match (self.unfinished.take(), head.is_final()) {
            (None, true) => self.finish(text, head.is_compressed(), payload).map(Some),
            (None, false) => {
                self.unfinished = Some(Message {
                    text,
                    compressed: head.is_compressed(),
                    payload: payload.into(),
                });
                Ok(None)
            }
            (Some(mut message), is_final) => {
                message.payload.extend_from_slice(&payload);
                if is_final {
                    self.finish(message.text, message.compressed, message.payload.into())
                        .map(Some)
                } else {
                    self.unfinished = Some(message);
                    Ok(None)
                }
            }
        }
    }

    fn finish(&self, text: bool, compressed: bool, payload: Bytes) -> Result<Received, Violation> {
        if !text {
            return Ok(Received::Binary);
        }
        let payload = if compressed {
            inflate(&payload, self.max_message)?.into()
        } else {
            payload
        };
        ByteString::try_from(payload)
            .map(Received::Text)
            .map_err(|_| Violation::NotUtf8)
    }
}

/// What a frame begins with, up to the mask.
struct Head {
    first: u8,
    masked: bool,
    /// Bytes of the payload.
    length: u64,
    /// Bytes of the head itself.
    size: usize,
}

impl Head {
    /// `None` while it is not all there.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        let (length, size) = match second & LENGTH {
            LENGTH_16 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
            LENGTH_64 => (u64::from_be_bytes(*rest.first_chunk()?), 10),
            length => (u64::from(length), 2),
        };
        Some(Self {
            first,
            masked: second & MASKED != 0,
            length,
            size,
        })
    }

    fn opcode(&self) -> OpCode {
        OpCode::from(self.first & OPCODE)
    }

    fn opcode_is_data(&self) -> bool {
        matches!(self.opcode(), OpCode::Text | OpCode::Binary | OpCode::Continue)
    }

    fn is_final(&self) -> bool {
        self.first & FIN != 0
    }

    fn is_compressed(&self) -> bool {
        self.first & RSV1 != 0
    }
}

/// RFC 6455, 5.3.
fn unmask(payload: &mut [u8], mask: [u8; MASK]) {
    for (byte, key) in payload.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= key;
    }
}
