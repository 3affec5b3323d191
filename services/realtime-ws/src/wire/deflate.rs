//! permessage-deflate (RFC 7692): every message is compressed for itself, without what went before. That costs some of
//! the gain, but one compressed frame serves every viewer, and no socket holds a window.

use actix_http::ws::OpCode;
use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::{FIN, RSV1, Violation, outgoing};

/// What a flush leaves at the end; it is not sent (RFC 7692, 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// Compresses messages one by one. It holds some 300 KB, so there is one for all sockets.
pub(crate) struct Compressor {
    deflate: Compress,
    /// The compressed message, before it becomes a frame.
    output: Vec<u8>,
}

impl Compressor {
    /// `level` from 1 (fast) to 9 (small).
    pub(crate) fn new(level: u32) -> Self {
        Self {
            deflate: Compress::new(Compression::new(level.clamp(1, 9)), false),
            output: Vec::new(),
        }
    }

    /// A compressed text message of the parts, one after the other; as it is, when compressing does not make it smaller.
    pub(crate) fn text(&mut self, parts: &[&[u8]]) -> Bytes {
        let length = parts.iter().map(|part| part.len()).sum();
        match self.deflate(parts, length) {
            Some(compressed) if compressed.len() < length => {
                outgoing::frame(FIN | RSV1 | u8::from(OpCode::Text), &[compressed])
            }
            _ => outgoing::text(parts),
        }
    }

    fn deflate(&mut self, parts: &[&[u8]], length: usize) -> Option<&[u8]> {
        self.deflate.reset();
        self.output.clear();
        self.output.reserve(length + 64);
        for part in parts {
            self.feed(part, FlushCompress::None)?;
        }
        self.feed(&[], FlushCompress::Sync)?;
        self.output.strip_suffix(&TAIL)
    }

    /// `None` if the compressor neither takes nor gives any more, which it has no reason for.
    fn feed(&mut self, mut input: &[u8], flush: FlushCompress) -> Option<()> {
        loop {
            let before = self.deflate.total_in();
            self.deflate.compress_vec(input, &mut self.output, flush).ok()?;
            let taken = usize::try_from(self.deflate.total_in() - before).ok()?;
            input = input.get(taken..)?;
            if self.output.len() == self.output.capacity() {
                self.output.reserve(self.output.len().max(64));
            } else if input.is_empty() {
                return Some(());
            } else if taken == 0 {
                return None;
            }
        }
    }
}

/// Decompresses a message of a client, to at most `limit` bytes.
pub(super) fn inflate(compressed: &[u8], limit: usize) -> Result<Vec<u8>, Violation> {
    let mut output = Vec::new();
    let mut inflate = Decompress::new(false);
    for input in [compressed, &TAIL] {
        feed(&mut inflate, input, &mut output, limit)?;
    }
    if output.len() > limit {
        return Err(Violation::TooLarge);
    }
    Ok(output)
}

fn feed(inflate: &mut Decompress, mut input: &[u8], output: &mut Vec<u8>, limit: usize) -> Result<(), Violation> {
    const BROKEN: Violation = Violation::Protocol("malformed compressed message");
    loop {
        if output.len() == output.capacity() {
            if output.len() > limit {
                return Err(Violation::TooLarge);
            }
            // One byte more than is allowed shows that there is more.
            output.reserve_exact(output.len().max(256).min((limit - output.len()).saturating_add(1)));
        }
        let (before, room) = (inflate.total_in(), output.capacity() - output.len());
        let status = inflate.decompress_vec(input, output, FlushDecompress::None);
        let status = status.map_err(|_| BROKEN)?;
        let taken = usize::try_from(inflate.total_in() - before).map_err(|_| BROKEN)?;
        input = input.get(taken..).ok_or(BROKEN)?;
        if status == Status::StreamEnd {
            // A final block does not end the message, only the end of its bytes does (RFC 7692, 7.2.3.4).
            inflate.reset(false);
        }
        let has_more = output.len() == output.capacity();
        match input {
            [] if !has_more => return Ok(()),
            [_, ..] if taken == 0 && output.capacity() - output.len() == room => return Err(BROKEN),
            _ => {}
        }
    }
}
