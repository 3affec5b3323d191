//! Hiding people. What this leaves cannot be undone: the pixels of a block are replaced by their mean, and nothing else of them
//! is kept anywhere.

use citytrack_domain::{BoundingBox, Detection};

use crate::canvas::{Area, Canvas};
use crate::transform::{Marks, Objects};

/// The side of the smallest block, in pixels.
const SMALLEST: u32 = 16;

/// The longer side of an area is at most this many blocks long, however large it is: a face that fills the picture is as
/// unrecognisable as a small one.
const BLOCKS: u32 = 8;

/// By what part of its width and height a box grows on each side: detectors cut hair and hands off.
const MARGIN: f32 = 0.05;

/// Pixelates what the marks want hidden: the boxes of the hidden classes, or everything where nobody knows who is there.
pub(crate) fn hide(canvas: &mut Canvas, marks: &Marks<'_>) {
    match marks.objects {
        Objects::Unknown => pixelate(canvas, canvas.area()),
        Objects::Known(objects) => {
            let is_hidden = |object: &&Detection| marks.hidden.contains(&object.class);
            for object in objects.iter().filter(is_hidden) {
                pixelate(canvas, grown(canvas, object.bounding_box));
            }
        }
    }
}

/// The pixels of a box and its margin.
fn grown(canvas: &Canvas, bounding_box: BoundingBox) -> Area {
    let [left, top, width, height] = bounding_box.parts();
    let [left, top] = [left - MARGIN * width, top - MARGIN * height];
    let [right, bottom] = [left + (1.0 + 2.0 * MARGIN) * width, top + (1.0 + 2.0 * MARGIN) * height];
    canvas.cover_parts([left, top, right, bottom])
}

/// Every block of the area becomes the mean of its pixels. Areas that overlap are pixelated one after the other, the later one
/// from what the earlier one has left.
pub(crate) fn pixelate(canvas: &mut Canvas, area: Area) {
    let side = block_side(area);
    for top in (area.top..area.bottom).step_by(side as usize) {
        for left in (area.left..area.right).step_by(side as usize) {
            let right = (left + side).min(area.right);
            let bottom = (top + side).min(area.bottom);
            let block = Area {
                left,
                top,
                right,
                bottom,
            };
            let mean = canvas.mean(block);
            canvas.fill(block, mean);
        }
    }
}

/// The side of a block in pixels; even, so that blocks are made of whole samples of colour.
pub(crate) fn block_side(area: Area) -> u32 {
    let part = area.width().max(area.height()).div_ceil(BLOCKS);
    part.max(SMALLEST).next_multiple_of(2)
}
