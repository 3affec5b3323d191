//! The picture at an eighth, a quarter or half of its size, or at all of it, for the thumbnail: as few samples as are enough, from
//! as few coefficients of each block.

use image::GrayImage;

use super::bits::BitReader;
use super::dct::{Samples, Waves};
use super::headers::Headers;
use super::huffman::Decoder;
use super::scan::{BLOCKS, Block, Unit};
use crate::area::Size;
use crate::canvas::Canvas;
use crate::resize::{THUMBNAIL, thumbnail_of};
use crate::transform::Failure;

/// The reduced picture; whole units, though the last may reach beyond its edge.
pub(super) struct Reduced {
    waves: Waves,
    /// The last coefficient that is needed of a block, in the order of the file.
    last: u32,
    steps: [[u8; 64]; 3],
    planes: [GrayImage; 3],
    picture: Size,
}

impl Reduced {
    /// For a picture that is larger than a thumbnail.
    pub(super) fn new(headers: &Headers<'_>) -> Self {
        let picture = headers.size();
        let is_enough = |side: &u32| picture.longer() * side >= THUMBNAIL * 8;
        let side = [1, 2, 4].into_iter().find(is_enough).unwrap_or(8);
        let (columns, rows) = picture.units();
        let plane = |blocks: usize| {
            let [width, height] = [columns, rows].map(|units| u32::try_from(units * blocks).unwrap_or(0) * side);
            GrayImage::new(width, height)
        };
        let waves = Waves::new(side as usize);
        Self {
            last: u32::try_from(waves.last()).unwrap_or(63),
            waves,
            steps: headers.steps.map(|steps| *steps),
            planes: [plane(2), plane(1), plane(1)],
            picture,
        }
    }

    /// Reads a block behind its mean. `unit` is column and row, `number` that of the block within.
    #[inline]
    pub(super) fn take(
        &mut self,
        unit: (usize, usize),
        number: usize,
        decoder: &Decoder,
        reader: &mut BitReader<'_>,
        mean: i16,
    ) -> Option<()> {
        let mut block = [0; 64];
        block[0] = mean;
        decoder.coefficients(reader, &mut block, self.last)?;
        self.put(unit, number, &block);
        Some(())
    }

    /// Replaces a unit by the means of its blocks.
    pub(super) fn hide(&mut self, unit: (usize, usize), means: &Unit) {
        for (number, mean) in means.means.into_iter().enumerate() {
            let mut block = [0; 64];
            block[0] = mean;
            self.put(unit, number, &block);
        }
    }

    #[inline]
    fn put(&mut self, (column, row): (usize, usize), number: usize, block: &Block) {
        let component = BLOCKS[number];
        let steps = &self.steps[component];
        let (side, plane) = (self.waves.side, &mut self.planes[component]);
        let samples = match side {
            2 => four(block, steps),
            _ => self.waves.samples(block, steps),
        };
        let (column, row) = match component {
            0 => (2 * column + number % 2, 2 * row + number / 2),
            _ => (column, row),
        };
        let width = plane.width() as usize;
        let first = row * side * width + column * side;
        let lines = plane.get_mut(first..).unwrap_or_default().chunks_mut(width);
        for (line, samples) in lines.zip(samples.chunks(8)).take(side) {
            for (to, sample) in line.iter_mut().zip(samples).take(side) {
                *to = *sample;
            }
        }
    }

    /// The canvas of the thumbnail, which is so large.
    pub(super) fn thumbnail(&self, size: Size) -> Result<Canvas, Failure> {
        #[expect(clippy::cast_precision_loss, reason = "at most 8")]
        let scale = self.waves.side as f64 / 8.0;
        let part = |plane: usize, scale: f64| {
            let part = [self.picture.width, self.picture.height].map(|side| f64::from(side) * scale);
            (&self.planes[plane], part)
        };
        thumbnail_of([part(0, scale), part(1, scale / 2.0), part(2, scale / 2.0)], size)
    }
}

/// The same as [`Waves::samples`] for two samples a side, where waves are no more than sums and differences.
#[inline]
#[expect(clippy::cast_sign_loss, reason = "cut off at 0 and 255")]
fn four(block: &Block, steps: &[u8; 64]) -> Samples {
    let [mean, across, down, both] = [0, 1, 2, 4].map(|at: usize| i32::from(block[at]) * i32::from(steps[at]));
    let sample = |eightfold: i32| ((eightfold + 128 * 8 + 4) >> 3).clamp(0, 255) as u8;
    let mut samples = [0; 64];
    samples[0] = sample(mean + across + down + both);
    samples[1] = sample(mean - across + down - both);
    samples[8] = sample(mean + across - down - both);
    samples[9] = sample(mean - across - down + both);
    samples
}
