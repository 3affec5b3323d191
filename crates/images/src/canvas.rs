//! Pixels in the shape that JPEG has: a plane of brightness, and two of colour at half the width and height (4:2:0). Most uploads
//! come like this and all variants leave like this, so nothing is converted to RGB on the way, and there is half as much to move.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage};

/// A part of a canvas in pixels, the end excluded. Left and top are even, and so are right and bottom unless they are the edge of
/// the picture, so that no sample of colour is shared with what lies outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) right: u32,
    pub(crate) bottom: u32,
}

impl Area {
    pub(crate) fn width(self) -> u32 {
        self.right.saturating_sub(self.left)
    }

    pub(crate) fn height(self) -> u32 {
        self.bottom.saturating_sub(self.top)
    }

    /// The same area on a plane of half the width and height.
    fn halved(self) -> Self {
        Self {
            left: self.left / 2,
            top: self.top / 2,
            right: self.right.div_ceil(2),
            bottom: self.bottom.div_ceil(2),
        }
    }
}

/// A colour: brightness, blue and red difference (ITU-T T.871).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) [u8; 3]);

impl Colour {
    pub(crate) const BLACK: Self = Self([0, 128, 128]);
    pub(crate) const WHITE: Self = Self([255, 128, 128]);

    pub(crate) fn from_rgb([red, green, blue]: [u8; 3]) -> Self {
        let (y, cb, cr) = jpeg_encoder::rgb_to_ycbcr(red, green, blue);
        Self([y, cb, cr])
    }
}

/// A picture that is worked on.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    /// Brightness, blue and red difference.
    pub(crate) planes: [GrayImage; 3],
}

impl Canvas {
    /// From a plane of brightness and two of colour at half its width and height, rounded up.
    pub(crate) fn new(planes: [GrayImage; 3]) -> Self {
        debug_assert_eq!(planes[1].width(), planes[0].width().div_ceil(2));
        debug_assert_eq!(planes[2].height(), planes[0].height().div_ceil(2));
        Self { planes }
    }

    pub(crate) fn width(&self) -> u32 {
        self.planes[0].width()
    }

    pub(crate) fn height(&self) -> u32 {
        self.planes[0].height()
    }

    /// All of it.
    pub(crate) fn area(&self) -> Area {
        let (right, bottom) = self.planes[0].dimensions();
        let (left, top) = (0, 0);
        Area {
            left,
            top,
            right,
            bottom,
        }
    }

    /// The smallest area of whole samples of colour that covers these edges, as far as it lies on the canvas.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the canvas before"
    )]
    pub(crate) fn cover(&self, [left, top, right, bottom]: [f32; 4]) -> Area {
        let low = |edge: f32| (edge.max(0.0) / 2.0).floor() as u32 * 2;
        let high = |edge: f32, end: u32| ((edge.max(0.0) / 2.0).ceil() as u32).saturating_mul(2).min(end);
        let (width, height) = self.planes[0].dimensions();
        Area {
            left: low(left).min(width),
            top: low(top).min(height),
            right: high(right, width),
            bottom: high(bottom, height),
        }
    }

    /// The same for edges that are parts of the canvas, 0..1.
    #[expect(clippy::cast_precision_loss, reason = "sides are shorter than 2^16")]
    pub(crate) fn cover_parts(&self, [left, top, right, bottom]: [f32; 4]) -> Area {
        let (width, height) = (self.width() as f32, self.height() as f32);
        self.cover([left * width, top * height, right * width, bottom * height])
    }

    /// Turns and mirrors.
    pub(crate) fn turned(self, orientation: Orientation) -> Self {
        let planes = self.planes.map(|plane| {
            let mut plane = DynamicImage::ImageLuma8(plane);
            plane.apply_orientation(orientation);
            plane.into_luma8()
        });
        Self { planes }
    }

    /// The rows of each plane within the area.
    pub(crate) fn rows_mut(&mut self, area: Area) -> [impl Iterator<Item = &mut [u8]>; 3] {
        let [y, cb, cr] = &mut self.planes;
        [
            part_mut(y, area),
            part_mut(cb, area.halved()),
            part_mut(cr, area.halved()),
        ]
    }

    /// The mean of the area, rounded.
    pub(crate) fn mean(&self, area: Area) -> Colour {
        let [y, cb, cr] = &self.planes;
        Colour([mean(y, area), mean(cb, area.halved()), mean(cr, area.halved())])
    }

    /// Mixes the area with black: what is there shows through a third.
    pub(crate) fn darken(&mut self, area: Area) {
        for (rows, black) in self.rows_mut(area).into_iter().zip(Colour::BLACK.0) {
            rows.flatten()
                .for_each(|sample| *sample = black - black / 3 + *sample / 3);
        }
    }

    /// One colour all over the area.
    pub(crate) fn fill(&mut self, area: Area, colour: Colour) {
        for (rows, value) in self.rows_mut(area).into_iter().zip(colour.0) {
            rows.for_each(|row| row.fill(value));
        }
    }
}

fn part_mut(plane: &mut GrayImage, area: Area) -> impl Iterator<Item = &mut [u8]> {
    let width = plane.width().max(1) as usize;
    let columns = area.left as usize..area.right as usize;
    let rows = plane.as_flat_samples_mut().samples.chunks_exact_mut(width);
    let rows = rows.skip(area.top as usize).take(area.height() as usize);
    rows.map(move |row| row.get_mut(columns.clone()).unwrap_or_default())
}

#[expect(clippy::cast_possible_truncation, reason = "the mean of bytes is a byte")]
fn mean(plane: &GrayImage, area: Area) -> u8 {
    let columns = area.left as usize..area.right as usize;
    let rows = plane.as_raw().chunks_exact(plane.width().max(1) as usize);
    let rows = rows.skip(area.top as usize).take(area.height() as usize);
    // A row is shorter than 2^16, so its sum fits.
    let sum_of = |row: &[u8]| row.iter().map(|&sample| u32::from(sample)).sum::<u32>();
    let sum: u64 = rows
        .map(|row| u64::from(sum_of(row.get(columns.clone()).unwrap_or_default())))
        .sum();
    let samples = u64::from(area.width()) * u64::from(area.height());
    ((sum + samples / 2) / samples.max(1)) as u8
}
