//! Room for the bodies that are being received and read: what bounds the memory of the service, however many nodes send at once
//! and however slowly.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A node may have this part of the room, so that one that sends slowly on many connections leaves room for the others.
const SHARES: u64 = 4;

/// The room of this process.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: u64,
    /// What one node may have of it.
    share: u64,
    taken: Share,
}

/// What one node, or all of them, have taken of the room.
#[derive(Debug, Default)]
pub(crate) struct Share(AtomicU64);

/// A part of a share; given back when dropped.
#[derive(Debug)]
struct Part<'s> {
    of: &'s Share,
    bytes: u64,
}

/// The place of one body; free again when dropped.
#[must_use]
#[derive(Debug)]
pub(crate) struct Place<'r> {
    _of_all: Part<'r>,
    _of_node: Part<'r>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// All room is taken.
    Full,
    /// The node has its share.
    ShareTaken,
}

impl Room {
    /// Room for so many bytes. One body of the largest size always fits, also into the share of a node.
    pub(crate) fn new(bytes: u64, largest_body: u64) -> Self {
        let bytes = bytes.max(largest_body);
        Self {
            bytes,
            share: (bytes / SHARES).max(largest_body),
            taken: Share::default(),
        }
    }

    /// A place for a body that may have so many bytes.
    pub(crate) fn take<'r>(&'r self, node: &'r Share, bytes: u64) -> Result<Place<'r>, NoPlace> {
        Ok(Place {
            _of_node: node.take(bytes, self.share).ok_or(NoPlace::ShareTaken)?,
            _of_all: self.taken.take(bytes, self.bytes).ok_or(NoPlace::Full)?,
        })
    }
}

impl Share {
    fn take(&self, bytes: u64, limit: u64) -> Option<Part<'_>> {
        let more = |taken: u64| taken.checked_add(bytes).filter(|sum| *sum <= limit);
        self.0.fetch_update(Relaxed, Relaxed, more).ok()?;
        Some(Part { of: self, bytes })
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.of.0.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEBIBYTE: u64 = 1 << 20;

    #[test]
    fn a_node_gets_its_share_and_the_others_the_rest() {
        let room = Room::new(8 * MEBIBYTE, MEBIBYTE);
        let nodes: [Share; 5] = Default::default();
        let mut places = Vec::new();
        for node in &nodes[..4] {
            places.push(room.take(node, MEBIBYTE).unwrap());
            places.push(room.take(node, MEBIBYTE - 1).unwrap());
            if places.len() < 8 {
                assert_eq!(room.take(node, 2).unwrap_err(), NoPlace::ShareTaken);
            }
        }
        assert_eq!(room.take(&nodes[4], 5).unwrap_err(), NoPlace::Full);
        places.pop();
        assert!(room.take(&nodes[4], MEBIBYTE).is_ok(), "a place that is free again");
    }

    #[test]
    fn the_largest_body_always_fits() {
        let room = Room::new(1024, 4 * MEBIBYTE);
        let node = Share::default();
        assert!(room.take(&node, 4 * MEBIBYTE).is_ok());
        assert_eq!(room.take(&node, u64::MAX).unwrap_err(), NoPlace::ShareTaken);
    }
}
