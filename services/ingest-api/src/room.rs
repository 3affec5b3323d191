//! Room for the bodies that are being received, and for those that are being unpacked: what bounds the memory of the service,
//! however many nodes send at once and however slowly.
//!
//! A body takes room for the bytes that were sent, as long as its sender takes; only while it is unpacked and read, which are
//! milliseconds, it takes as many as it may unpack to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// A node may have this part of the room, so that one that sends slowly on many connections leaves room for the others.
const SHARES: u64 = 4;
/// Bodies of the largest size that may be unpacked at once; unpacking keeps a core busy, so more would only wait for one.
const UNPACKING: usize = 4;
/// How long a body waits for its turn to be unpacked.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
const KIBIBYTE: usize = 1024;

/// The room of this process.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: u64,
    /// What one node may have of it.
    share: u64,
    taken: Arc<Share>,
    /// KiB for unpacked bodies.
    unpacked: Arc<Semaphore>,
    /// KiB of the largest body.
    largest: u32,
    /// What every body takes, however small it is.
    least: u64,
}

/// What one node, or all of them, have taken of the room.
#[derive(Debug, Default)]
pub(crate) struct Share(AtomicU64);

/// A part of a share; given back when dropped.
#[derive(Debug)]
struct Part {
    of: Arc<Share>,
    /// What the share may have in all.
    limit: u64,
    bytes: u64,
}

/// The place of one body; free again when dropped.
#[must_use]
#[derive(Debug)]
pub(crate) struct Place {
    of_all: Part,
    of_node: Part,
    unpacked: Option<OwnedSemaphorePermit>,
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
        let largest = u32::try_from(largest_body.div_ceil(KIBIBYTE as u64)).unwrap_or(u32::MAX);
        Self {
            bytes,
            share: (bytes / SHARES).max(largest_body),
            taken: Arc::default(),
            unpacked: Arc::new(Semaphore::new(UNPACKING * largest as usize)),
            largest,
            least: 0,
        }
    }

    /// Of which every body takes at least so many bytes, so that there is a bound for their number.
    pub(crate) fn of_at_least(self, least: u64) -> Self {
        Self { least, ..self }
    }

    /// A place for a body that announces so many bytes.
    pub(crate) fn take(&self, node: &Arc<Share>, bytes: u64) -> Result<Place, NoPlace> {
        let mut place = Place {
            of_all: Part::none(&self.taken, self.bytes),
            of_node: Part::none(node, self.share),
            unpacked: None,
        };
        place.grow(bytes.max(self.least))?;
        Ok(place)
    }

    /// Makes the place large enough for whatever the body unpacks to, when it is its turn.
    pub(crate) async fn take_unpacked(&self, place: &mut Place) -> Result<(), NoPlace> {
        let permit = Arc::clone(&self.unpacked).acquire_many_owned(self.largest);
        let permit = timeout(LONGEST_WAIT, permit).await;
        place.unpacked = Some(permit.map_err(|_| NoPlace::Full)?.map_err(|_| NoPlace::Full)?);
        Ok(())
    }
}

impl Place {
    /// Grows to so many bytes, if it has fewer.
    pub(crate) fn grow(&mut self, bytes: u64) -> Result<(), NoPlace> {
        self.of_node.grow(bytes).ok_or(NoPlace::ShareTaken)?;
        self.of_all.grow(bytes).ok_or(NoPlace::Full)
    }

    /// After the body was unpacked: gives back what it did not need.
    pub(crate) fn unpacked(&mut self, bytes: usize) {
        if let Some(permit) = &mut self.unpacked {
            drop(permit.split(permit.num_permits().saturating_sub(bytes.div_ceil(KIBIBYTE))));
        }
    }
}

impl Part {
    fn none(of: &Arc<Share>, limit: u64) -> Self {
        Self {
            of: Arc::clone(of),
            limit,
            bytes: 0,
        }
    }

    fn grow(&mut self, to: u64) -> Option<()> {
        if to > self.bytes {
            let more = to - self.bytes;
            let grown = |taken: u64| taken.checked_add(more).filter(|sum| *sum <= self.limit);
            self.of.0.fetch_update(Relaxed, Relaxed, grown).ok()?;
            self.bytes = to;
        }
        Some(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.of.0.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const MEBIBYTE: u64 = 1 << 20;

    #[test]
    fn a_node_gets_its_share_and_the_others_the_rest() {
        let room = Room::new(8 * MEBIBYTE, MEBIBYTE);
        let nodes: [Arc<Share>; 5] = Default::default();
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
        let node = Arc::<Share>::default();
        assert!(room.take(&node, 4 * MEBIBYTE).is_ok());
        assert_eq!(room.take(&node, u64::MAX).unwrap_err(), NoPlace::ShareTaken);
    }

    #[test]
    fn there_is_a_bound_for_bodies_of_which_nothing_comes() {
        let room = Room::new(4 * MEBIBYTE, MEBIBYTE).of_at_least(MEBIBYTE / 2);
        let nodes: [Arc<Share>; 5] = Default::default();
        let mut places = Vec::new();
        for node in &nodes[..4] {
            let place = || room.take(node, 0);
            places.extend([place().unwrap(), place().unwrap()]);
        }
        assert_eq!(room.take(&nodes[0], 0).unwrap_err(), NoPlace::ShareTaken);
        assert_eq!(room.take(&nodes[4], 0).unwrap_err(), NoPlace::Full);
        places[0].grow(MEBIBYTE / 2).unwrap();
        assert_eq!(places[0].grow(MEBIBYTE / 2 + 1), Err(NoPlace::ShareTaken));
    }

    #[test]
    fn a_place_grows_and_is_given_back_whole() {
        let room = Room::new(8 * MEBIBYTE, MEBIBYTE);
        let node = Arc::<Share>::default();
        let mut place = room.take(&node, 0).unwrap();
        place.grow(MEBIBYTE).unwrap();
        place.grow(5).unwrap();
        let mut other = room.take(&node, MEBIBYTE - 1).unwrap();
        assert_eq!(other.grow(MEBIBYTE + 1), Err(NoPlace::ShareTaken));
        drop((place, other));
        assert!(room.take(&node, 2 * MEBIBYTE).is_ok());
    }

    #[tokio::test]
    async fn a_few_bodies_are_unpacked_at_once_and_the_next_one_waits_its_turn() {
        let room = Room::new(8 * MEBIBYTE, MEBIBYTE);
        let node = Arc::<Share>::default();
        let mut places = Vec::new();
        for _ in 0..UNPACKING {
            let mut place = room.take(&node, 10).unwrap();
            room.take_unpacked(&mut place).await.unwrap();
            places.push(place);
        }
        let mut next = room.take(&node, 10).unwrap();
        assert_eq!(room.take_unpacked(&mut next).await, Err(NoPlace::Full));
        assert_eq!(room.take_unpacked(&mut next).now_or_never(), None, "it waits");
        // The first was small, but until it was read it takes what it has become.
        places[0].unpacked(2_000);
        assert_eq!(room.take_unpacked(&mut next).now_or_never(), None);
        drop(places);
        assert_eq!(room.take_unpacked(&mut next).now_or_never(), Some(Ok(())));
    }
}
