//! How a JPEG divides a picture: into units of 16 × 16 pixels, and these, row after row, into segments.

use image::GrayImage;

use crate::area::UNIT;
use crate::canvas::Canvas;

/// Units in a segment. Fewer leave more as it is where something changes; each segment costs four bytes.
const INTERVAL: usize = 8;

/// As many segments as a strip of them can be high: a JPEG has less than 2^16 pixels.
const MOST: usize = 4000;

/// The division of a canvas.
pub(crate) struct Grid {
    /// Units in a row.
    pub(crate) columns: usize,
    /// Units in all.
    units: usize,
    /// Units in a segment, but for the last.
    pub(crate) interval: u16,
}

impl Grid {
    pub(crate) fn of(canvas: &Canvas) -> Self {
        let (columns, rows) = canvas.size().units();
        let units = columns * rows;
        let interval = u16::try_from(units.div_ceil(MOST).max(INTERVAL)).unwrap_or(u16::MAX);
        Self {
            columns,
            units,
            interval,
        }
    }

    /// The units of a segment.
    pub(crate) fn segment(&self, number: usize) -> std::ops::Range<usize> {
        let interval = usize::from(self.interval);
        number * interval..((number + 1) * interval).min(self.units)
    }

    pub(crate) fn is_whole(&self, number: usize) -> bool {
        self.segment(number).len() == usize::from(self.interval)
    }

    /// For each segment whether one of its pixels differs.
    pub(crate) fn changed(&self, one: &Canvas, other: &Canvas) -> Vec<bool> {
        let interval = usize::from(self.interval);
        let mut changed = vec![false; self.units.div_ceil(interval)];
        let planes = one.planes.iter().zip(&other.planes).zip([UNIT, UNIT / 2, UNIT / 2]);
        for ((one, other), side) in planes {
            for unit in self.units_that_differ(one, other, side) {
                if let Some(changed) = changed.get_mut(unit / interval) {
                    *changed = true;
                }
            }
        }
        changed
    }

    /// `side` is that of a unit on this plane.
    fn units_that_differ(&self, one: &GrayImage, other: &GrayImage, side: usize) -> impl Iterator<Item = usize> {
        let width = one.width().max(1) as usize;
        let rows = one
            .as_raw()
            .chunks_exact(width)
            .zip(other.as_raw().chunks_exact(width))
            .enumerate();
        rows.filter(|(_, (one, other))| one != other)
            .flat_map(move |(y, (one, other))| {
                let parts = one.chunks(side).zip(other.chunks(side)).enumerate();
                let differ = parts.filter(|(_, (one, other))| one != other);
                differ.map(move |(column, _)| y / side * self.columns + column)
            })
    }
}
