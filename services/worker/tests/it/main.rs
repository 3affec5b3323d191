//! The worker against a real RabbitMQ and PostgreSQL: `eval "$(scripts/test-servers env)"` first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod dead_letters;
mod harness;
mod journal;
mod ledger;
mod persist;
mod pictures;
