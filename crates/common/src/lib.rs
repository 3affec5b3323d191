//! What every CityTrack process needs and that knows no word of the domain: settings, logs, lifecycle, health, metrics and
//! problem documents. One module per subject.

pub mod admin;
mod forwarded;
pub mod health;
pub mod http;
pub mod lifecycle;
pub mod metrics;
pub mod openapi;
mod picture_store;
pub mod problem;
pub mod process;
pub mod settings;
pub mod telemetry;
pub mod trace;
mod unread;
mod upgrade;

/// Every process allocates with mimalloc: faster than the system's allocator under many small requests, and it gives
/// memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub use health::{Check, Readiness};
pub use lifecycle::{Lifecycle, Spawner, TaskError};
pub use problem::Problem;
pub use upgrade::Listener;
