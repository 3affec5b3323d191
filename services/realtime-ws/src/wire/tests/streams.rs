//! Whatever is sent, however it is cut.

use bytes::{Bytes, BytesMut};
use proptest::{collection::vec, prelude::*};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::*;

/// A message of a client: its payload, whether compressed, cut into frames of this size, with a ping after each.
#[derive(Clone, Debug)]
struct Sent {
    text: String,
    compressed: bool,
    frame: usize,
    pings: bool,
}

fn sent() -> impl Strategy<Value = Sent> {
    ("[a-cé🦀]{0,80}", any::<bool>(), 1..50_usize, any::<bool>()).prop_map(|(text, compressed, frame, pings)| Sent {
        text,
        compressed,
        frame,
        pings,
    })
}

impl Sent {
    fn bytes_and_received(&self) -> (Vec<u8>, Vec<Received>) {
        let payload = if self.compressed {
            deflated(self.text.as_bytes())
        } else {
            self.text.clone().into_bytes()
        };
        let (mut bytes, mut received) = (Vec::new(), Vec::new());
        let frames = payload.len().div_ceil(self.frame).max(1);
        for number in 0..frames {
            let part = payload.chunks(self.frame).nth(number).unwrap_or_default();
            let kind = OpCode::Data(if number == 0 { Data::Text } else { Data::Continue });
            let is_last = number + 1 == frames;
            bytes.extend(frame(kind, is_last, self.compressed && number == 0, part));
            if is_last {
                received.push(Received::Text(self.text.as_str().into()));
            }
            if self.pings {
                bytes.extend(control(Control::Ping, &[7; 3]));
                received.push(Received::Ping(Bytes::from_static(&[7; 3])));
            }
        }
        (bytes, received)
    }
}

/// What comes of `bytes`, when they arrive in pieces of these sizes, over and over.
fn read_in_pieces(bytes: &[u8], sizes: &[usize]) -> (Vec<Received>, Option<Violation>) {
    let mut assembler = Assembler::new(LIMIT, true);
    let (mut buffer, mut all, mut rest) = (BytesMut::new(), Vec::new(), bytes);
    for size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        buffer.extend_from_slice(piece);
        rest = after;
        loop {
            match assembler.next(&mut buffer) {
                Ok(Some(received)) => all.push(received),
                Ok(None) => break,
                Err(violation) => return (all, Some(violation)),
            }
        }
        if rest.is_empty() {
            break;
        }
    }
    (all, None)
}

proptest! {
    #[test]
    fn messages_come_out_as_they_went_in(messages in vec(sent(), 0..8), sizes in vec(1..200_usize, 1..20)) {
        let (bytes, expected): (Vec<_>, Vec<_>) = messages.iter().map(Sent::bytes_and_received).unzip();
        prop_assert_eq!(read_in_pieces(&bytes.concat(), &sizes), (expected.concat(), None));
    }

    #[test]
    fn pieces_make_no_difference_to_nonsense(bytes in vec(any::<u8>(), 0..400), sizes in vec(1..20_usize, 1..20)) {
        prop_assert_eq!(read_in_pieces(&bytes, &[usize::MAX]), read_in_pieces(&bytes, &sizes));
    }

    /// Nonsense behind a valid beginning, so that it gets further.
    #[test]
    fn compressed_nonsense_is_no_trouble(bytes in vec(any::<u8>(), 0..400)) {
        let _either_way = read(&whole(Data::Text, true, &bytes));
    }

    #[test]
    fn compressed_messages_of_the_server_are_what_was_sent(
        messages in vec(vec("[a-c\"é]{0,600}", 0..4), 1..5),
        level in 0..11_u32,
    ) {
        let mut compressor = Compressor::new(level);
        for parts in messages {
            let bytes: Vec<_> = parts.iter().map(String::as_bytes).collect();
            let frame = compressor.text(&bytes);
            let (header, payload) = payload(&frame);
            prop_assert!(header.is_final && header.mask.is_none() && header.opcode == OpCode::Data(Data::Text));
            let plain = if header.rsv1 { deflate::inflate(payload, 4_000) } else { Ok(payload.to_vec()) };
            prop_assert_eq!(plain, Ok(parts.concat().into_bytes()));
        }
    }
}
