//! The read API in this process, against a real PostgreSQL: `eval "$(scripts/test-servers env)"` first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod api_tokens;
mod compared;
mod counts;
mod export;
mod export_limits;
mod heatmap;
mod images;
mod occupancy;
mod occupancy_history;
mod refused;
mod series;
mod stats;
