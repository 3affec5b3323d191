//! Where on the image objects stood: how many detections had their feet in each cell of a grid.

use crate::geometry::BoundingBox;

/// Cells of the grid.
const CELLS: usize = Heatmap::COLUMNS * Heatmap::ROWS;

/// The first byte of an encoded heatmap: how the rest is to be read.
const VERSION: u8 = 1;

/// A grid over the image of a camera, with the number of detections whose foot point lies in each cell. The foot point of a
/// box is the middle of its lower edge: where somebody who is seen upright touches the ground.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heatmap(Box<[u32; CELLS]>);

impl Heatmap {
    /// Cells from the left edge of the image to the right one.
    pub const COLUMNS: usize = 32;
    /// Cells from the top of the image to the bottom. With [`Self::COLUMNS`], cells of a 16:9 image are squares.
    pub const ROWS: usize = 18;

    /// Counts the foot point of a box. No count goes beyond what a cell can hold.
    pub fn add(&mut self, found: BoundingBox) {
        let [left, top, width, height] = found.parts();
        let column = cell(left + width / 2.0, Self::COLUMNS);
        let row = cell(top + height, Self::ROWS);
        if let Some(count) = self.0.get_mut(row * Self::COLUMNS + column) {
            *count = count.saturating_add(1);
        }
    }

    /// Adds the counts of another one, cell by cell. No count goes beyond what a cell can hold.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0.iter()) {
            *count = count.saturating_add(*more);
        }
    }

    /// The counts, row by row from the top, each row from the left.
    pub fn cells(&self) -> &[u32] {
        self.0.as_slice()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    /// The counts in few bytes: a version, then for each cell that is not empty how many empty ones lie before it, and its
    /// count, both as LEB128 numbers. People stand in few places, so that an hour of a camera takes some hundred bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        let mut gap = 0;
        for count in self.0.iter() {
            if *count == 0 {
                gap += 1;
            } else {
                write_number(&mut bytes, gap);
                write_number(&mut bytes, *count);
                gap = 0;
            }
        }
        bytes
    }

    /// The counts that were encoded; `None` when the bytes are not those of a heatmap.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (VERSION, mut rest) = bytes.split_first().map(|(version, rest)| (*version, rest))? else {
            return None;
        };
        let mut heatmap = Self::default();
        let mut place = 0_usize;
        while !rest.is_empty() {
            let gap = read_number(&mut rest)?;
            let count = read_number(&mut rest).filter(|count| *count > 0)?;
            place = place.checked_add(usize::try_from(gap).ok()?)?;
            *heatmap.0.get_mut(place)? = count;
            place += 1;
        }
        Some(heatmap)
    }
}

impl Default for Heatmap {
    fn default() -> Self {
        Self(Box::new([0; CELLS]))
    }
}

/// Which of `cells` equal parts of the image `place` (0 to 1) lies in; the far edge belongs to the last.
fn cell(place: f32, cells: usize) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a cast to a whole number cuts off the fraction and ends at the limits; the grid is small"
    )]
    let cell = (place * cells as f32) as usize;
    cell.min(cells - 1)
}

/// Appends a number as unsigned LEB128: seven bits a byte, the lowest first, the highest bit set in all bytes but the last.
fn write_number(bytes: &mut Vec<u8>, mut number: u32) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

