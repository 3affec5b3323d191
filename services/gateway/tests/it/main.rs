//! The gateway in front of real servers, each on a port of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod backend;
mod event_stream;
mod export;
mod failures;
mod fixture;
mod headers;
mod process;
mod routing;
mod shutdown;
mod websocket;
