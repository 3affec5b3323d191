//! The live feed: viewers subscribe to venues over a WebSocket, or a stream of events, and get every frame within milliseconds
//! of its arrival.
//!
//! A batch comes from the broker to the [`feed`] task, which owns the [`hub`]: the venues that are watched, each with its
//! recent past ([`history`]) and its viewers, in [`group`]s that want the same. A frame is encoded once for each group and put
//! into the [`outbox`] of every session that wants it. From there the session's own task, on the thread that serves its
//! socket, writes it. The protocol is described in `docs/realtime.md`.

mod app;
mod coverage;
mod desk;
mod encode;
mod ending;
mod error;
mod event_stream;
mod feed;
mod filter;
#[cfg(test)]
mod fixtures;
mod frame;
mod group;
mod guests;
mod handshake;
mod history;
mod hub;
mod metrics;
mod openapi;
mod outbox;
mod output;
mod pace;
mod position;
mod presence;
mod protocol;
mod recent;
mod session;
mod settings;
mod socket;
mod subscription;
mod venue;
mod wire;

pub use app::App;
pub use openapi::openapi;
pub use settings::{LiveSettings, Settings};
