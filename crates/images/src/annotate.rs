//! What is drawn on the annotated variant: boxes with class and confidence, and a stamp of time and place.

use ab_glyph::point;
use citytrack_domain::{Class, Detection};

use crate::canvas::{Area, Canvas, Colour};
use crate::text::Line;
use crate::transform::{Marks, Objects};

/// Colours that differ from each other and from most of a street; a class keeps its own.
const PALETTE: [[u8; 3]; 8] = [
    [255, 196, 0],
    [0, 200, 255],
    [255, 92, 92],
    [110, 230, 90],
    [255, 120, 220],
    [150, 130, 255],
    [255, 150, 50],
    [60, 220, 190],
];

/// Below this side, in pixels, a picture has no room for letters.
const READABLE: u32 = 64;

/// Draws boxes, labels and stamp.
pub(crate) fn annotate(canvas: &mut Canvas, marks: &Marks<'_>) {
    let objects = match marks.objects {
        Objects::Unknown => &[],
        Objects::Known(objects) => objects,
    };
    for object in objects {
        outline(canvas, object);
    }
    if canvas.width().min(canvas.height()) < READABLE {
        return;
    }
    // After all outlines, so that none crosses a label.
    for object in objects {
        label(canvas, object);
    }
    stamp(canvas, marks.stamp);
}

/// The height of a line of text, in pixels: an eightieth of the longer side.
#[expect(clippy::cast_precision_loss, reason = "sides are shorter than 2^16")]
fn text_size(canvas: &Canvas) -> f32 {
    (canvas.width().max(canvas.height()) as f32 / 80.0).max(13.0).round()
}

/// The width of a line around a box, in pixels; even, as all areas are.
fn stroke(canvas: &Canvas) -> u32 {
    let longer = canvas.width().max(canvas.height());
    (longer / 480).max(2).next_multiple_of(2)
}

/// The same class has the same colour on every picture.
fn colour_of(class: &Class) -> Colour {
    let hash = class
        .as_str()
        .bytes()
        .fold(0_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    Colour::from_rgb(PALETTE[hash % PALETTE.len()])
}

/// A frame along the inner edge of the box.
fn outline(canvas: &mut Canvas, object: &Detection) {
    let (line, colour) = (stroke(canvas), colour_of(&object.class));
    let area = box_of(canvas, object);
    let (inner_left, inner_right) = (
        (area.left + line).min(area.right),
        even(area.right.saturating_sub(line)).max(area.left),
    );
    let (inner_top, inner_bottom) = (
        (area.top + line).min(area.bottom),
        even(area.bottom.saturating_sub(line)).max(area.top),
    );
    for side in [
        Area {
            bottom: inner_top,
            ..area
        },
        Area {
            top: inner_bottom,
            ..area
        },
        Area {
            right: inner_left,
            ..area
        },
        Area {
            left: inner_right,
            ..area
        },
    ] {
        canvas.fill(side, colour);
    }
}

fn even(edge: u32) -> u32 {
    edge - edge % 2
}

fn box_of(canvas: &Canvas, object: &Detection) -> Area {
    let [left, top, width, height] = object.bounding_box.parts();
    canvas.cover_parts([left, top, left + width, top + height])
}

/// Class and confidence on a plate above the box, or within it where there is no room above.
#[expect(clippy::cast_precision_loss, reason = "sides are shorter than 2^16")]
fn label(canvas: &mut Canvas, object: &Detection) {
    let text = format!("{} {:.0} %", object.class, object.confidence.value() * 100.0);
    let Some(line) = Line::new(&text, text_size(canvas)) else {
        return;
    };
    let area = box_of(canvas, object);
    let padding = line.height / 4.0;
    let (width, height) = (line.width + 2.0 * padding, line.height);
    let left = (area.left as f32).min(canvas.width() as f32 - width).max(0.0);
    let above = area.top as f32 - height;
    let top = if above < 0.0 { area.top as f32 } else { above };
    let colour = colour_of(&object.class);
    let plate = canvas.cover([left, top, left + width, top + height]);
    canvas.fill(plate, colour);
    line.draw(canvas, point(left + padding, top), Colour::BLACK);
}

/// The lines of the stamp on a darkened strip along the lower edge; smaller letters where they are too long for the picture.
#[expect(clippy::cast_precision_loss, reason = "sides are shorter than 2^16")]
fn stamp(canvas: &mut Canvas, lines: &[String]) {
    let (width, height) = (canvas.width() as f32, canvas.height() as f32);
    let size = text_size(canvas);
    let padding = size / 2.0;
    let laid_out = |size: f32| lines.iter().filter_map(move |line| Line::new(line, size));
    let longest = laid_out(size).map(|line| line.width).fold(1.0, f32::max);
    let size = size * ((width - 2.0 * padding) / longest).min(1.0);
    let lines: Vec<Line> = laid_out(size).collect();
    let tall: f32 = lines.iter().map(|line| line.height).sum();
    if lines.is_empty() {
        return;
    }
    let mut y = height - tall - padding / 2.0;
    let strip = canvas.cover([0.0, y - padding / 2.0, width, height]);
    canvas.darken(strip);
    for line in lines {
        line.draw(canvas, point(padding, y), Colour::WHITE);
        y += line.height;
    }
}
