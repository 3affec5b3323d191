//! Where an object is on the image.

/// How far a box may hang over the edge of the image, as a part of the image: detectors guess beyond what they see.
const OVERHANG: f64 = 0.05;

/// A box as parts of the image: left, top, width, height, each within 0..1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundingBox([f32; 4]);

/// Why four numbers are no box.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum InvalidBox {
    /// Infinite, or not a number.
    #[error("must be four finite numbers")]
    NotFinite,
    /// No area.
    #[error("width and height must be greater than 0")]
    Empty,
    /// Too far out.
    #[error("must lie within the image: left, top, left + width and top + height from 0 to 1, at most 0.05 outside")]
    Outside,
}

impl BoundingBox {
    /// Checks and clips a box that a detector reported.
    ///
    /// # Errors
    /// When a number is not finite, the box has no area (also after clipping), or it hangs over an edge by more than 5 %.
    pub fn new([left, top, width, height]: [f64; 4]) -> Result<Self, InvalidBox> {
        if ![left, top, width, height].iter().all(|number| number.is_finite()) {
            return Err(InvalidBox::NotFinite);
        }
        if width <= 0.0 || height <= 0.0 {
            return Err(InvalidBox::Empty);
        }
        let (right, bottom) = (left + width, top + height);
        // A hair more than the limit, so that 1.05 computed from pixels is not refused for its last bit.
        let allowed = -OVERHANG - 1e-9..=1.0 + OVERHANG + 1e-9;
        if ![left, top, right, bottom].iter().all(|edge| allowed.contains(edge)) {
            return Err(InvalidBox::Outside);
        }
        let (left, top) = (left.max(0.0), top.max(0.0));
        let (width, height) = (right.min(1.0) - left, bottom.min(1.0) - top);
        if width <= 0.0 || height <= 0.0 {
            return Err(InvalidBox::Empty);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "single precision is a thousandth of a pixel here"
        )]
        Ok(Self([left as f32, top as f32, width as f32, height as f32]))
    }

    /// A box that was checked before it was stored or sent; the numbers are taken as they are.
    pub fn from_checked(parts: [f32; 4]) -> Self {
        Self(parts)
    }

    /// Left, top, width, height.
    pub fn parts(self) -> [f32; 4] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_box_within_the_image_is_kept() {
        assert_eq!(
            BoundingBox::new([0.12, 0.3, 0.05, 0.2]).unwrap().parts(),
            [0.12, 0.3, 0.05, 0.2]
        );
    }

    #[test]
    fn overhang_is_clipped_up_to_the_limit() {
        let parts = BoundingBox::new([-0.05, 0.9, 0.25, 0.15]).unwrap().parts();
        assert_eq!(parts, [0.0, 0.9, 0.2, 0.1]);
        assert_eq!(BoundingBox::new([-0.06, 0.0, 0.5, 0.5]), Err(InvalidBox::Outside));
        assert_eq!(BoundingBox::new([0.9, 0.0, 0.16, 0.5]), Err(InvalidBox::Outside));
    }

    #[test]
    fn no_area_is_no_box() {
        assert_eq!(BoundingBox::new([0.1, 0.1, 0.0, 0.1]), Err(InvalidBox::Empty));
        assert_eq!(BoundingBox::new([0.1, 0.1, 0.1, -0.1]), Err(InvalidBox::Empty));
        assert_eq!(BoundingBox::new([-0.05, 0.1, 0.05, 0.1]), Err(InvalidBox::Empty));
        assert_eq!(BoundingBox::new([f64::NAN, 0.1, 0.1, 0.1]), Err(InvalidBox::NotFinite));
    }

    proptest! {
        #[test]
        fn what_is_accepted_lies_within_the_image(parts in prop::array::uniform4(-0.2..1.3f64)) {
            if let Ok(accepted) = BoundingBox::new(parts) {
                let [left, top, width, height] = accepted.parts();
                prop_assert!(left >= 0.0 && top >= 0.0 && width >= 0.0 && height >= 0.0);
                prop_assert!(left + width <= 1.000_001 && top + height <= 1.000_001);
            }
        }
    }
}
