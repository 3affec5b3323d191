//! PostgreSQL: the schema, and domain values to and from rows. The only crate that speaks SQL.
//!
//! Everything is a plain function over a [`Database`], one module per subject.

mod agents;
pub mod api_tokens;
pub mod audit;
pub mod batches;
pub mod cameras;
mod change;
mod column;
pub mod counts;
mod database;
mod error;
pub mod frames;
pub mod heatmap;
pub mod images;
pub mod imports;
pub mod journal;
pub mod keys;
pub mod ledger;
mod migrations;
pub mod node_overview;
pub mod nodes;
mod objects;
pub mod occupancy;
pub mod partitions;
mod reader;
mod recent;
pub mod rollup;
mod rows;
mod selection;
pub mod sessions;
pub mod sign_in;
pub mod users;
pub mod venues;

pub use change::Change;
pub use database::{Client, Database, DatabaseOptions};
pub use error::Error;
pub use objects::{Object, Objects};
pub use selection::Selection;
