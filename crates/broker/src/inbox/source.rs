//! What can be consumed, and how it comes.

use std::time::Duration;

use super::{Delivery, held::Habit};
use crate::copies::CopyQueue;

/// A message of a live queue is acknowledged within this time, if the queue is gone with its connection.
const LONGEST_UNSETTLED: Duration = Duration::from_secs(30);
/// And if the queue is kept, where the newest are left to come again. RabbitMQ ends a channel after 30 minutes
/// (`consumer_timeout`).
const LONGEST_LEFT: Duration = Duration::from_secs(300);

/// What to consume.
#[derive(Clone, Debug)]
pub enum Source {
    /// A work queue of the topology, shared with other consumers.
    Work(&'static str),
    /// A queue that copies everything of the topology's exchange, shared with other consumers.
    Copies(&'static CopyQueue),
    /// A queue of this inbox alone that drops its oldest messages when it holds too many. It gets the routes that are bound.
    ///
    /// The newest messages are left unacknowledged on purpose, half of the prefetch: they come again after a broken
    /// connection or a killed process.
    Live {
        /// What the queue is called. A second inbox of the same name waits until the first is gone.
        name: String,
        /// How long the queue, its bindings and messages are kept without an inbox. Zero: it is gone with its connection, and
        /// the broker names it; so it is, too, where the broker does not permit such queues (RabbitMQ since 4.3, by default).
        keep: Duration,
        /// Messages held at most.
        max_length: u64,
        /// Bytes of them held at most: many small messages are joined into large ones under load, and what one consumer does
        /// not take must not fill the memory of the broker.
        max_bytes: u64,
    },
}

impl Source {
    /// Makes a live queue one that is gone with its connection.
    pub(super) fn do_not_keep(&mut self) {
        if let Self::Live { keep, .. } = self {
            *keep = Duration::ZERO;
        }
    }

    /// When its messages are acknowledged.
    pub(super) fn habit(&self, prefetch: u16) -> Habit {
        let prefetch = usize::from(prefetch);
        match self {
            Self::Work(_) | Self::Copies(_) => Habit::AT_ONCE,
            // Such an acknowledgement only makes room for more messages.
            Self::Live { keep, .. } if keep.is_zero() => Habit {
                leave: 0,
                lump: (prefetch / 4).max(1),
                longest: Some(LONGEST_UNSETTLED),
            },
            Self::Live { .. } => Habit {
                leave: prefetch / 2,
                lump: (prefetch / 8).max(1),
                longest: Some(LONGEST_LEFT),
            },
        }
    }
}

/// What a live inbox hands out, in this order.
#[derive(Debug)]
pub enum Live {
    /// There is a connection, again or for the first time; what follows came over it. Told once for each connection.
    Connected {
        /// Whether the queue is new, so that messages may have been missed since the last ones. If not, those that were not
        /// acknowledged come again, then those that waited; whether the queue had to drop some is seen from their stamps.
        anew: bool,
    },
    /// Messages, in the order of the queue.
    Messages(Vec<Delivery>),
}
