//! The built binaries, with a real broker and database: run by `scripts/test`, which builds them and starts the servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod dead_letters;
mod export;
mod flood;
mod journal;
mod ledger;
mod node;
mod node_pictures;
mod path;
mod pictures;
mod pictures_gone;
mod recordings;
mod spool;
