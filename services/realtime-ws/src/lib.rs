//! The live feed: viewers subscribe to venues over a WebSocket and get every frame within milliseconds of its arrival.
//!
//! A batch comes from the broker to the [`feed`] task, which owns the hub: it encodes each frame once per distinct filter
//! and puts it into the outbox of every session that wants it. From there the session's own task, on the thread that serves
//! its socket, writes it. The protocol is described in `docs/realtime.md`.

mod app;
mod desk;
mod encode;
mod ending;
mod error;
mod feed;
mod filter;
mod handshake;
mod hub;
mod incoming;
mod metrics;
mod outbox;
mod protocol;
mod recent;
mod session;
mod settings;
mod socket;

pub use app::App;
pub use settings::{LiveSettings, Settings};
