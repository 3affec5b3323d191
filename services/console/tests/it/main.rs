//! The console in this process, against a real PostgreSQL: `eval "$(scripts/test-servers env)"` first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod access;
mod api_tokens;
mod audit;
mod bad_requests;
mod browser;
mod console;
mod create_user;
mod images;
mod imports;
mod journal;
mod ledger;
mod life;
mod nodes_overview;
mod outage;
mod pages;
mod roles;
mod sessions;
mod slow;
mod system;
mod users;
