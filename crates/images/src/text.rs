//! Letters, drawn with a font that the program carries within itself (DejaVu Sans, see `font/LICENSE.txt`).

use ab_glyph::{Font, FontRef, Glyph, OutlinedGlyph, Point, Rect, ScaleFont, point};

use crate::area::{Area, Size};
use crate::canvas::{Canvas, Colour};

const FONT: &[u8] = include_bytes!("../font/DejaVuSans.ttf");

/// One line of text at a size, laid out but not drawn yet.
pub(crate) struct Line {
    font: FontRef<'static>,
    glyphs: Vec<Glyph>,
    /// In pixels.
    pub(crate) width: f32,
    /// From the top of the highest letter to the bottom of the lowest, in pixels.
    pub(crate) height: f32,
}

impl Line {
    /// Lays the text out; `size` is the height of a line in pixels. Characters that control something are left out.
    pub(crate) fn new(text: &str, size: f32) -> Option<Self> {
        // Reading the font's table of contents is all that this does.
        let font = FontRef::try_from_slice(FONT).ok()?;
        let scaled = font.as_scaled(size);
        let (mut glyphs, mut x) = (Vec::<Glyph>::new(), 0.0);
        for character in text.chars().filter(|character| !character.is_control()) {
            let id = scaled.glyph_id(character);
            if let Some(before) = glyphs.last() {
                x += scaled.kern(before.id, id);
            }
            glyphs.push(id.with_scale_and_position(size, point(x, scaled.ascent())));
            x += scaled.h_advance(id);
        }
        let height = scaled.height();
        Some(Self {
            font,
            glyphs,
            width: x,
            height,
        })
    }

    /// The line with its upper left corner there.
    pub(crate) fn at(self, corner: Point, colour: Colour) -> Text {
        let glyphs = self.glyphs.into_iter().filter_map(|mut glyph| {
            glyph.position += corner;
            self.font.outline_glyph(glyph)
        });
        Text {
            glyphs: glyphs.collect(),
            colour,
        }
    }
}

/// A line of text at its place.
pub(crate) struct Text {
    glyphs: Vec<OutlinedGlyph>,
    colour: Colour,
}

impl Text {
    /// Draws it. What reaches beyond the canvas is cut off.
    pub(crate) fn draw(&self, canvas: &mut Canvas) {
        for glyph in &self.glyphs {
            let corner = glyph.px_bounds().min;
            glyph.draw(|x, y, coverage| blend(canvas, corner, (x, y), coverage, self.colour));
        }
    }

    /// Outside of these areas nothing is drawn.
    pub(crate) fn areas(&self, size: Size) -> impl Iterator<Item = Area> {
        self.glyphs.iter().map(move |glyph| {
            let Rect { min, max } = glyph.px_bounds();
            size.cover([min.x, min.y, max.x, max.y])
        })
    }
}

/// Mixes the colour into one pixel. Of colour there is one sample for four pixels, so each brings a quarter of it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "pixels are whole"
)]
fn blend(canvas: &mut Canvas, corner: Point, (x, y): (u32, u32), coverage: f32, colour: Colour) {
    let (x, y) = (corner.x + x as f32, corner.y + y as f32);
    if x < 0.0 || y < 0.0 {
        return;
    }
    let (x, y) = (x as u32, y as u32);
    let [luma, blue, red] = &mut canvas.planes;
    let parts = [
        (luma, x, y, coverage),
        (blue, x / 2, y / 2, coverage / 4.0),
        (red, x / 2, y / 2, coverage / 4.0),
    ];
    for ((plane, x, y, part), value) in parts.into_iter().zip(colour.0) {
        if let Some(sample) = plane.get_pixel_mut_checked(x, y) {
            let [old] = sample.0;
            sample.0 = [(f32::from(old) + (f32::from(value) - f32::from(old)) * part).round() as u8];
        }
    }
}
