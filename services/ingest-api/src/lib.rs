//! The write API for detection nodes: authenticates, checks, publishes, and answers 202 when the broker has it safely.
//! Keeps no state but a copy of the node keys.

mod app;
mod body;
mod error;
mod gate;
mod images;
mod intake;
mod keys;
mod metrics;
mod openapi;
mod rate;
mod refusals;
mod request;
mod room;
mod routes;
mod settings;
mod sink;

pub use app::App;
pub use openapi::openapi;
pub use settings::Settings;
