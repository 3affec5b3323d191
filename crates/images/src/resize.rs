//! Smaller pictures.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::GrayImage;

use crate::area::Size;
use crate::canvas::Canvas;
use crate::transform::Failure;

/// The longer side of a thumbnail, in pixels.
pub(crate) const THUMBNAIL: u32 = 320;

/// The canvas at thumbnail size; one that is smaller already stays as it is.
pub(crate) fn thumbnail(canvas: &Canvas) -> Result<Canvas, Failure> {
    match thumbnail_size(canvas.size()) {
        Some(size) => thumbnail_of([0, 1, 2].map(|plane| whole(&canvas.planes[plane])), size),
        None => Ok(canvas.clone()),
    }
}

/// The size of the thumbnail of a picture; nothing if the picture is no larger than a thumbnail.
pub(crate) fn thumbnail_size(picture: Size) -> Option<Size> {
    let longer = picture.longer();
    // Rounded, and never nothing.
    let scaled = |side: u32| ((side * THUMBNAIL + longer / 2) / longer).max(1);
    (longer > THUMBNAIL).then(|| Size {
        width: scaled(picture.width),
        height: scaled(picture.height),
    })
}

/// A plane, and what of it belongs to the picture: width and height from its upper left corner on.
pub(crate) type Part<'a> = (&'a GrayImage, [f64; 2]);

fn whole(plane: &GrayImage) -> Part<'_> {
    (plane, [plane.width(), plane.height()].map(f64::from))
}

/// The canvas of a thumbnail from planes of some other size.
pub(crate) fn thumbnail_of(planes: [Part<'_>; 3], Size { width, height }: Size) -> Result<Canvas, Failure> {
    let halves = (width.div_ceil(2), height.div_ceil(2));
    let smaller = |part, size| resized_part(part, size, FilterType::CatmullRom);
    let [luma, blue, red] = planes;
    Ok(Canvas::new([
        smaller(luma, (width, height))?,
        smaller(blue, halves)?,
        smaller(red, halves)?,
    ]))
}

/// The plane at another size.
pub(crate) fn resized(plane: &GrayImage, size: (u32, u32), filter: FilterType) -> Result<GrayImage, Failure> {
    resized_part(whole(plane), size, filter)
}

/// The upper left part of the plane at another size.
fn resized_part(
    (plane, [part_width, part_height]): Part<'_>,
    (width, height): (u32, u32),
    filter: FilterType,
) -> Result<GrayImage, Failure> {
    let source = ImageRef::new(plane.width(), plane.height(), plane.as_raw(), PixelType::U8).map_err(failed)?;
    let mut target = Image::new(width, height, PixelType::U8);
    let options = ResizeOptions::new()
        .crop(0.0, 0.0, part_width, part_height)
        .resize_alg(ResizeAlg::Convolution(filter));
    Resizer::new().resize(&source, &mut target, &options).map_err(failed)?;
    GrayImage::from_raw(width, height, target.into_vec()).ok_or_else(|| failed("a plane has another size"))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Broken(error.to_string())
}
