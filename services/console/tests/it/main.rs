//! The console in this process, against a real PostgreSQL: `eval "$(scripts/test-servers env)"` first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod access;
mod bad_requests;
mod browser;
mod console;
mod ledger;
mod life;
mod outage;
mod pages;
mod sessions;
