//! The console: web pages, and the control API for venues, nodes, keys and viewer tokens.

mod app;
mod auth;
mod body;
mod database;
mod error;
mod pages;
mod routes;
mod settings;
mod sweep;

pub use app::App;
pub use settings::{Settings, ViewerSettings};
