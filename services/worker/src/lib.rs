//! The worker: consumes what other services publish, in the role that it was started with.

mod app;
mod dead_letters;
pub mod journal;
mod maintenance;
mod metrics;
mod persist;
pub mod pictures;
mod rollups;
mod rounds;
mod settings;

pub use app::start;
pub use dead_letters::Tool;
pub use settings::{Command, PersistSettings, Settings};
