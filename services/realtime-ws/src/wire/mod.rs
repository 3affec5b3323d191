//! WebSocket on bytes (RFC 6455, with the permessage-deflate of RFC 7692), without a socket: what the server sends are
//! whole frames as [`Bytes`](bytes::Bytes), made once and shared by every viewer who gets the same message; what a client
//! sends is put together by an [`Assembler`] that is a few words large while nothing comes.
//!
//! actix-ws holds two buffers of 8 KiB for every socket and writes every message anew into each of them, so the live feed
//! takes from actix only the handshake and the close codes.

mod deflate;
mod extension;
mod incoming;
mod outgoing;

pub(crate) use actix_http::ws::{CloseCode, CloseReason};

pub(crate) use self::{
    deflate::Compressor,
    extension::accept_deflate,
    incoming::{Assembler, Received, Violation},
    outgoing::{close, ping, pong, text},
};

/// The first byte of a frame (RFC 6455, 5.2): the last or only one of its message, …
const FIN: u8 = 0x80;
/// … of a compressed message, said in its first frame (RFC 7692, 6), …
const RSV1: u8 = 0x40;
/// … bits that mean nothing …
const RSV2_RSV3: u8 = 0x30;
/// … and what it is: an [`OpCode`](actix_http::ws::OpCode).
const OPCODE: u8 = 0x0F;
/// The second byte: the payload is masked, and its length, …
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;
/// … or that the length follows in two or eight bytes.
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// The longest payload of a ping, pong or close frame (RFC 6455, 5.5).
const CONTROL_PAYLOAD: usize = 125;

#[cfg(test)]
mod tests;
