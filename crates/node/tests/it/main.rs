//! The program against a real HTTP server.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod delivery;
mod node;
mod pipe;
mod playback;
mod server;
