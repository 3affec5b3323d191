//! The console: web pages, and the control API for venues, nodes, keys and viewer tokens.

mod app;
mod auth;
mod body;
mod create_user;
mod database;
mod error;
mod imports;
mod openapi;
mod pages;
mod routes;
mod schema;
mod settings;
mod sweep;
mod system;

pub use app::App;
pub use create_user::Tool;
pub use openapi::openapi;
pub use settings::{PasswordSettings, SessionSettings, Settings, ViewerSettings};
pub use system::Target;
