//! What is drawn on the annotated variant.

use citytrack_domain::Class;
use citytrack_images::{Limits, Marks, Objects, Wanted, transform};
use image::RgbImage;

use crate::support::{ALL, decoded, object, photograph, pixels, png};

fn annotated(size: (u32, u32), objects: Objects<'_>, stamp: &[String]) -> RgbImage {
    let grey = png(RgbImage::from_pixel(size.0, size.1, image::Rgb([128, 128, 128])));
    let hidden = [Class::new("person").unwrap()];
    let marks = Marks {
        objects,
        hidden: &hidden,
        stamp,
    };
    let made = transform(&grey, &marks, ALL, Limits::default()).unwrap();
    pixels(&made.annotated.unwrap())
}

fn is_grey(pixel: image::Rgb<u8>) -> bool {
    pixel.0.iter().all(|colour| colour.abs_diff(128) < 12)
}

#[test]
fn a_box_is_drawn_along_its_edges() {
    let car = [object("car", 0.87, [0.25, 0.25, 0.5, 0.5])];
    let drawn = annotated((800, 600), Objects::Known(&car), &[]);
    for (x, y) in [(201, 300), (598, 300), (400, 151), (400, 448)] {
        assert!(!is_grey(*drawn.get_pixel(x, y)), "no line at {x}, {y}");
    }
    for (x, y) in [(400, 300), (20, 20), (700, 500), (190, 300), (610, 300)] {
        assert!(is_grey(*drawn.get_pixel(x, y)), "something at {x}, {y}");
    }
    // The plate with the class stands on the box.
    assert!(!is_grey(*drawn.get_pixel(206, 140)));
}

#[test]
fn a_label_without_room_above_stands_within_the_picture() {
    let car = [object("car", 0.87, [0.97, 0.0, 0.03, 0.5])];
    let drawn = annotated((800, 600), Objects::Known(&car), &[]);
    assert!(!is_grey(*drawn.get_pixel(797, 4)));
    assert!(!is_grey(*drawn.get_pixel(760, 4)), "the plate is pushed to the left");
}

#[test]
fn the_stamp_is_in_white_on_a_dark_strip() {
    let stamp = [
        "2026-11-23 14:05:09 · Bahnhofstraße · Café Ωmega · Площадь".to_owned(),
        "north".to_owned(),
    ];
    let drawn = annotated((800, 600), Objects::Known(&[]), &stamp);
    let strip = image::imageops::crop_imm(&drawn, 0, 560, 800, 40).to_image();
    let bright = strip.pixels().filter(|pixel| pixel.0[1] > 200).count();
    assert!(bright > 200, "{bright} white pixels");
    assert!(drawn.get_pixel(790, 590).0[1] < 70);
    assert!(is_grey(*drawn.get_pixel(400, 500)));
}

#[test]
fn no_text_is_too_long_or_too_strange() {
    for text in ["", "\n\0\u{202E}", "𝕏 漢字 🚲 ﷽", &"W".repeat(5000)] {
        for size in [(64, 64), (70, 2000), (2000, 70), (640, 480)] {
            let drawn = annotated(size, Objects::Unknown, &[text.to_owned(), text.to_owned()]);
            assert_eq!(drawn.dimensions(), size);
        }
    }
}

#[test]
fn only_what_is_wanted_is_made() {
    let picture = png(RgbImage::new(100, 100));
    let marks = Marks {
        objects: Objects::Unknown,
        hidden: &[],
        stamp: &[],
    };
    let wanted = Wanted {
        thumbnail: false,
        annotated: false,
        anonymised: true,
    };
    let made = transform(&picture, &marks, wanted, Limits::default()).unwrap();
    assert!(made.thumbnail.is_none() && made.annotated.is_none() && made.anonymised.is_some());
}

/// The annotated variant takes over what is the same on the anonymised one; that must not show.
#[test]
fn what_is_drawn_does_not_depend_on_the_other_variants() {
    let objects = [
        object("car", 0.87, [0.1, 0.2, 0.3, 0.3]),
        object("person", 0.5, [0.5, 0.3, 0.2, 0.4]),
    ];
    let hidden = [Class::new("person").unwrap()];
    let stamp = ["2026-11-23 14:05:09".to_owned()];
    let photograph = decoded(&photograph("coffee.png"));
    for (width, height) in [
        (600, 400),
        (599, 399),
        (128, 96),
        (127, 97),
        (129, 16),
        (65, 70),
        (16, 16),
        (3, 1),
    ] {
        let picture = png(image::imageops::crop_imm(&photograph, 0, 0, width, height).to_image());
        for objects in [Objects::Known(&objects), Objects::Unknown] {
            let marks = Marks {
                objects,
                hidden: &hidden,
                stamp: &stamp,
            };
            let alone = Wanted {
                thumbnail: false,
                annotated: true,
                anonymised: false,
            };
            let [alone, with_others] =
                [alone, ALL].map(|wanted| transform(&picture, &marks, wanted, Limits::default()).unwrap());
            assert!(alone.annotated == with_others.annotated, "{width} × {height}");
        }
    }
}
