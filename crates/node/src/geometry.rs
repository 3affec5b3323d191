//! Pixels → parts of the image. Whoever knows the image's size does this; nobody downstream has to know it.

use std::fmt;
use std::str::FromStr;

/// Parts are rounded to this many steps: a thousandth of a pixel even in a wide image, without seventeen digits of noise
/// in the JSON.
const STEPS: f64 = 1e6;

/// The size of an image in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSize {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

/// A box in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelBox {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A box as parts of the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartsBox {
    /// Left, top, width, height: all of the box that is inside the image.
    pub bounds: [f64; 4],
    /// The box hung over the edge.
    pub clipped: bool,
}

impl PixelBox {
    /// Converts to parts of the image, without what hangs over its edge. `None`: nothing of the box is inside the image.
    ///
    /// The server clips small overhangs itself; clipping here too means that a box never fails for being a little too far out.
    pub fn to_parts(self, image: ImageSize) -> Option<PartsBox> {
        let (left, width, cut_x) = clip(self.left, self.width, f64::from(image.width))?;
        let (top, height, cut_y) = clip(self.top, self.height, f64::from(image.height))?;
        Some(PartsBox {
            bounds: [left, top, width, height],
            clipped: cut_x || cut_y,
        })
    }
}

/// One axis: start and extent as parts of `whole`, and whether something was cut off.
fn clip(start: f64, extent: f64, whole: f64) -> Option<(f64, f64, bool)> {
    let end = start + extent;
    let (inner_start, inner_end) = (start.max(0.0), end.min(whole));
    let part = |pixels: f64| (pixels / whole * STEPS).round() / STEPS;
    let (start_part, extent_part) = (part(inner_start), part(inner_end - inner_start));
    (extent_part > 0.0).then_some((start_part, extent_part, start < 0.0 || end > whole))
}

impl FromStr for ImageSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sides = text
            .split_once(['x', 'X', '×'])
            .map(|(width, height)| (width.trim().parse(), height.trim().parse()));
        match sides {
            Some((Ok(width), Ok(height))) if width > 0 && height > 0 => Ok(Self { width, height }),
            _ => Err("not WIDTHxHEIGHT in pixels, such as 640x480".to_owned()),
        }
    }
}

impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VGA: ImageSize = ImageSize {
        width: 640,
        height: 480,
    };

    fn pixels(left: f64, top: f64, width: f64, height: f64) -> PixelBox {
        PixelBox {
            left,
            top,
            width,
            height,
        }
    }

    #[test]
    fn a_box_inside_keeps_its_place() {
        let parts = pixels(64.0, 120.0, 320.0, 240.0).to_parts(VGA).unwrap();
        assert_eq!(
            parts,
            PartsBox {
                bounds: [0.1, 0.25, 0.5, 0.5],
                clipped: false
            }
        );
    }

    #[test]
    fn the_whole_image_is_not_clipped() {
        let parts = pixels(0.0, 0.0, 640.0, 480.0).to_parts(VGA).unwrap();
        assert_eq!(
            parts,
            PartsBox {
                bounds: [0.0, 0.0, 1.0, 1.0],
                clipped: false
            }
        );
    }

    #[test]
    fn what_hangs_over_is_cut_off() {
        let parts = pixels(-64.0, 360.0, 128.0, 240.0).to_parts(VGA).unwrap();
        assert_eq!(
            parts,
            PartsBox {
                bounds: [0.0, 0.75, 0.1, 0.25],
                clipped: true
            }
        );
    }

    #[test]
    fn a_box_without_a_visible_part_is_none() {
        assert_eq!(pixels(640.0, 0.0, 10.0, 10.0).to_parts(VGA), None);
        assert_eq!(pixels(10.0, -20.0, 10.0, 20.0).to_parts(VGA), None);
        assert_eq!(pixels(10.0, 10.0, 0.0, 20.0).to_parts(VGA), None);
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!("640x480".parse(), Ok(VGA));
        assert_eq!("640 × 480".parse(), Ok(VGA));
        for bad in ["", "640", "640x", "0x480", "-1x2", "640x480x3"] {
            assert!(bad.parse::<ImageSize>().is_err(), "{bad}");
        }
        assert_eq!(VGA.to_string(), "640x480");
    }

    proptest! {
        #[test]
        fn parts_never_leave_the_image(left in -2e3..2e3f64, top in -2e3..2e3f64, width in 0.0..3e3f64, height in 0.0..3e3f64) {
            if let Some(PartsBox { bounds: [l, t, w, h], clipped }) = pixels(left, top, width, height).to_parts(VGA) {
                prop_assert!(l >= 0.0 && t >= 0.0 && w > 0.0 && h > 0.0);
                prop_assert!(l + w <= 1.0 + 2.0 / STEPS && t + h <= 1.0 + 2.0 / STEPS);
                if !clipped {
                    prop_assert!((l * 640.0 - left).abs() < 1e-3 && (w * 640.0 - width).abs() < 1e-3);
                }
            }
        }
    }
}
