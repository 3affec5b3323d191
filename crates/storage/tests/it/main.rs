//! Against a real PostgreSQL: `eval "$(scripts/test-servers env)"` first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod accounts;
mod api_tokens;
mod audit;
mod batches;
mod counts;
mod journal;
mod ledger;
mod ledger_upkeep;
mod odd_rows;
mod pictures;
mod pictures_end;
mod pictures_seen;
mod places;
mod reader;
mod rollups;
mod silence;
