//! Against the examples of the two RFCs, and against the frames of another implementation.

use std::iter::repeat_n;

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, FlushCompress};
use tokio_tungstenite::tungstenite::protocol::frame::{
    Frame, FrameHeader,
    coding::{Control, Data, OpCode},
};

use super::*;

mod streams;

const LIMIT: usize = 1_000;
const HELLO_MASKED: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

fn hello() -> Received {
    Received::Text("Hello".into())
}

fn receive(assembler: &mut Assembler, buffer: &mut BytesMut) -> Result<Vec<Received>, Violation> {
    let mut all = Vec::new();
    while let Some(received) = assembler.next(buffer)? {
        all.push(received);
    }
    Ok(all)
}

fn read(bytes: &[u8]) -> Result<Vec<Received>, Violation> {
    receive(&mut Assembler::new(LIMIT, true), &mut BytesMut::from(bytes))
}

/// A frame as a client sends it, made by tungstenite.
fn frame(opcode: OpCode, is_final: bool, rsv1: bool, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        is_final,
        rsv1,
        opcode,
        mask: Some([0x12, 0x34, 0x56, 0x78]),
        ..FrameHeader::default()
    };
    let mut bytes = Vec::new();
    let frame = Frame::from_payload(header, Bytes::copy_from_slice(payload));
    frame.format(&mut bytes).unwrap();
    bytes
}

fn control(kind: Control, payload: &[u8]) -> Vec<u8> {
    frame(OpCode::Control(kind), true, false, payload)
}

fn whole(kind: Data, rsv1: bool, payload: &[u8]) -> Vec<u8> {
    frame(OpCode::Data(kind), true, rsv1, payload)
}

/// What a client makes of a message with permessage-deflate.
fn deflated(message: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(message.len() + 100);
    let mut deflate = Compress::new(Compression::default(), false);
    deflate.compress_vec(message, &mut output, FlushCompress::Sync).unwrap();
    output.strip_suffix(&[0, 0, 0xFF, 0xFF]).unwrap().to_vec()
}

/// Length of the payload and the payload of a frame of the server, read by tungstenite.
fn payload(frame: &[u8]) -> (FrameHeader, &[u8]) {
    let mut cursor = std::io::Cursor::new(frame);
    let (header, length) = FrameHeader::parse(&mut cursor).unwrap().unwrap();
    let payload = &frame[usize::try_from(cursor.position()).unwrap()..];
    assert_eq!(payload.len() as u64, length);
    (header, payload)
}

#[test]
fn frames_of_the_server_are_those_of_the_rfc() {
    assert_eq!(text(&[b"Hel", b"", b"lo"]), b"\x81\x05Hello".as_slice());
    assert_eq!(ping(), b"\x89\x00".as_slice());
    assert_eq!(pong(b"Hello"), b"\x8a\x05Hello".as_slice());
    let reason = CloseReason::from(CloseCode::Restart);
    assert_eq!(close(&reason), b"\x88\x02\x03\xf4".as_slice());
    let lengths = [(125, 2), (126, 4), (256, 4), (0xFFFF, 4), (0x1_0000, 10)];
    for (length, head) in lengths {
        let message = vec![b'x'; length];
        let frame = text(&[&message]);
        assert_eq!(frame.len(), head + length);
        assert_eq!(payload(&frame).1, message);
    }
}

#[test]
fn control_frames_of_the_server_are_never_too_long() {
    let description: String = repeat_n('é', 100).collect();
    let reason = CloseReason {
        code: CloseCode::Other(4400),
        description: Some(description),
    };
    assert_eq!(payload(&close(&reason)).1.len(), 2 + 122, "cut between two characters");
    assert_eq!(payload(&pong(&[0; 200])).1.len(), 125);
}

#[test]
fn frames_of_a_client_are_those_of_the_rfc() {
    assert_eq!(read(HELLO_MASKED), Ok(vec![hello()]));
    assert_eq!(
        read(&[b"\x89", &HELLO_MASKED[1..]].concat()),
        Ok(vec![Received::Ping(Bytes::from("Hello"))])
    );
    assert_eq!(read(&[b"\x8a", &HELLO_MASKED[1..]].concat()), Ok(vec![Received::Pong]));
    assert_eq!(read(&whole(Data::Binary, false, &[7; 256])), Ok(vec![Received::Binary]));
    assert_eq!(read(&control(Control::Close, b"")), Ok(vec![Received::Close(None)]));
    let reason = CloseReason {
        code: CloseCode::Away,
        description: Some("bye".to_owned()),
    };
    assert_eq!(
        read(&control(Control::Close, b"\x03\xe9bye")),
        Ok(vec![Received::Close(Some(reason))])
    );
}

/// RFC 7692, 7.2.3: one block, no compression, a final block, two blocks, nothing.
#[test]
fn compressed_messages_are_those_of_the_rfc() {
    for compressed in [
        b"\xf2\x48\xcd\xc9\xc9\x07\x00".as_slice(),
        b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
        b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
        b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
    ] {
        assert_eq!(read(&whole(Data::Text, true, compressed)), Ok(vec![hello()]));
    }
    assert_eq!(
        read(&whole(Data::Text, true, b"\x00")),
        Ok(vec![Received::Text("".into())])
    );
    let first = frame(OpCode::Data(Data::Text), false, true, b"\xf2\x48\xcd");
    let last = frame(OpCode::Data(Data::Continue), true, false, b"\xc9\xc9\x07\x00");
    assert_eq!(read(&[first, last].concat()), Ok(vec![hello()]));
}

