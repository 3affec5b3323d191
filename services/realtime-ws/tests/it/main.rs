//! The live feed against a real broker, through real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code"
)]

mod authentication;
mod contract;
mod delivery;
mod endings;
mod harness;
mod schemas;
mod understood;
