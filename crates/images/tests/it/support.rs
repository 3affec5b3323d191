//! What the tests share.

use std::path::PathBuf;

use citytrack_domain::{BoundingBox, Class, Confidence, Detection};
use citytrack_images::{Encoded, Failure, Limits, Marks, Objects, Transformed, Wanted, transform};
use image::RgbImage;
use zune_jpeg::zune_core::bytestream::ZCursor;

/// Everything.
pub(crate) const ALL: Wanted = Wanted {
    thumbnail: true,
    annotated: true,
    anonymised: true,
};

/// One of the pictures beside the tests (`tests/pictures`).
pub(crate) fn odd(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/pictures")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One of the photographs of scikit-image.
#[expect(clippy::disallowed_methods, reason = "the test's own settings")]
pub(crate) fn photograph(name: &str) -> Vec<u8> {
    let folder = std::env::var("CITYTRACK_TEST_PICTURES")
        .expect("CITYTRACK_TEST_PICTURES is not set: the folder skimage/data of the wheel in scripts/lib/wheels/pictures.txt; scripts/test sets it");
    let path = PathBuf::from(folder).join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn object(class: &str, confidence: f64, parts: [f64; 4]) -> Detection {
    Detection {
        class: Class::new(class).unwrap(),
        confidence: Confidence::new(confidence).unwrap(),
        bounding_box: BoundingBox::new(parts).unwrap(),
        track_id: None,
    }
}

/// All variants, persons hidden.
pub(crate) fn variants(picture: &[u8], objects: Objects<'_>) -> Result<Transformed, Failure> {
    let hidden = [Class::new("person").unwrap()];
    let stamp = ["2026-11-23 14:05:09 +01:00".to_owned(), "Main Hall · north".to_owned()];
    let marks = Marks {
        objects,
        hidden: &hidden,
        stamp: &stamp,
    };
    transform(picture, &marks, ALL, Limits::default())
}

/// The pixels of a variant.
pub(crate) fn pixels(encoded: &Encoded) -> RgbImage {
    let mut decoder = zune_jpeg::JpegDecoder::new(ZCursor::new(encoded.jpeg.as_slice()));
    let samples = decoder.decode().unwrap();
    RgbImage::from_raw(encoded.width, encoded.height, samples).expect("width and height are those of the JPEG")
}

/// The pixels of any PNG or WebP.
pub(crate) fn decoded(picture: &[u8]) -> RgbImage {
    image::load_from_memory(picture).unwrap().into_rgb8()
}

/// How far two pictures are apart: the mean difference of a sample, 0 to 255.
pub(crate) fn distance(one: &RgbImage, other: &RgbImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let apart = one
        .as_raw()
        .iter()
        .zip(other.as_raw())
        .map(|(one, other)| u64::from(one.abs_diff(*other)));
    #[expect(clippy::cast_precision_loss, reason = "smaller than 2^50")]
    let mean = apart.sum::<u64>() as f64 / one.as_raw().len() as f64;
    mean
}

/// A PNG of these pixels.
pub(crate) fn png(pixels: impl Into<image::DynamicImage>) -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    pixels.into().write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}
