//! Pictures: what they are, and what is made of them. No I/O, no clock, nothing kept between two calls.
//!
//! [`inspect`] looks at the first bytes of an upload and says what it is, before anything is decoded. [`transform`]
//! pixelates people, and makes every other variant from what is left, so that no variant can show more than the anonymised one.

mod annotate;
mod area;
mod canvas;
mod coefficients;
mod decode;
mod encode;
mod foreign;
mod header;
mod jpeg;
mod pixelate;
mod resize;
mod text;
mod transform;
mod webp;

pub use decode::memory;
pub use header::{Format, Header, Limits, Refused, inspect};
pub use transform::{Encoded, Failure, Marks, Objects, Transformed, Wanted, transform};
