//! Hiding people. What this leaves cannot be undone: all of a block is replaced by its mean, and nothing else of it is kept
//! anywhere. Areas and blocks are made of whole units of a JPEG, so that they can be hidden in pixels and in coefficients alike.

use citytrack_domain::{BoundingBox, Detection};

use crate::area::{Size, Units};
use crate::canvas::Canvas;
use crate::transform::{Marks, Objects};

/// The longer side of an area is at most this many blocks long, however large it is: a face that fills the picture is as
/// unrecognisable as a small one.
const BLOCKS: usize = 8;

/// By what part of its width and height a box grows on each side: detectors cut hair and hands off.
const MARGIN: f32 = 0.05;

/// Pixelates what the marks want hidden. Areas that overlap are pixelated one after the other, the later one from what the earlier
/// one has left.
pub(crate) fn hide(canvas: &mut Canvas, marks: &Marks<'_>) {
    let size = canvas.size();
    for block in hidden(size, marks) {
        let area = block.area(size);
        let mean = canvas.mean(area);
        canvas.fill(area, mean);
    }
}

/// The blocks that become their means, one after the other: those of the boxes of the hidden classes, or of everything where
/// nobody knows who is there.
pub(crate) fn hidden(size: Size, marks: &Marks<'_>) -> impl Iterator<Item = Units> {
    let areas: Vec<Units> = match marks.objects {
        Objects::Unknown => vec![size.area().units()],
        Objects::Known(objects) => {
            let is_hidden = |object: &&Detection| marks.hidden.contains(&object.class);
            let objects = objects.iter().filter(is_hidden);
            objects.map(|object| grown(size, object.bounding_box)).collect()
        }
    };
    areas.into_iter().flat_map(|area| {
        let longer = area.columns.len().max(area.rows.len());
        area.squares(longer.div_ceil(BLOCKS).max(1))
    })
}

/// The units of a box and its margin.
fn grown(size: Size, bounding_box: BoundingBox) -> Units {
    let [left, top, width, height] = bounding_box.parts();
    let [left, top] = [left - MARGIN * width, top - MARGIN * height];
    let [right, bottom] = [left + (1.0 + 2.0 * MARGIN) * width, top + (1.0 + 2.0 * MARGIN) * height];
    size.cover_parts([left, top, right, bottom]).units()
}
