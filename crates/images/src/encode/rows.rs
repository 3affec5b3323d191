//! The canvas as the encoder asks for it: row by row, and colour at full size.

use image::GrayImage;
use jpeg_encoder::{ImageBuffer, JpegColorType};

use super::grid::Grid;
use crate::area::UNIT;
use crate::canvas::Canvas;
use crate::transform::Failure;

/// All of a canvas.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    width: u16,
    height: u16,
    canvas: &'a Canvas,
}

impl<'a> Rows<'a> {
    pub(crate) fn of(canvas: &'a Canvas) -> Result<Self, Failure> {
        let (width, height) = (short(canvas.width())?, short(canvas.height())?);
        Ok(Self { width, height, canvas })
    }
}

impl ImageBuffer for Rows<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let [luma, colours @ ..] = &self.canvas.planes;
        let [all, blue, red, _] = buffers;
        let y = usize::from(y);
        all.extend_from_slice(row(luma, y));
        for (buffer, plane) in [blue, red].into_iter().zip(colours) {
            doubled(buffer, row(plane, y / 2), usize::from(self.width));
        }
    }
}

/// Some segments of a canvas as a picture of their own, one below the other. Each is encoded to the same bytes as within the whole
/// picture, where the encoder goes on with the last pixel beyond the right and lower edge.
#[derive(Clone, Copy)]
pub(crate) struct Strip<'a> {
    width: u16,
    height: u16,
    canvas: &'a Canvas,
    grid: &'a Grid,
    segments: &'a [usize],
}

impl<'a> Strip<'a> {
    /// The segments must be of one length.
    pub(crate) fn new(canvas: &'a Canvas, grid: &'a Grid, segments: &'a [usize]) -> Result<Self, Failure> {
        let units = segments.first().map_or(0, |&first| grid.segment(first).len());
        let (width, height) = (short(units * UNIT)?, short(segments.len() * UNIT)?);
        Ok(Self {
            width,
            height,
            canvas,
            grid,
            segments,
        })
    }
}

impl ImageBuffer for Strip<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let [luma, colours @ ..] = &self.canvas.planes;
        let [all, blue, red, _] = buffers;
        let (segment, y) = (usize::from(y) / UNIT, usize::from(y) % UNIT);
        let last = (self.canvas.height() as usize).saturating_sub(1);
        for unit in self
            .segments
            .get(segment)
            .map_or(0..0, |&number| self.grid.segment(number))
        {
            let (left, y) = (
                unit % self.grid.columns * UNIT,
                (unit / self.grid.columns * UNIT + y).min(last),
            );
            continued(all, row(luma, y), left, UNIT);
            for (buffer, plane) in [&mut *blue, &mut *red].into_iter().zip(colours) {
                let mut part = Vec::with_capacity(UNIT / 2);
                continued(&mut part, row(plane, y / 2), left / 2, UNIT / 2);
                doubled(buffer, &part, UNIT);
            }
        }
    }
}

/// So many samples from `left` on, and beyond the end of the row its last one.
fn continued(buffer: &mut Vec<u8>, row: &[u8], left: usize, samples: usize) {
    let end = buffer.len() + samples;
    let there = row.get(left..).unwrap_or_default();
    buffer.extend_from_slice(there.get(..samples).unwrap_or(there));
    buffer.resize(end, row.last().copied().unwrap_or_default());
}

/// Each sample twice, so that there are as many as pixels.
fn doubled(buffer: &mut Vec<u8>, samples: &[u8], pixels: usize) {
    let end = buffer.len() + pixels;
    buffer.extend(samples.iter().flat_map(|&sample| [sample, sample]));
    buffer.truncate(end);
}

fn row(plane: &GrayImage, y: usize) -> &[u8] {
    let width = plane.width() as usize;
    plane.as_raw().get(y * width..(y + 1) * width).unwrap_or_default()
}

fn short(side: impl TryInto<u16>) -> Result<u16, Failure> {
    side.try_into()
        .map_err(|_| Failure::Broken("a side of 2^16 pixels or more".to_owned()))
}
