//! Pictures: what is known about each, and what was made of it.

mod receipt;

pub use receipt::receipt;
