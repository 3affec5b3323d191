//! Upload to canvas, upright. Decoders get no more memory than their header has asked for, and their panics end here.

mod jpeg;
mod pixels;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::{png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError};

use crate::canvas::Canvas;
use crate::header::{Format, Header, Limits};
use crate::transform::Failure;
use crate::transform::at_work;
use crate::webp::frames_fit;
use pixels::{canvas_of, from_rgb, on_white};

/// Of what a decoder says, in characters.
const LONGEST_REASON: usize = 200;

/// Decodes what [`inspect`](crate::inspect) has let through, and turns the picture as its metadata says it should be seen.
pub(crate) fn decode(picture: &[u8], header: Header, limits: Limits) -> Result<Canvas, Failure> {
    let decode = || match header.format {
        Format::Jpeg => jpeg::decode(picture, header, limits),
        Format::Png => {
            afford(png(picture, header), limits)?;
            let decoder = PngDecoder::with_limits(Cursor::new(picture), of_library(header, limits))?;
            others(decoder, header, limits)
        }
        Format::WebP => {
            if !frames_fit(picture, (header.width, header.height)) {
                return Err(broken("one of its frames is larger than the picture"));
            }
            afford(webp(picture, header), limits)?;
            others(WebPDecoder::new(Cursor::new(picture))?, header, limits)
        }
    };
    // Nothing that a panic leaves half done is used afterwards.
    let (canvas, orientation) = catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(Failure::Crashed))?;
    Ok(canvas.turned(orientation))
}

/// Memory that a picture takes for pixels at once, in bytes: the most that one with such a header can take. One whose decoding takes
/// more than [`Limits::memory`] fails.
pub fn memory(picture: &[u8], header: Header) -> u64 {
    let decoding = match header.format {
        Format::Jpeg => jpeg::memory(picture, header),
        Format::Png => png(picture, header),
        Format::WebP => webp(picture, header),
    };
    decoding.max(at_work(header))
}

/// What decoding a PNG takes. Depth and colours are behind the size. What has 16 bits a colour is there once with them, and once with 8;
/// with palettes and with one grey or colour that is transparent there may come an alpha.
fn png(picture: &[u8], header: Header) -> u64 {
    let halves = match picture.get(24..26) {
        Some([16, 0 | 4]) => 2 * (4 + 4),
        Some([16, _]) => 2 * (8 + 4),
        Some([_, 0 | 4]) => 2 * (2 + 4),
        _ => 2 * 4 + 3,
    };
    header.pixels() * halves / 2
}

/// What decoding a WebP takes, as the decoder was seen to do: with and without losses, or with alpha and animation.
fn webp(picture: &[u8], header: Header) -> u64 {
    let halves = match picture.get(12..16) {
        Some(b"VP8 ") => 11,
        Some(b"VP8L") => 15,
        _ => 25,
    };
    header.pixels() * halves / 2
}

type Decoded = Result<(Canvas, Orientation), Failure>;

/// The formats that `image` decodes. Of an animation the first picture is taken.
fn others(mut decoder: impl ImageDecoder, header: Header, limits: Limits) -> Decoded {
    if decoder.dimensions() != (header.width, header.height) {
        return Err(broken("it says its size twice"));
    }
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
