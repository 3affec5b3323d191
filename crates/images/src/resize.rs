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
    let mut resizer = Resizer::new();
    let [luma, blue, red] = &canvas.planes;
    let mut smaller = |plane, size| resized(&mut resizer, plane, size);
    let planes = [
        smaller(luma, (width, height))?,
        smaller(blue, halves)?,
        smaller(red, halves)?,
    ];
    Ok(Canvas::new(planes))
}

fn resized(resizer: &mut Resizer, plane: &GrayImage, (width, height): (u32, u32)) -> Result<GrayImage, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::Broken(error.to_string());
    let source =
        ImageRef::new(plane.width(), plane.height(), plane.as_raw(), PixelType::U8).map_err(|error| failed(&error))?;
    let mut target = Image::new(width, height, PixelType::U8);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    resizer
        .resize(&source, &mut target, &options)
        .map_err(|error| failed(&error))?;
    Ok(GrayImage::from_raw(width, height, target.into_vec()).unwrap_or_default())
}
