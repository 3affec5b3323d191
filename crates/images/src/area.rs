//! Parts of a picture: in pixels, and in the units that a JPEG is made of.

use std::ops::Range;

/// The side of a unit in pixels. T.81 calls it a minimum coded unit: four blocks of brightness, one of each colour.
pub(crate) const UNIT: usize = 16;

/// Width and height of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl From<(u32, u32)> for Size {
    fn from((width, height): (u32, u32)) -> Self {
        Self { width, height }
    }
}

impl Size {
    pub(crate) fn longer(self) -> u32 {
        self.width.max(self.height)
    }

    pub(crate) fn shorter(self) -> u32 {
        self.width.min(self.height)
    }

    /// Units in a row, and rows of units.
    pub(crate) fn units(self) -> (usize, usize) {
        let units = |side: u32| (side as usize).div_ceil(UNIT);
        (units(self.width), units(self.height))
    }

    /// All of it.
    pub(crate) fn area(self) -> Area {
        Area {
            left: 0,
            top: 0,
            right: self.width,
            bottom: self.height,
        }
    }

    /// What lies in the last column and in the last row of units, where these reach beyond the edge.
    pub(crate) fn partial_units(self) -> [Area; 2] {
        let whole = |side: u32| u32::try_from(side as usize / UNIT * UNIT).unwrap_or(side);
        let right = Area {
            left: whole(self.width),
            ..self.area()
        };
        let lower = Area {
            top: whole(self.height),
            ..self.area()
        };
        [right, lower]
    }

    /// The smallest area of whole samples of colour that covers these edges, as far as it lies on the picture.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the picture afterwards, and no less than 0"
    )]
    pub(crate) fn cover(self, [left, top, right, bottom]: [f32; 4]) -> Area {
        let low = |edge: f32| (edge.max(0.0) / 2.0).floor() as u32 * 2;
        let high = |edge: f32, end: u32| ((edge.max(0.0) / 2.0).ceil() as u32).saturating_mul(2).min(end);
        Area {
            left: low(left).min(self.width),
            top: low(top).min(self.height),
            right: high(right, self.width),
            bottom: high(bottom, self.height),
        }
    }

    /// The same for edges that are parts of the picture, 0..1.
    #[expect(clippy::cast_precision_loss, reason = "sides are shorter than 2^16")]
    pub(crate) fn cover_parts(self, [left, top, right, bottom]: [f32; 4]) -> Area {
        let (width, height) = (self.width as f32, self.height as f32);
        self.cover([left * width, top * height, right * width, bottom * height])
    }
}

/// A part of a picture in pixels, the end excluded. Left and top are even, and so are right and bottom unless they are the edge of
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
    pub(crate) fn halved(self) -> Self {
        Self {
            left: self.left / 2,
            top: self.top / 2,
            right: self.right.div_ceil(2),
            bottom: self.bottom.div_ceil(2),
        }
    }

    /// All units that the area touches.
    pub(crate) fn units(self) -> Units {
        if self.width() == 0 || self.height() == 0 {
            let nothing = 0..0;
            return Units {
                columns: nothing.clone(),
                rows: nothing,
            };
        }
        let units = |from: u32, to: u32| from as usize / UNIT..(to as usize).div_ceil(UNIT);
        Units {
            columns: units(self.left, self.right),
            rows: units(self.top, self.bottom),
        }
    }
}

/// A part of a picture in units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Units {
    pub(crate) columns: Range<usize>,
    pub(crate) rows: Range<usize>,
}

impl Units {
    /// Their pixels, as far as they are on the picture.
    pub(crate) fn area(&self, size: Size) -> Area {
        let edge = |unit: usize, end: u32| u32::try_from(unit * UNIT).unwrap_or(end).min(end);
        Area {
            left: edge(self.columns.start, size.width),
            top: edge(self.rows.start, size.height),
            right: edge(self.columns.end, size.width),
            bottom: edge(self.rows.end, size.height),
        }
    }

    /// Cut into squares of so many units a side; those at the right and lower edge may be smaller.
    pub(crate) fn squares(self, side: usize) -> impl Iterator<Item = Units> {
        let cut = move |range: Range<usize>| {
            let end = range.end;
            range.step_by(side).map(move |from| from..(from + side).min(end))
        };
        let columns = self.columns;
        cut(self.rows).flat_map(move |rows| {
            cut(columns.clone()).map(move |columns| Units {
                columns,
                rows: rows.clone(),
            })
        })
    }

    /// Their numbers in a picture with so many units in a row.
    pub(crate) fn numbers(&self, in_row: usize) -> impl Iterator<Item = usize> {
        let columns = self.columns.clone();
        self.rows
            .clone()
            .flat_map(move |row| columns.clone().map(move |column| row * in_row + column))
    }
}
