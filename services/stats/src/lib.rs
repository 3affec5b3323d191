//! The read API: counts from the minute buckets.

mod app;
mod auth;
mod counts;
mod database;
mod error;
mod openapi;
mod settings;
mod table;

pub use app::App;
pub use openapi::openapi;
pub use settings::Settings;
