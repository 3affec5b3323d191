//! The read API: counts and other statistics, and pictures.

mod api_tokens;
mod app;
mod auth;
mod caching;
mod counts;
mod database;
mod error;
mod export;
mod heatmap;
mod images;
mod occupancy;
mod openapi;
mod query;
mod settings;
mod table;
mod venue_counts;

pub use app::App;
pub use openapi::openapi;
pub use settings::Settings;
