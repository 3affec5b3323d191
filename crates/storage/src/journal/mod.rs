//! The journal: which messages went through the broker, never what they said.

mod read;
mod upkeep;
mod write;

use citytrack_domain::Slug;
use jiff::Timestamp;
use uuid::Uuid;

pub use self::{
    read::{Page, Query, list},
    upkeep::{Bounds, Forgotten, keep_small},
    write::JournalWriter,
};

/// Entries of one partition: those from `n * PARTITION` on are in `journal_<n>`.
const PARTITION: i64 = 500_000;

/// What is noted about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// When it came by.
    pub at: Timestamp,
    /// The exchange that it was published to.
    pub exchange: String,
    /// Its routing key.
    pub routing_key: String,
    /// Its AMQP message type.
    pub kind: Option<String>,
    /// Its AMQP message id.
    pub message_id: Option<String>,
    /// The picture that it is about.
    pub image: Option<Uuid>,
    /// Bytes of its body.
    pub size: u64,
    /// The W3C trace that it belongs to, 32 hexadecimal digits.
    pub trace_id: Option<String>,
    /// The venue that it is about.
    pub venue: Option<Slug>,
}

/// A note in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Grows from entry to entry.
    pub id: i64,
    /// What was noted.
    pub note: Note,
}

/// The partition that an entry is in.
fn partition_of(id: i64) -> i64 {
    id.div_euclid(PARTITION)
}

fn partition_name(partition: i64) -> String {
    format!("journal_{partition}")
}
