//! The eight EXIF orientations.

use citytrack_images::Objects;
use image::metadata::Orientation;
use image::{DynamicImage, ImageEncoder, RgbImage};

use crate::support::{decoded, distance, object, photograph, pixels, variants};

/// An EXIF block that holds an orientation and nothing else.
pub(crate) fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    exif
}

/// What must be done to an upright picture so that the orientation makes it upright again.
fn undone(orientation: Orientation) -> Orientation {
    match orientation {
        Orientation::Rotate90 => Orientation::Rotate270,
        Orientation::Rotate270 => Orientation::Rotate90,
        same => same,
    }
}

fn stored(upright: &RgbImage, orientation: u8) -> RgbImage {
    let mut stored = DynamicImage::ImageRgb8(upright.clone());
    stored.apply_orientation(undone(Orientation::from_exif(orientation).unwrap()));
    stored.into_rgb8()
}

fn jpeg(pixels: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, 90);
    encoder.add_exif_metadata(&exif(orientation)).unwrap();
    let [width, height] = [pixels.width(), pixels.height()].map(|side| side.try_into().unwrap());
    encoder
        .encode(pixels, width, height, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    jpeg
}

fn png(pixels: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut png = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    encoder
        .write_image(pixels, pixels.width(), pixels.height(), image::ExtendedColorType::Rgb8)
        .unwrap();
    png
}

fn webp(pixels: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut webp = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut webp);
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    encoder
        .write_image(pixels, pixels.width(), pixels.height(), image::ExtendedColorType::Rgb8)
        .unwrap();
    webp
}

#[test]
fn every_orientation_of_every_format_comes_out_upright() {
    let upright = decoded(&photograph("chelsea.png"));
    for orientation in 1..=8 {
        let stored = stored(&upright, orientation);
        for picture in [
            jpeg(&stored, orientation),
            png(&stored, orientation),
            webp(&stored, orientation),
        ] {
            let made = variants(&picture, Objects::Known(&[])).unwrap();
            assert_eq!(
                (made.width, made.height),
                upright.dimensions(),
                "orientation {orientation}"
            );
            let apart = distance(&pixels(&made.anonymised.unwrap()), &upright);
            assert!(apart < 6.0, "orientation {orientation}: {apart}");
        }
    }
}

/// Boxes are parts of the picture as people see it, whatever way it is stored.
#[test]
fn a_box_hides_what_is_under_it_upright() {
    let upright = decoded(&photograph("chelsea.png"));
    let person = [object("person", 0.9, [0.1, 0.1, 0.3, 0.4])];
    let expected = variants(&jpeg(&upright, 1), Objects::Known(&person)).unwrap();
    let expected = pixels(&expected.anonymised.unwrap());
    for orientation in 2..=8 {
        let made = variants(
            &jpeg(&stored(&upright, orientation), orientation),
            Objects::Known(&person),
        )
        .unwrap();
        let apart = distance(&pixels(&made.anonymised.unwrap()), &expected);
        assert!(apart < 6.0, "orientation {orientation}: {apart}");
    }
}
