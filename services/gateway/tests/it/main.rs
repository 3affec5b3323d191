//! The gateway in front of real servers, each on a port of its own.

mod backend;
mod failures;
mod fixture;
mod headers;
mod process;
mod routing;
mod shutdown;
mod websocket;
