//! Pictures from outside in: real photographs, odd ones, and what must not be in what comes out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod coefficients;
mod drawn;
mod formats;
mod hidden;
mod mutated;
mod photographs;
mod stripped;
mod support;
mod upright;
