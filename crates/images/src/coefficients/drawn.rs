//! Drawing on coefficients: the units that a drawing touches become pixels, and then coefficients again. So do those that reach
//! beyond the edge of the picture: what an upload has there, nobody sees and no box can cover.

use image::GrayImage;

use super::dct::Waves;
use super::headers::Headers;
use super::scan::{BLOCKS, Block, Decoders, Scan};
use crate::annotate::Shape;
use crate::area::Size;
use crate::canvas::Canvas;

/// The pixels of a picture where something is drawn; elsewhere there are none.
pub(super) struct Drawn<'a> {
    steps: [&'a [u8; 64]; 3],
    waves: Waves,
    canvas: Canvas,
    /// Which units are touched.
    is_touched: Vec<bool>,
    columns: usize,
}

impl<'a> Drawn<'a> {
    /// Draws on the picture of this scan.
    pub(super) fn new(headers: &Headers<'a>, scan: &Scan, decoders: &Decoders, shapes: &[Shape]) -> Option<Self> {
        let size = headers.size();
        let (columns, _) = size.units();
        let mut drawn = Self {
            steps: headers.steps,
            waves: Waves::new(8),
            canvas: empty(size),
            is_touched: touched(shapes, size, scan.units.len()),
            columns,
        };
        for number in 0..drawn.is_touched.len() {
            if drawn.is_touched[number] {
                drawn.show(number, &scan.blocks(decoders, scan.units.get(number)?)?);
            }
        }
        for shape in shapes {
            shape.draw(&mut drawn.canvas);
        }
        Some(drawn)
    }

    /// The coefficients of a unit, if it is touched.
    pub(super) fn blocks(&self, number: usize) -> Option<[Block; 6]> {
        self.is_touched.get(number)?.then(|| {
            std::array::from_fn(|block| {
                let (component, left, top) = self.place(number, block);
                let samples = samples(&self.canvas.planes[component], left, top);
                self.waves.coefficients(&samples, self.steps[component])
            })
        })
    }

    /// Puts a unit on the canvas.
    fn show(&mut self, number: usize, blocks: &[Block; 6]) {
        for (block, coefficients) in blocks.iter().enumerate() {
            let (component, left, top) = self.place(number, block);
            let samples = self.waves.samples(coefficients, self.steps[component]);
            let plane = &mut self.canvas.planes[component];
            let width = plane.width() as usize;
            let lines = plane.chunks_exact_mut(width).skip(top);
            for (line, samples) in lines.zip(samples.chunks(8)) {
                for (to, sample) in line.iter_mut().skip(left).zip(samples) {
                    *to = *sample;
                }
            }
        }
    }

    /// The plane of a block, and where it is there.
    fn place(&self, number: usize, block: usize) -> (usize, usize, usize) {
        let (column, row) = (number % self.columns, number / self.columns);
        match BLOCKS[block] {
            0 => (0, 16 * column + 8 * (block % 2), 16 * row + 8 * (block / 2)),
            colour => (colour, 8 * column, 8 * row),
        }
    }
}

/// Memory that is never touched costs nothing: the system gives pages of zeros when they are used.
fn empty(size: Size) -> Canvas {
    let Size { width, height } = size;
    let colour = || GrayImage::new(width.div_ceil(2), height.div_ceil(2));
    Canvas::new([GrayImage::new(width, height), colour(), colour()])
}

fn touched(shapes: &[Shape], size: Size, units: usize) -> Vec<bool> {
    let mut touched = vec![false; units];
    let (columns, _) = size.units();
    let drawn = shapes.iter().flat_map(|shape| shape.areas(size));
    for area in drawn.chain(size.partial_units()) {
        for number in area.units().numbers(columns) {
            if let Some(touched) = touched.get_mut(number) {
                *touched = true;
            }
        }
    }
    touched
}

/// The samples of a block. Beyond the edge of the picture the last ones go on.
fn samples(plane: &GrayImage, left: usize, top: usize) -> [u8; 64] {
    let (width, height) = (plane.width() as usize, plane.height() as usize);
    let sample = |x: usize, y: usize| {
        let at = y.min(height.saturating_sub(1)) * width + x.min(width.saturating_sub(1));
        plane.as_raw().get(at).copied().unwrap_or_default()
    };
    std::array::from_fn(|at| sample(left + at % 8, top + at / 8))
}
