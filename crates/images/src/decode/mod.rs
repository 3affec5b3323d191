//! Upload to canvas, upright. Decoders get no more memory than their header has asked for, and their panics end here.

mod jpeg;
mod pixels;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::{png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError};

use crate::canvas::Canvas;
use crate::header::{Format, Header, Limits};
use crate::transform::Failure;
use pixels::{canvas_of, from_rgb, on_white};

/// The decoder of WebP has pixels of its own before it hands them out: bytes of each.
const OF_WEBP: u64 = 4;
/// Of what a decoder says, in characters.
const LONGEST_REASON: usize = 200;

/// Decodes what [`inspect`](crate::inspect) has let through, and turns the picture as its metadata says it should be seen.
pub(crate) fn decode(picture: &[u8], header: Header, limits: Limits) -> Result<Canvas, Failure> {
    let decode = || match header.format {
        Format::Jpeg => jpeg::decode(picture, header, limits),
        Format::Png => {
            let decoder = PngDecoder::with_limits(Cursor::new(picture), of_library(header, limits))?;
            others(decoder, 0, header, limits)
        }
        Format::WebP => others(WebPDecoder::new(Cursor::new(picture))?, OF_WEBP, header, limits),
    };
    // Nothing that a panic leaves half done is used afterwards.
    let (canvas, orientation) = catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(Failure::Crashed))?;
    Ok(canvas.turned(orientation))
}

/// Memory that decoding a picture takes for pixels at once, in bytes, as far as its header tells; more is never taken. One that takes
/// more than [`Limits::memory`] fails.
pub fn memory(picture: &[u8], header: Header) -> u64 {
    let most = match header.format {
        Format::Jpeg => return jpeg::memory(picture, header),
        // The depth is behind the size. With 16 bits: four colours of two bytes, and then of one.
        Format::Png if picture.get(24) == Some(&16) => 8 + 4,
        Format::Png => 4,
        Format::WebP => 4 + OF_WEBP,
    };
    most * header.pixels() + canvas(header)
}

type Decoded = Result<(Canvas, Orientation), Failure>;

/// The formats that `image` decodes; the decoder takes so many bytes a pixel for itself. Of an animation the first picture is taken.
fn others(mut decoder: impl ImageDecoder, own: u64, header: Header, limits: Limits) -> Decoded {
    if decoder.dimensions() != (header.width, header.height) {
        return Err(broken("it says its size twice"));
    }
    // Of 16 bits a colour become 8 at first.
    let narrowed = match decoder.color_type() {
        ColorType::Rgb8 | ColorType::Rgba8 | ColorType::L8 => 0,
        _ => 4 * header.pixels(),
    };
    let behind = narrowed + canvas(header);
    afford(decoder.total_bytes() + behind.max(own * header.pixels()), limits)?;
    decoder.set_limits(of_library(header, limits))?;
    let orientation = decoder.orientation()?;
    let canvas = match DynamicImage::from_decoder(decoder)? {
        DynamicImage::ImageRgb8(pixels) => canvas_of(header, pixels.as_raw(), from_rgb),
        DynamicImage::ImageRgba8(pixels) => canvas_of(header, pixels.as_raw(), on_white),
        DynamicImage::ImageLuma8(pixels) => canvas_of(header, pixels.as_raw(), |[grey]| [grey, 128, 128]),
        odd if odd.color().has_alpha() => canvas_of(header, odd.into_rgba8().as_raw(), on_white),
        odd => canvas_of(header, odd.into_rgb8().as_raw(), from_rgb),
    };
    Ok((canvas, orientation))
}

/// What the canvas takes: a sample of brightness for each pixel, and two of colour for four.
fn canvas(header: Header) -> u64 {
    header.pixels() * 3 / 2
}

fn of_library(header: Header, Limits { memory, .. }: Limits) -> image::Limits {
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(header.width);
    limits.max_image_height = Some(header.height);
    limits.max_alloc = Some(memory);
    limits
}

fn afford(needed: u64, limits: Limits) -> Result<(), Failure> {
    let limit = limits.memory;
    if needed <= limit {
        Ok(())
    } else {
        Err(Failure::TooMuchMemory { needed, limit })
    }
}

/// A decoder's reason, which may quote the picture: no longer than a sentence, and without control characters, as it is stored and shown.
fn broken(error: impl std::fmt::Display) -> Failure {
    let text = error.to_string();
    let harmless = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    Failure::Broken(text.chars().take(LONGEST_REASON).map(harmless).collect())
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        broken(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_decoder_is_a_sentence_whatever_it_quotes() {
        let Failure::Broken(reason) = broken("chunk \u{1b}[31m\0\n".to_owned() + &"é".repeat(1_000)) else {
            panic!("another failure");
        };
        assert!(reason.starts_with("chunk \u{fffd}[31m\u{fffd}\u{fffd}éé"), "{reason:?}");
        assert_eq!(reason.chars().count(), 200);
    }
}
