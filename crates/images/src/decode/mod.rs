//! Upload to canvas, upright. Decoders get no more memory than their header has asked for, and their panics end here.

mod jpeg;
mod pixels;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::{png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError};

use crate::canvas::Canvas;
use crate::header::{Format, Header};
use crate::transform::Failure;
use pixels::{canvas_of, from_rgb, on_white};

/// What a decoder may take for the pixels that it makes, in bytes. The canvas comes on top of it.
const MEMORY: u64 = 192 << 20;
/// Of what a decoder says, in characters.
const LONGEST_REASON: usize = 200;

/// Decodes what [`inspect`](crate::inspect) has let through, and turns the picture as its metadata says it should be seen.
pub(crate) fn decode(picture: &[u8], header: Header) -> Result<Canvas, Failure> {
    let decode = || match header.format {
        Format::Jpeg => jpeg::decode(picture, header),
        Format::Png => {
            let cursor = Cursor::new(picture);
            others(PngDecoder::with_limits(cursor, library_limits(header))?, header)
        }
        Format::WebP => others(WebPDecoder::new(Cursor::new(picture))?, header),
    };
    // Nothing that a panic leaves half done is used afterwards.
    let (canvas, orientation) = catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(Failure::Crashed))?;
    Ok(canvas.turned(orientation))
}

type Decoded = Result<(Canvas, Orientation), Failure>;

/// The formats that `image` decodes. Of an animation the first picture is taken.
fn others(mut decoder: impl ImageDecoder, header: Header) -> Decoded {
    if decoder.dimensions() != (header.width, header.height) {
        return Err(broken("it says its size twice"));
    }
    afford(decoder.total_bytes())?;
    decoder.set_limits(library_limits(header))?;
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

fn library_limits(header: Header) -> image::Limits {
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(header.width);
    limits.max_image_height = Some(header.height);
    limits.max_alloc = Some(MEMORY);
    limits
}

fn afford(needed: u64) -> Result<(), Failure> {
    let limit = MEMORY;
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