#[test]
fn nothing_refers_to_an_earlier_message() {
    let message = whole(Data::Text, true, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    // RFC 7692, 7.2.3.2: the same with the window of the message before. What it means without is up to the library.
    let next = whole(Data::Text, true, b"\xf2\x00\x11\x00\x00");
    assert_ne!(read(&[message, next].concat()), Ok(vec![hello(), hello()]));
    let mut compressor = Compressor::new(6);
    let words = "one message like another, ".repeat(3);
    let first = compressor.text(&[words.as_bytes()]);
    assert_eq!(compressor.text(&[words.as_bytes()]), first);
    assert_eq!(deflate::inflate(payload(&first).1, LIMIT), Ok(words.into_bytes()));
}

#[test]
fn who_breaks_the_rules_is_told_which() {
    let reserved = Violation::Protocol("reserved bits are set");
    let control_too_long = Violation::Protocol("control frame too long");
    let start = frame(OpCode::Data(Data::Text), false, false, b"a");
    for (bytes, violation) in [
        (
            b"\x89\x00".to_vec(),
            Violation::Protocol("frames of a client must be masked"),
        ),
        (b"\xa1\x80".to_vec(), reserved),
        (b"\x91\x80".to_vec(), reserved),
        (frame(OpCode::Control(Control::Ping), true, true, b""), reserved),
        (
            [start.clone(), frame(OpCode::Data(Data::Continue), true, true, b"")].concat(),
            reserved,
        ),
        (b"\x83\x80".to_vec(), Violation::Protocol("unknown kind of frame")),
        (
            frame(OpCode::Control(Control::Ping), false, false, b""),
            control_too_long,
        ),
        (control(Control::Ping, &[0; 126]), control_too_long),
        (
            frame(OpCode::Data(Data::Continue), true, false, b""),
            Violation::Protocol("continuation of nothing"),
        ),
        (
            [start, HELLO_MASKED.to_vec()].concat(),
            Violation::Protocol("message within a message"),
        ),
        (
            control(Control::Close, b"\x03"),
            Violation::Protocol("malformed close frame"),
        ),
        (
            control(Control::Close, b"\x03\xed"),
            Violation::Protocol("malformed close frame"),
        ),
        (whole(Data::Text, false, b"\xff"), Violation::NotUtf8),
        (
            whole(Data::Text, true, b"\xff"),
            Violation::Protocol("malformed compressed message"),
        ),
        (whole(Data::Text, true, &deflated(b"\xff")), Violation::NotUtf8),
    ] {
        assert_eq!(read(&bytes), Err(violation), "{bytes:x?}");
    }
    let compressed = whole(Data::Text, true, &deflated(b"Hello"));
    let mut assembler = Assembler::new(LIMIT, false);
    assert_eq!(
        assembler.next(&mut compressed.as_slice().into()),
        Err(reserved),
        "not agreed upon"
    );
}

#[test]
fn a_message_that_is_too_large_is_refused_when_it_is_announced() {
    assert_eq!(
        read(&whole(Data::Text, false, &[b'x'; LIMIT])).map(|all| all.len()),
        Ok(1)
    );
    assert_eq!(
        read(&whole(Data::Text, false, &[b'x'; LIMIT + 1])[..4]),
        Err(Violation::TooLarge)
    );
    assert_eq!(
        read(b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        Err(Violation::TooLarge)
    );
    let start = frame(OpCode::Data(Data::Text), false, false, &[b'x'; LIMIT]);
    let next = frame(OpCode::Data(Data::Continue), false, false, b"x");
    assert_eq!(read(&[&start, &next[..2]].concat()), Err(Violation::TooLarge));
    let ping = control(Control::Ping, b"still here?");
    assert_eq!(
        read(&[start, ping].concat()).map(|all| all.len()),
        Ok(1),
        "pings do not count"
    );
}

#[test]
fn a_message_that_decompresses_to_too_much_is_refused() {
    let largest = whole(Data::Text, true, &deflated(&[b'x'; LIMIT]));
    assert_eq!(read(&largest).map(|all| all.len()), Ok(1));
    for length in [LIMIT + 1, 600_000] {
        let bomb = deflated(&vec![b'x'; length]);
        assert!(bomb.len() < LIMIT);
        assert_eq!(read(&whole(Data::Text, true, &bomb)), Err(Violation::TooLarge));
    }
}

#[test]
fn an_idle_assembler_is_small() {
    assert!(size_of::<Assembler>() <= 64);
}

#[test]
fn what_does_not_shrink_is_sent_as_it_is() {
    let mut compressor = Compressor::new(6);
    assert_eq!(compressor.text(&[b"Hello"]), text(&[b"Hello"]));
    assert_eq!(compressor.text(&[]), text(&[]));
    let words = "but this does, ".repeat(9);
    assert!(compressor.text(&[words.as_bytes()]).len() < words.len());
}
