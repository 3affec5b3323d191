//! The broker contract: batches as bytes, and [pictures](images). The schemas are in `proto-schemas/citytrack`; the types that are
//! generated from them stay inside this crate.

mod decode;
mod encode;
pub mod images;

use citytrack_domain::Slug;

pub use decode::{DecodeError, Unreadable, decode, decode_each, read};
pub use encode::encode;

/// Name and version of the schema, carried as the AMQP message type.
pub const SCHEMA: &str = "citytrack.detections.v1";

/// The routing key of a venue's batches.
pub fn routing_key(venue: &Slug) -> String {
    format!("detections.{venue}")
}

/// The venue of a routing key; `None` when it is none of a venue's batches.
pub fn venue_of(route: &str) -> Option<Slug> {
    Slug::new(route.strip_prefix("detections.")?).ok()
}

#[allow(clippy::pedantic, unreachable_pub, reason = "generated")]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/citytrack.detections.v1.rs"));
}
