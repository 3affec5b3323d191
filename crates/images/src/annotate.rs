//! What is drawn on the annotated variant: boxes with class and confidence, and a stamp of time and place.

use ab_glyph::point;
use citytrack_domain::{Class, Detection};

use crate::area::{Area, Size};
use crate::canvas::{Canvas, Colour};
use crate::text::{Line, Text};
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

/// One thing that is drawn.
pub(crate) enum Shape {
    /// An area of one colour.
    Plate(Area, Colour),
    /// An area that is darkened.
    Shade(Area),
    /// Letters.
    Text(Text),
}

impl Shape {
    pub(crate) fn draw(&self, canvas: &mut Canvas) {
        match self {
            Self::Plate(area, colour) => canvas.fill(*area, *colour),
            Self::Shade(area) => canvas.darken(*area),
            Self::Text(text) => text.draw(canvas),
        }
    }

    /// Outside of these areas it changes nothing.
    pub(crate) fn areas(&self, size: Size) -> Vec<Area> {
        match self {
            Self::Plate(area, _) | Self::Shade(area) => vec![*area],
            Self::Text(text) => text.areas(size).collect(),
        }
    }
}

/// Boxes, labels and stamp, in the order in which they are drawn.
pub(crate) fn shapes(size: Size, marks: &Marks<'_>) -> Vec<Shape> {
    let objects = match marks.objects {
        Objects::Unknown => &[],
        Objects::Known(objects) => objects,
    };
    let mut shapes: Vec<Shape> = objects.iter().flat_map(|object| outline(size, object)).collect();
    if size.shorter() >= READABLE {
        // After all outlines, so that none crosses a label.
        shapes.extend(objects.iter().filter_map(|object| label(size, object)).flatten());
        shapes.extend(stamp(size, marks.stamp));
    }
    shapes
}

/// The height of a line of text, in pixels: an eightieth of the longer side.
#[expect(clippy::cast_precision_loss, reason = "sides are shorter than 2^16")]
fn text_size(size: Size) -> f32 {
    (size.longer() as f32 / 80.0).max(13.0).round()
}

/// The width of a line around a box, in pixels; even, as all areas are.
fn stroke(size: Size) -> u32 {
    (size.longer() / 480).max(2).next_multiple_of(2)
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
fn outline(size: Size, object: &Detection) -> [Shape; 4] {
    let (line, colour) = (stroke(size), colour_of(&object.class));
    let area = box_of(size, object);
    let (inner_left, inner_right) = (
        (area.left + line).min(area.right),
        even(area.right.saturating_sub(line)).max(area.left),
    );
    let (inner_top, inner_bottom) = (
        (area.top + line).min(area.bottom),
        even(area.bottom.saturating_sub(line)).max(area.top),
    );
    let sides = [
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
    ];
    sides.map(|side| Shape::Plate(side, colour))
}

fn even(edge: u32) -> u32 {
    edge - edge % 2
}

fn box_of(size: Size, object: &Detection) -> Area {
    let [left, top, width, height] = object.bounding_box.parts();
    size.cover_parts([left, top, left + width, top + height])
}

/// Class and confidence on a plate above the box, or within it where there is no room above.
#[expect(clippy::cast_precision_loss, reason = "sides are shorter than 2^16")]
fn label(size: Size, object: &Detection) -> Option<[Shape; 2]> {
    let text = format!("{} {:.0} %", object.class, object.confidence.value() * 100.0);
    let line = Line::new(&text, text_size(size))?;
    let area = box_of(size, object);
    let padding = line.height / 4.0;
    let (width, height) = (line.width + 2.0 * padding, line.height);
    let left = (area.left as f32).min(size.width as f32 - width).max(0.0);
    let above = area.top as f32 - height;
    let top = if above < 0.0 { area.top as f32 } else { above };
    let plate = size.cover([left, top, left + width, top + height]);
    let text = line.at(point(left + padding, top), Colour::BLACK);
    Some([Shape::Plate(plate, colour_of(&object.class)), Shape::Text(text)])
}

/// The lines of the stamp on a darkened strip along the lower edge; smaller letters where they are too long for the picture.
#[expect(clippy::cast_precision_loss, reason = "sides are shorter than 2^16")]
fn stamp(picture: Size, lines: &[String]) -> Vec<Shape> {
    let (width, height) = (picture.width as f32, picture.height as f32);
    let size = text_size(picture);
    let padding = size / 2.0;
    let laid_out = |size: f32| lines.iter().filter_map(move |line| Line::new(line, size));
    let longest = laid_out(size).map(|line| line.width).fold(1.0, f32::max);
    let size = size * ((width - 2.0 * padding) / longest).min(1.0);
    let lines: Vec<Line> = laid_out(size).collect();
    let tall: f32 = lines.iter().map(|line| line.height).sum();
    if lines.is_empty() {
        return Vec::new();
    }
    let mut y = height - tall - padding / 2.0;
    let mut shapes = vec![Shape::Shade(picture.cover([0.0, y - padding / 2.0, width, height]))];
    for line in lines {
        let below = y + line.height;
        shapes.push(Shape::Text(line.at(point(padding, y), Colour::WHITE)));
        y = below;
    }
    shapes
}
