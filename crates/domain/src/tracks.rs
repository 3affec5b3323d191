//! How many different tracks there were: sets that can be merged and kept in little room.

use std::fmt;

use datasketches::hll::{HllSketch, HllType, HllUnion};

/// The logarithm of the registers of a sketch: 4,096 registers of 4 bits are 2 kB.
const LG_REGISTERS: u8 = 12;
const EXACT: u8 = 1;
const SKETCH: u8 = 2;

/// A set of tracks. Up to [`TrackSet::EXACT_UP_TO`] it knows each of them; beyond that it is a HyperLogLog sketch, which
/// only knows about how many different ones it has seen. Either way it holds no track id, but numbers made of camera and id.
pub struct TrackSet(Kind);

enum Kind {
    /// In order, each once.
    Exact(Vec<u64>),
    Sketch(Box<HllUnion>),
}

/// The bytes are no set of tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no set of tracks")]
pub struct InvalidTrackSet;

impl TrackSet {
    /// So many different tracks are counted exactly.
    pub const EXACT_UP_TO: usize = 256;

    /// Relative standard error of an estimate, when a set has more tracks than are counted exactly: 1.04 / √4096 (Flajolet
    /// et al., "HyperLogLog", 2007).
    pub const RELATIVE_STANDARD_ERROR: f64 = 1.04 / 64.0;

    /// No tracks.
    pub const fn new() -> Self {
        Self(Kind::Exact(Vec::new()))
    }

    /// Adds a track of a camera. Tracks of different cameras are different, whatever their ids.
    pub fn add(&mut self, camera: i32, track_id: i64) {
        self.add_key(key(camera, track_id));
    }

    /// Adds the tracks of another set.
    pub fn merge(&mut self, other: &Self) {
        match &other.0 {
            Kind::Exact(keys) => {
                for key in keys {
                    self.add_key(*key);
                }
            }
            Kind::Sketch(theirs) => self.sketch().update(&theirs.to_sketch(HllType::Hll8)),
        }
    }

    /// Adds the tracks of an encoded set.
    ///
    /// # Errors
    /// When the bytes were not made by [`Self::encode`].
    pub fn merge_encoded(&mut self, bytes: &[u8]) -> Result<(), InvalidTrackSet> {
        match bytes.split_first() {
            Some((&EXACT, keys)) if keys.len().is_multiple_of(8) => {
                let (keys, _) = keys.as_chunks();
                for key in keys {
                    self.add_key(u64::from_le_bytes(*key));
                }
                Ok(())
            }
            Some((&SKETCH, sketch)) => {
                let theirs = HllSketch::deserialize(sketch).map_err(|_| InvalidTrackSet)?;
                self.sketch().update(&theirs);
                Ok(())
            }
            _ => Err(InvalidTrackSet),
        }
    }

    /// How many different tracks there are, or about how many.
    pub fn count(&self) -> u64 {
        match &self.0 {
            Kind::Exact(keys) => keys.len() as u64,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an estimate is a finite number, not below zero"
            )]
            Kind::Sketch(sketch) => sketch.estimate().round() as u64,
        }
    }

    /// Whether the count is exact.
    pub fn is_exact(&self) -> bool {
        matches!(self.0, Kind::Exact(_))
    }

    /// Whether there is no track in it.
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Kind::Exact(keys) if keys.is_empty())
    }

    /// A byte that tells which kind it is, and then the keys (8 bytes each, little-endian), or the sketch in the binary form
    /// of Apache DataSketches (HLL_4), which other programs read, too.
    pub fn encode(&self) -> Vec<u8> {
        match &self.0 {
            Kind::Exact(keys) => {
                let mut bytes = vec![EXACT];
                for key in keys {
                    bytes.extend(key.to_le_bytes());
                }
                bytes
            }
            Kind::Sketch(sketch) => {
                let mut bytes = vec![SKETCH];
                bytes.extend(sketch.to_sketch(HllType::Hll4).serialize());
                bytes
            }
        }
    }

    fn add_key(&mut self, key: u64) {
        match &mut self.0 {
            Kind::Exact(keys) => {
                if let Err(place) = keys.binary_search(&key) {
                    keys.insert(place, key);
                    if keys.len() > Self::EXACT_UP_TO {
                        self.sketch();
                    }
                }
            }
            Kind::Sketch(sketch) => sketch.update_value(key),
        }
    }

    /// The sketch; from now on this set is one.
    fn sketch(&mut self) -> &mut HllUnion {
        if let Kind::Exact(keys) = &self.0 {
            let mut sketch = empty_sketch();
            for key in keys {
                sketch.update_value(*key);
            }
            self.0 = Kind::Sketch(Box::new(sketch));
        }
        match &mut self.0 {
            Kind::Sketch(sketch) => sketch,
            Kind::Exact(_) => unreachable!("it was made a sketch right before"),
        }
    }
}

