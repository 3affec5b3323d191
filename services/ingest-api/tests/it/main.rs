//! The ingest API against a real RabbitMQ and PostgreSQL: `eval "$(scripts/test-servers env)"` first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod answers;
mod backpressure;
mod bad_images;
mod bad_requests;
mod harness;
mod images;
mod keys;
mod limits;
mod process;
mod refusals;
mod slow_bodies;
mod submit;
