//! JPEGs, taken as the planes that they are made of wherever these are brightness and colour, as in nearly all of them.

use fast_image_resize::FilterType;
use image::GrayImage;
use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};

use super::pixels::{canvas_of, from_rgb};
use super::{Decoded, afford, broken, canvas};
use crate::canvas::Canvas;
use crate::header::{Header, Limits};
use crate::jpeg::Frame;
use crate::resize::resized;
use crate::transform::Failure;

/// Scans of a progressive JPEG. Encoders make about ten; thousands of empty ones would take minutes.
const SCANS: usize = 64;

type Decoder<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

pub(super) fn decode(picture: &[u8], header: Header, limits: Limits) -> Decoded {
    let frame = Frame::read(picture)?;
    let (width, height) = (header.width as usize, header.height as usize);
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(width)
        .set_max_height(height)
        .jpeg_set_max_scans(SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(picture), options);
    decoder.decode_headers().map_err(broken)?;
    if decoder.dimensions() != Some((width, height)) {
        return Err(broken("it says its size twice"));
    }
    let are_planes = matches!(decoder.input_colorspace(), Some(ColorSpace::YCbCr | ColorSpace::Luma));
    afford(needed(picture, frame, header, are_planes), limits)?;
    let canvas = if are_planes {
        planes(&mut decoder, header)?
    } else {
        canvas_of(header, &decoder.decode().map_err(broken)?, from_rgb)
    };
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    Ok((canvas, orientation.unwrap_or(Orientation::NoTransforms)))
}

/// What decoding a picture takes, in bytes. A decoder that must hold all coefficients has two bytes for each, and for each sample two
/// more if planes are asked of it.
fn needed(picture: &[u8], frame: Frame, header: Header, are_planes: bool) -> u64 {
    let samples = header.pixels() * u64::from(frame.samples) / 4;
    match (are_planes, frame.is_buffered(picture)) {
        (true, true) => 5 * samples,
        (true, false) => samples + canvas(header),
        (false, true) => 2 * samples + 3 * header.pixels() + canvas(header),
        (false, false) => 3 * header.pixels() + canvas(header),
    }
}

/// The most that it takes, whatever its colours are.
pub(super) fn memory(picture: &[u8], header: Header) -> u64 {
    Frame::read(picture).map_or(0, |frame| {
        needed(picture, frame, header, true).max(needed(picture, frame, header, false))
    })
}

/// The planes as they are stored; those of colour at another size than ours are resized.
fn planes(decoder: &mut Decoder<'_>, header: Header) -> Result<Canvas, Failure> {
    let mut session = decoder.raw_output();
    let layout = session.layout().ok_or_else(|| broken("its planes are too large"))?;
    let layout = layout.get(..session.num_components().unwrap_or(0)).unwrap_or_default();
    let mut planes: Vec<Vec<u8>> = layout.iter().map(|plane| vec![0; plane.width * plane.height]).collect();
    let strides: Vec<usize> = layout.iter().map(|plane| plane.width).collect();
    let mut targets: Vec<&mut [u8]> = planes.iter_mut().map(Vec::as_mut_slice).collect();
    session
        .decode_into_planes_strided(&mut targets, &strides)
        .map_err(broken)?;

    let whole = (header.width, header.height);
    let half = (header.width.div_ceil(2), header.height.div_ceil(2));
    let mut planes = planes.into_iter().zip(layout).map(|(samples, plane)| {
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        GrayImage::from_raw(side(plane.width), side(plane.height), samples)
            .ok_or_else(|| broken("its planes are too large"))
    });
    let mut next = |size| match planes.next() {
        Some(plane) => sized(plane?, size),
        // A grey picture has no planes of colour.
        None => Ok(GrayImage::from_pixel(half.0, half.1, image::Luma([128]))),
    };
    Ok(Canvas::new([next(whole)?, next(half)?, next(half)?]))
}

fn sized(plane: GrayImage, size: (u32, u32)) -> Result<GrayImage, Failure> {
    if plane.dimensions() == size {
        Ok(plane)
    } else {
        resized(&plane, size, FilterType::Box)
    }
}
