//! RabbitMQ: connection, topology as data, a publisher with confirms, a consumer in batches. Knows no type of the domain:
//! it moves bytes.
//!
//! Both sides rebuild their connection by themselves, for as long as it takes. Nothing is requeued: a consumer holds what it
//! cannot settle, and when its connection is lost the broker delivers it again.

mod connection;
pub mod copies;
mod error;
mod inbox;
mod length;
mod metrics;
mod publisher;
mod socket;
mod stamp;
pub mod topology;
mod tray;

pub use connection::{Options, Status};
pub use error::{Error, PublishError};
pub use inbox::{Delivery, Inbox, Live, Source};
pub use length::follow_length;
pub use metrics::{InboxMetrics, PublisherMetrics};
pub use publisher::{Message, Publisher, PublisherOptions};
pub use stamp::{Stamp, epoch_start};
pub use tray::{DeadLetter, Death, Tag, Tray};
