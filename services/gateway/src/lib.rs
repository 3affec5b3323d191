//! The gateway: one public port in front of all services. It routes by path to pools of servers, knows which of them are
//! healthy, and adds request ids and an access log. The proxying itself is pingora's.

pub mod access_log;
pub mod app;
pub mod client;
mod context;
pub mod error;
pub mod headers;
pub mod health;
pub mod listener;
pub mod metrics;
pub mod pools;
pub mod proxy;
pub mod routes;
pub mod server;
pub mod server_list;
pub mod settings;
pub mod worker;
