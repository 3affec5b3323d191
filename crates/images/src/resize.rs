//! Smaller pictures.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::GrayImage;

use crate::canvas::Canvas;
use crate::transform::Failure;

/// The longer side of a thumbnail, in pixels.
const THUMBNAIL: u32 = 320;

/// The canvas at thumbnail size; one that is smaller already stays as it is.
pub(crate) fn thumbnail(canvas: &Canvas) -> Result<Canvas, Failure> {
    let (width, height) = (canvas.width(), canvas.height());
    let longer = width.max(height);
    if longer <= THUMBNAIL {
        return Ok(canvas.clone());
    }
    // Rounded, and never nothing.
    let scaled = |side: u32| ((side * THUMBNAIL + longer / 2) / longer).max(1);
    let (width, height) = (scaled(width), scaled(height));
    let halves = (width.div_ceil(2), height.div_ceil(2));
    let [luma, blue, red] = &canvas.planes;
    let smaller = |plane, size| resized(plane, size, FilterType::CatmullRom);
    Ok(Canvas::new([
        smaller(luma, (width, height))?,
        smaller(blue, halves)?,
        smaller(red, halves)?,
    ]))
}

/// The plane at another size.
pub(crate) fn resized(
    plane: &GrayImage,
    (width, height): (u32, u32),
    filter: FilterType,
) -> Result<GrayImage, Failure> {
    let source = ImageRef::new(plane.width(), plane.height(), plane.as_raw(), PixelType::U8).map_err(failed)?;
    let mut target = Image::new(width, height, PixelType::U8);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    Resizer::new().resize(&source, &mut target, &options).map_err(failed)?;
    GrayImage::from_raw(width, height, target.into_vec()).ok_or_else(|| failed("a plane has another size"))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Broken(error.to_string())
}