fn empty_sketch() -> HllUnion {
    #[expect(
        clippy::expect_used,
        reason = "the size is a constant of this module, and a test makes one"
    )]
    HllUnion::new(LG_REGISTERS).expect("4,096 registers are allowed")
}

impl Default for TrackSet {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TrackSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = if self.is_exact() { "" } else { "about " };
        write!(f, "TrackSet({about}{})", self.count())
    }
}

/// One number for a track of a camera. Within a camera each track has its own; of two cameras they differ but by a
/// one-in-2⁶⁴ accident.
fn key(camera: i32, track_id: i64) -> u64 {
    mixed(mixed(u64::from(camera.cast_unsigned())) ^ track_id.cast_unsigned())
}

/// A permutation of all 64-bit numbers: the finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom
/// number generators", 2014, with the constants of Stafford's Mix13).
const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(camera: i32, tracks: std::ops::Range<i64>) -> TrackSet {
        let mut set = TrackSet::new();
        for track in tracks {
            set.add(camera, track);
        }
        set
    }

    fn decoded(bytes: &[u8]) -> TrackSet {
        let mut set = TrackSet::new();
        set.merge_encoded(bytes).unwrap();
        set
    }

    #[test]
    fn few_tracks_are_counted_exactly() {
        let mut seen = set(1, 0..200);
        seen.merge(&set(1, 100..256));
        assert_eq!((seen.count(), seen.is_exact()), (256, true));
        seen.merge(&decoded(&set(2, 0..1).encode()));
        assert!(!seen.is_exact());
    }

    #[test]
    fn many_are_estimated_within_a_few_standard_errors() {
        for many in [257, 1_000, 20_000, 300_000] {
            // In parts that overlap, each through its encoding, as buckets are merged.
            let mut seen = TrackSet::new();
            for part in 0..10 {
                let from = many * part / 20;
                seen.merge_encoded(&set(7, from..from + many * 11 / 20).encode())
                    .unwrap();
            }
            #[expect(clippy::cast_precision_loss)]
            let error = seen.count() as f64 / many as f64 - 1.0;
            assert!(
                error.abs() < 4.0 * TrackSet::RELATIVE_STANDARD_ERROR,
                "{many}: {seen:?}"
            );
        }
    }

    #[test]
    fn what_is_kept_is_small() {
        assert_eq!(set(1, 0..10).encode().len(), 81);
        let many = set(1, 0..1_000_000).encode();
        assert!(many.len() < 2_200, "{} bytes", many.len());
    }

    #[test]
    fn junk_is_no_set() {
        for junk in [
            &[][..],
            &[0],
            &[3, 1, 2],
            &[EXACT, 1, 2, 3],
            &[SKETCH],
            &[SKETCH, 1, 2, 3],
        ] {
            assert_eq!(TrackSet::new().merge_encoded(junk), Err(InvalidTrackSet), "{junk:?}");
        }
    }

    proptest! {
        #[test]
        fn merging_is_the_union(
            ours in prop::collection::btree_set((0..3, -5..100i64), 0..100),
            theirs in prop::collection::btree_set((0..3, -5..100i64), 0..100),
        ) {
            let mut seen = TrackSet::new();
            for (camera, track) in &ours {
                seen.add(*camera, *track);
            }
            let mut other = TrackSet::new();
            for (camera, track) in &theirs {
                other.add(*camera, *track);
            }
            seen.merge_encoded(&other.encode()).unwrap();
            prop_assert_eq!(seen.count(), ours.union(&theirs).count() as u64);
        }
    }
}
