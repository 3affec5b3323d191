//! The read API: counts from the minute buckets.

mod api_tokens;
mod app;
mod auth;
mod counts;
mod database;
mod error;
mod occupancy;
mod openapi;
mod query;
mod settings;
mod table;

pub use app::App;
pub use openapi::openapi;
pub use settings::Settings;
