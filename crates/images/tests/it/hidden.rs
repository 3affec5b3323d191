//! Pixelation cannot be undone: what comes out depends on the means of the blocks and on nothing else of them.

use citytrack_domain::Detection;
use citytrack_images::Objects;
use image::GrayImage;
use rand::rngs::StdRng;
use rand::{SeedableRng, seq::SliceRandom};

use crate::support::{decoded, object, photograph, png, variants};

/// The block that an area is cut into, as documented: an eighth of the longer side, rounded up to a multiple of 16 pixels.
fn block(width: u32, height: u32) -> u32 {
    width.max(height).div_ceil(8).next_multiple_of(16)
}

/// The photograph with the pixels of each block of the area in another order: other pixels, the same means. It is grey, so that no
/// colour is rounded.
fn shuffled(photograph: &GrayImage, [left, top, right, bottom]: [u32; 4]) -> GrayImage {
    let mut random = StdRng::seed_from_u64(7);
    let side = block(right - left, bottom - top);
    let mut shuffled = photograph.clone();
    for y in (top..bottom).step_by(side as usize) {
        for x in (left..right).step_by(side as usize) {
            let (width, height) = ((right - x).min(side), (bottom - y).min(side));
            let places: Vec<_> = (y..y + height)
                .flat_map(|y| (x..x + width).map(move |x| (x, y)))
                .collect();
            let mut others = places.clone();
            others.shuffle(&mut random);
            for (place, other) in places.into_iter().zip(others) {
                shuffled.put_pixel(place.0, place.1, *photograph.get_pixel(other.0, other.1));
            }
        }
    }
    assert_ne!(&shuffled, photograph);
    shuffled
}

fn camera() -> GrayImage {
    image::DynamicImage::ImageRgb8(decoded(&photograph("camera.png"))).into_luma8()
}

/// All variants, as bytes.
fn all(picture: &GrayImage, objects: Objects<'_>) -> [Vec<u8>; 3] {
    let made = variants(&png(picture.clone()), objects).unwrap();
    [made.anonymised, made.annotated, made.thumbnail].map(|variant| variant.unwrap().jpeg)
}

/// The pixels that the box of a person hides, with its margin.
fn person() -> (Detection, [u32; 4]) {
    let person = object("person", 0.8, [0.375, 0.125, 0.25, 0.5]);
    // 128 × 256 pixels and a margin of 6.4 and 12.8 on each side, to multiples of 16 pixels outwards.
    (person, [176, 48, 336, 336])
}

#[test]
fn pictures_with_the_same_means_under_a_box_give_the_same_bytes() {
    let (person, area) = person();
    let (one, other) = (camera(), shuffled(&camera(), area));
    let objects = [person];
    assert_eq!(
        all(&one, Objects::Known(&objects)),
        all(&other, Objects::Known(&objects))
    );
}

#[test]
fn pictures_with_the_same_means_everywhere_give_the_same_bytes_where_nobody_knows() {
    let (one, other) = (camera(), shuffled(&camera(), [0, 0, 512, 512]));
    assert_eq!(all(&one, Objects::Unknown), all(&other, Objects::Unknown));
}

/// The tests above could see a difference if there were one.
#[test]
fn what_is_not_hidden_can_be_told_apart() {
    let (_, area) = person();
    let (one, other) = (camera(), shuffled(&camera(), area));
    let car = [object("car", 0.8, [0.375, 0.125, 0.25, 0.5])];
    for objects in [Objects::Known(&[]), Objects::Known(&car)] {
        let [one, other] = [all(&one, objects), all(&other, objects)];
        assert!(one.iter().zip(&other).all(|(one, other)| one != other));
    }
}

#[test]
fn boxes_that_overlap_or_hang_over_the_edge_hide_all_they_cover() {
    let people = [
        object("person", 0.8, [0.0, 0.0, 0.5, 0.5]),
        object("person", 0.8, [0.25, 0.25, 0.8, 0.8]),
        object("person", 0.8, [-0.04, 0.5, 0.4, 0.54]),
    ];
    let first = [0, 0, 272, 272];
    let (one, other) = (camera(), shuffled(&camera(), first));
    assert_eq!(all(&one, Objects::Known(&people)), all(&other, Objects::Known(&people)));
}

#[test]
fn a_hair_within_a_block_leaves_no_trace() {
    let (person, _) = person();
    let mut bright = GrayImage::from_pixel(512, 512, image::Luma([100]));
    let plain = bright.clone();
    // Two pixels of one block, as much brighter as darker.
    bright.put_pixel(200, 100, image::Luma([160]));
    bright.put_pixel(201, 100, image::Luma([40]));
    let objects = [person];
    assert_eq!(
        all(&plain, Objects::Known(&objects)),
        all(&bright, Objects::Known(&objects))
    );
    assert_ne!(all(&plain, Objects::Known(&[])), all(&bright, Objects::Known(&[])));
}
