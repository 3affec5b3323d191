//! Pixels in the shape that JPEG has: a plane of brightness, and two of colour at half the width and height (4:2:0). Most uploads
//! come like this and all variants leave like this, so nothing is converted to RGB on the way, and there is half as much to move.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage};

use crate::area::{Area, Size};

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

    pub(crate) fn size(&self) -> Size {
        self.planes[0].dimensions().into()
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