/// Takes a number off the front; `None` when the bytes end too early, or the number is too large.
fn read_number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u32;
    for shift in (0..u32::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u32::from(byte & 0x7f);
        if bits.leading_zeros() < shift {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A heatmap with one detection whose foot point is `x`, `y`.
    fn foot_at(x: f64, y: f64) -> Heatmap {
        let mut heatmap = Heatmap::default();
        heatmap.add(BoundingBox::new([x - 0.01, y - 0.01, 0.02, 0.01]).unwrap());
        heatmap
    }

    fn place(heatmap: &Heatmap) -> (usize, usize) {
        let place = heatmap.cells().iter().position(|count| *count > 0).unwrap();
        (place % Heatmap::COLUMNS, place / Heatmap::COLUMNS)
    }

    #[test]
    fn the_foot_point_is_the_middle_of_the_lower_edge() {
        let mut heatmap = Heatmap::default();
        heatmap.add(BoundingBox::new([0.25, 0.1, 0.5, 0.4]).unwrap());
        assert_eq!(place(&heatmap), (16, 9));
        assert_eq!(heatmap.cells().iter().sum::<u32>(), 1);
    }

    #[test]
    fn edges_of_the_image_belong_to_it() {
        assert_eq!(place(&foot_at(0.01, 0.01)), (0, 0));
        assert_eq!(place(&foot_at(0.99, 1.0)), (31, 17));
        let mut beyond = Heatmap::default();
        beyond.add(BoundingBox::from_checked([1.0, 1.0, 0.5, 0.5]));
        beyond.add(BoundingBox::from_checked([-1.0, -1.0, 0.5, f32::NAN]));
        assert_eq!((beyond.cells()[575], beyond.cells()[0]), (1, 1));
    }

    #[test]
    fn merging_adds_and_ends_at_what_a_cell_holds() {
        let mut heatmap = foot_at(0.5, 0.5);
        heatmap.merge(&foot_at(0.5, 0.5));
        heatmap.merge(&foot_at(0.1, 0.5));
        assert_eq!(heatmap.cells().iter().filter(|count| **count > 0).count(), 2);
        assert_eq!(heatmap.cells().iter().sum::<u32>(), 3);
        let mut full = Heatmap::decode(&[VERSION, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]).unwrap();
        let copy = full.clone();
        full.merge(&copy);
        full.add(BoundingBox::from_checked([0.0, 0.0, 0.01, 0.01]));
        assert_eq!(full.cells()[0], u32::MAX);
    }

    #[test]
    fn bytes_stay_readable_by_later_versions() {
        let mut heatmap = Heatmap::default();
        assert_eq!(heatmap.encode(), [1]);
        assert!(heatmap.is_empty());
        heatmap.0[0] = 1;
        heatmap.0[300] = 300;
        assert_eq!(heatmap.encode(), [1, 0, 1, 0xab, 0x02, 0xac, 0x02]);
        assert_eq!(Heatmap::decode(&heatmap.encode()), Some(heatmap));
    }

    #[test]
    fn an_hour_takes_some_hundred_bytes() {
        // 90,000 frames with people on a third of the image.
        let mut heatmap = Heatmap::default();
        for place in 192..384 {
            heatmap.0[place] = u32::try_from(place * 17 % 9000).unwrap();
        }
        assert!(heatmap.encode().len() < 700, "{}", heatmap.encode().len());
    }

    #[test]
    fn what_is_no_heatmap_is_told() {
        for bytes in [
            &[][..],
            &[2, 0, 1],                            // another version
            &[1, 0],                               // no count
            &[1, 0, 0],                            // an empty cell that is named
            &[1, 0, 0x80],                         // a number that does not end
            &[1, 0, 0xff, 0xff, 0xff, 0xff, 0x1f], // 33 bits
            &[1, 0x80, 0x80, 0x80, 0x80, 0x80, 1], // more bytes than a number has
            &[1, 0xc0, 0x04, 1],                   // cell 576
            &[1, 0xbf, 0x04, 1, 0, 1],             // one more behind the last
            &[1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1], // far out
        ] {
            assert_eq!(Heatmap::decode(bytes), None, "{bytes:?}");
        }
        assert!(Heatmap::decode(&[1, 0xbf, 0x04, 1]).is_some());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(counts in prop::collection::vec((0..CELLS, any::<u32>()), 0..100)) {
            let mut heatmap = Heatmap::default();
            for (place, count) in counts {
                heatmap.0[place] = count;
            }
            prop_assert_eq!(Heatmap::decode(&heatmap.encode()), Some(heatmap));
        }

        #[test]
        fn junk_is_refused_or_read_but_never_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Heatmap::decode(&bytes);
            if let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            if let Some(heatmap) = Heatmap::decode(&bytes) {
                prop_assert_eq!(Heatmap::decode(&heatmap.encode()), Some(heatmap));
            }
        }

        #[test]
        fn every_box_is_counted_once(boxes in prop::collection::vec(prop::array::uniform4(-0.05..1.0f64), 0..50)) {
            let boxes: Vec<_> = boxes.into_iter().filter_map(|parts| BoundingBox::new(parts).ok()).collect();
            let mut heatmap = Heatmap::default();
            for found in &boxes {
                heatmap.add(*found);
            }
            prop_assert_eq!(heatmap.cells().iter().sum::<u32>() as usize, boxes.len());
        }
    }
}
