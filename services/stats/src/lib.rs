//! The read API: counts from the minute buckets.

mod app;
mod auth;
mod counts;
mod database;
mod error;
mod settings;

pub use app::App;
pub use settings::Settings;
