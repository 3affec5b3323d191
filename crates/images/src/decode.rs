//! Upload to canvas, upright. Decoders get no more memory than their header has asked for, and their panics end here.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::{png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError};
use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};

use crate::canvas::Canvas;
use crate::header::{Format, Header, Limits, inspect};
use crate::jpeg::Frame;
use crate::transform::Failure;

/// What a decoder may take for the pixels that it makes, in bytes. The canvas comes on top of it.
const MEMORY: u64 = 192 << 20;

/// Scans of a progressive JPEG. Encoders make about ten; thousands of empty ones would take minutes.
const SCANS: usize = 64;

/// Decodes, and turns the picture as its metadata says it should be seen.
pub(crate) fn decode(picture: &[u8], limits: Limits) -> Result<Canvas, Failure> {
    let header = inspect(picture, limits)?;
    let decode = || match header.format {
        Format::Jpeg => jpeg(picture, header),
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

fn jpeg(picture: &[u8], header: Header) -> Decoded {
    let frame = Frame::read(picture)?;
    let pixels = u64::from(header.width) * u64::from(header.height);
    let coefficients = if frame.is_buffered(picture) {
        pixels * u64::from(frame.samples) / 4 * 2
    } else {
        0
    };
    afford(pixels * 3 + coefficients)?;
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(header.width as usize)
        .set_max_height(header.height as usize)
        .jpeg_set_max_scans(SCANS);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(picture), options);
    decoder.decode_headers().map_err(broken)?;
    let dimensions = decoder.dimensions().unwrap_or_default();
    if dimensions != (header.width as usize, header.height as usize) {
        return Err(broken("it says its size twice"));
    }
    let colours = match decoder.input_colorspace() {
        Some(same @ (ColorSpace::YCbCr | ColorSpace::Luma)) => same,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    let samples = decoder.decode().map_err(broken)?;
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let canvas = match colours {
        ColorSpace::Luma => canvas_of(header, &samples, |[grey]| [grey, 128, 128]),
        ColorSpace::YCbCr => canvas_of(header, &samples, |pixel| pixel),
        _ => canvas_of(header, &samples, from_rgb),
    };
    Ok((canvas, orientation.unwrap_or(Orientation::NoTransforms)))
}

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

/// Pixels of `N` samples to planes.
fn canvas_of<const N: usize>(header: Header, samples: &[u8], to_ycbcr: impl Fn([u8; N]) -> [u8; 3]) -> Canvas {
    let (width, height) = (header.width, header.height);
    let mut luma = GrayImage::new(width, height);
    let mut blue = GrayImage::new(width.div_ceil(2), height.div_ceil(2));
    let mut red = blue.clone();
    let (wide, half) = (width as usize, width.div_ceil(2) as usize);
    let rows = samples.chunks(wide * N * 2).zip(luma.chunks_mut(wide * 2));
    let colours = blue.chunks_mut(half).zip(red.chunks_mut(half));
    // Four pixels at a time, fewer at the right and lower edge, share one sample of each colour.
    let mut sums = vec![[0_u16; 2]; half];
    for ((samples, luma), (blue, red)) in rows.zip(colours) {
        sums.fill([0; 2]);
        for (samples, luma) in samples.chunks(wide * N).zip(luma.chunks_mut(wide)) {
            let pairs = samples.chunks(2 * N).zip(luma.chunks_mut(2)).zip(&mut sums);
            for ((samples, luma), sum) in pairs {
                for (pixel, luma) in samples.as_chunks().0.iter().zip(luma) {
                    let [y, cb, cr] = to_ycbcr(*pixel);
                    *luma = y;
                    sum[0] += u16::from(cb);
                    sum[1] += u16::from(cr);
                }
            }
        }
        let lines = samples.len() / (wide * N);
        for (column, (sum, (blue, red))) in sums.iter().zip(blue.iter_mut().zip(red)).enumerate() {
            let pixels = u16::try_from(lines * (wide - 2 * column).min(2)).unwrap_or(4);
            [*blue, *red] = sum.map(|sum| mean(sum, pixels));
        }
    }
    Canvas::new([luma, blue, red])
}

#[expect(clippy::cast_possible_truncation, reason = "the mean of bytes is a byte")]
fn mean(sum: u16, pixels: u16) -> u8 {
    ((sum + pixels / 2) / pixels.max(1)) as u8
}

fn from_rgb([red, green, blue]: [u8; 3]) -> [u8; 3] {
    jpeg_encoder::rgb_to_ycbcr(red, green, blue).into()
}

/// What is transparent becomes white: a JPEG knows no transparency, and what was hidden by it stays hidden.
#[expect(clippy::cast_possible_truncation, reason = "the mean of two bytes is a byte")]
fn on_white([red, green, blue, alpha]: [u8; 4]) -> [u8; 3] {
    let (shown, white) = (u32::from(alpha), 255 * (255 - u32::from(alpha)));
    from_rgb([red, green, blue].map(|colour| ((u32::from(colour) * shown + white + 127) / 255) as u8))
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::Broken(error.to_string())
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        broken(error)
    }
}
