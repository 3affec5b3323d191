//! Real photographs: each variant shows what it should.

use citytrack_images::{Format, Limits, Objects, inspect};

use crate::support::{decoded, distance, object, photograph, pixels, variants};

const PHOTOGRAPHS: &[(&str, Format, (u32, u32))] = &[
    ("astronaut.png", Format::Png, (512, 512)),
    ("camera.png", Format::Png, (512, 512)),
    ("chelsea.png", Format::Png, (451, 300)),
    ("coffee.png", Format::Png, (600, 400)),
    ("horse.png", Format::Png, (400, 328)),
    ("hubble_deep_field.jpg", Format::Jpeg, (1000, 872)),
    ("motorcycle_left.png", Format::Png, (741, 500)),
    ("retina.jpg", Format::Jpeg, (1411, 1411)),
    ("rocket.jpg", Format::Jpeg, (640, 427)),
];

#[test]
fn photographs_are_taken_at_their_size() {
    for (name, format, (width, height)) in PHOTOGRAPHS {
        let header = inspect(&photograph(name), Limits::default()).unwrap();
        assert_eq!(
            (header.format, header.width, header.height),
            (*format, *width, *height),
            "{name}"
        );
        let made = variants(&photograph(name), Objects::Known(&[])).unwrap();
        assert_eq!((made.width, made.height), (*width, *height), "{name}");
        for variant in [made.anonymised, made.annotated].map(Option::unwrap) {
            assert_eq!(pixels(&variant).dimensions(), (*width, *height), "{name}");
        }
        let thumbnail = pixels(&made.thumbnail.unwrap());
        assert_eq!(thumbnail.width().max(thumbnail.height()), 320, "{name}");
    }
}

#[test]
fn where_nobody_is_the_photograph_stays_as_it_is() {
    for name in ["astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png"] {
        let picture = photograph(name);
        let made = variants(&picture, Objects::Known(&[])).unwrap();
        let apart = distance(&pixels(&made.anonymised.unwrap()), &decoded(&picture));
        assert!(apart < 4.0, "{name}: {apart}");
    }
}

#[test]
fn a_thumbnail_is_the_photograph_made_smaller() {
    let picture = photograph("astronaut.png");
    let made = variants(&picture, Objects::Known(&[])).unwrap();
    let smaller = image::imageops::resize(&decoded(&picture), 320, 320, image::imageops::FilterType::CatmullRom);
    let apart = distance(&pixels(&made.thumbnail.unwrap()), &smaller);
    assert!(apart < 4.0, "{apart}");
}

#[test]
fn where_nobody_knows_the_whole_photograph_is_pixelated() {
    let picture = photograph("astronaut.png");
    let made = variants(&picture, Objects::Unknown).unwrap();
    let hidden = pixels(&made.anonymised.unwrap());
    // 512 pixels in 8 blocks, of 64 pixels; away from the edges, where JPEG mixes neighbours, a block has one colour.
    for (x, y) in [(0, 0), (64, 128), (192, 384), (448, 448)] {
        let (first, last) = (hidden.get_pixel(x + 10, y + 10), hidden.get_pixel(x + 50, y + 50));
        assert!(
            first
                .0
                .iter()
                .zip(last.0)
                .all(|(first, last)| first.abs_diff(last) <= 4),
            "block at {x}, {y}"
        );
    }
    assert!(distance(&hidden, &decoded(&picture)) > 10.0);
}

#[test]
fn a_person_is_pixelated_within_the_box_and_nothing_else_is() {
    let picture = photograph("astronaut.png");
    let face = object("person", 0.9, [0.33, 0.02, 0.24, 0.36]);
    let made = variants(&picture, Objects::Known(&[face])).unwrap();
    let (hidden, original) = (pixels(&made.anonymised.unwrap()), decoded(&picture));
    let part = |of: &image::RgbImage, [x, y, width, height]: [u32; 4]| {
        image::imageops::crop_imm(of, x, y, width, height).to_image()
    };
    let inside = [170, 12, 120, 180];
    assert!(distance(&part(&hidden, inside), &part(&original, inside)) > 10.0);
    let beside = [320, 0, 192, 512];
    assert!(distance(&part(&hidden, beside), &part(&original, beside)) < 4.0);
}

#[test]
fn small_pictures_stay_small_and_the_smallest_is_one_pixel() {
    for (width, height) in [(1, 1), (2, 1), (1, 3), (17, 5), (63, 64), (320, 20)] {
        let picture = crate::support::png(image::RgbImage::from_pixel(width, height, image::Rgb([200, 30, 60])));
        for objects in [
            Objects::Unknown,
            Objects::Known(&[object("person", 1.0, [0.0, 0.0, 1.0, 1.0])]),
        ] {
            let made = variants(&picture, objects).unwrap();
            for variant in [made.anonymised, made.annotated, made.thumbnail].map(Option::unwrap) {
                assert_eq!(pixels(&variant).dimensions(), (width, height));
            }
        }
    }
}
