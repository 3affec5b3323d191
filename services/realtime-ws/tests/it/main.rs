//! The live feed against a real broker, through real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code"
)]

mod access;
mod authentication;
mod contract;
mod delivery;
mod endings;
mod events;
mod harness;
mod presence;
mod resume;
mod schemas;
mod understood;
mod wishes;
