//! JPEGs as cameras make them are changed as coefficients: what is not hidden or drawn upon stays exactly as it was.

use citytrack_domain::Detection;
use citytrack_images::{Encoded, Objects, Transformed};
use image::{DynamicImage, RgbImage, imageops};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::{bytestream::ZCursor, options::DecoderOptions};

use crate::support::{decoded, distance, object, odd, photograph, variants};

/// A JPEG as cameras make them: 4:2:0, with the codes of annex K.
#[derive(Clone, Copy)]
struct Camera {
    quality: u8,
    restart_interval: u16,
}

impl Camera {
    fn takes(self, pixels: &RgbImage) -> Vec<u8> {
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, self.quality);
        encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
        encoder.set_restart_interval(self.restart_interval);
        let [width, height] = [pixels.width(), pixels.height()].map(|side| side.try_into().unwrap());
        encoder.encode(pixels, width, height, ColorType::Rgb).unwrap();
        jpeg
    }
}

/// What kinds of cameras there are.
const CAMERAS: [(&str, Camera); 6] = [
    ("of quality 85", camera(85, 0)),
    ("of quality 20", camera(20, 0)),
    ("of quality 92", camera(92, 0)),
    ("with restart markers behind every unit", camera(85, 1)),
    ("with restart markers in rows", camera(85, 7)),
    ("with restart markers behind rows", camera(85, 38)),
];

const fn camera(quality: u8, restart_interval: u16) -> Camera {
    Camera {
        quality,
        restart_interval,
    }
}

/// The samples of all three planes, decoded strictly.
fn planes(jpeg: &[u8]) -> Vec<Vec<u8>> {
    let options = DecoderOptions::default().set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    decoder.decode_headers().unwrap();
    let mut session = decoder.raw_output();
    let layout = session.layout().unwrap()[..3].to_vec();
    let mut planes: Vec<Vec<u8>> = layout.iter().map(|plane| vec![0; plane.width * plane.height]).collect();
    let strides: Vec<usize> = layout.iter().map(|plane| plane.width).collect();
    let mut targets: Vec<&mut [u8]> = planes.iter_mut().map(Vec::as_mut_slice).collect();
    session.decode_into_planes_strided(&mut targets, &strides).unwrap();
    planes
}

fn pixels(jpeg: &[u8]) -> RgbImage {
    let options = DecoderOptions::default().set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let samples = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    RgbImage::from_raw(width.try_into().unwrap(), height.try_into().unwrap(), samples).unwrap()
}

/// The same JPEG with other numbers for its colours, which no camera uses: it goes the way by pixels.
fn by_pixels(jpeg: &[u8]) -> Vec<u8> {
    let mut jpeg = jpeg.to_vec();
    let at = |marker| jpeg.windows(2).position(|bytes| bytes == [0xFF, marker]).unwrap();
    let (frame, scan) = (at(0xC0), at(0xDA));
    for colour in 0..3 {
        jpeg[frame + 10 + 3 * colour] += 10;
        jpeg[scan + 5 + 2 * colour] += 10;
    }
    jpeg
}

fn all(made: Transformed) -> [Encoded; 3] {
    [made.anonymised, made.annotated, made.thumbnail].map(Option::unwrap)
}

fn part(of: &RgbImage, [left, top, right, bottom]: [u32; 4]) -> RgbImage {
    imageops::crop_imm(of, left, top, right - left, bottom - top).to_image()
}

fn coffee() -> RgbImage {
    decoded(&photograph("coffee.png"))
}

/// But for units that reach beyond the edge, which are encoded anew.
#[test]
fn where_nobody_is_every_sample_stays_as_it_is() {
    for (which, camera) in CAMERAS {
        for (width, height) in [(592, 400), (599, 389), (17, 33), (16, 16), (1, 1), (600, 1)] {
            let picture = camera.takes(&part(&coffee(), [0, 0, width, height]));
            let made = variants(&picture, Objects::Known(&[])).unwrap();
            let [before, after] = [&picture, &made.anonymised.unwrap().jpeg].map(|jpeg| pixels(jpeg));
            let whole = [0, 0, width - width % 16, height - height % 16];
            // The colour of a pixel comes from the unit beside it, too.
            let inside = whole.map(|edge| edge.saturating_sub(if whole == [0, 0, width, height] { 0 } else { 2 }));
            assert!(
                part(&before, inside) == part(&after, inside),
                "{width} × {height} {which}"
            );
            assert!(distance(&before, &after) < 4.0, "{width} × {height} {which}");
        }
    }
}

/// A picture that was cut without decoding it has more than it shows.
#[test]
fn nothing_is_kept_of_what_lies_beyond_the_edge() {
    let mut cut = part(&coffee(), [0, 0, 592, 400]);
    for (x, y, pixel) in cut.enumerate_pixels_mut() {
        if x >= 584 || y >= 388 {
            *pixel = image::Rgb([255, 0, 255]);
        }
    }
    let with_size = |jpeg: &[u8], [width, height]: [u16; 2]| {
        let mut jpeg = jpeg.to_vec();
        let frame = jpeg.windows(2).position(|bytes| bytes == [0xFF, 0xC0]).unwrap();
        jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
        jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
        jpeg
    };
    // How far that is from the last row and column of the picture, going on.
    let beyond = |jpeg: &[u8]| {
        let shown = pixels(&with_size(jpeg, [592, 400]));
        let last = [part(&shown, [0, 387, 584, 388]), part(&shown, [583, 0, 584, 388])];
        let there = [part(&shown, [0, 388, 584, 400]), part(&shown, [584, 0, 592, 388])];
        let far = |which: usize| {
            let (width, height) = there[which].dimensions();
            distance(
                &there[which],
                &imageops::resize(&last[which], width, height, imageops::FilterType::Nearest),
            )
        };
        f64::max(far(0), far(1))
    };
    for (which, camera) in CAMERAS {
        let upload = with_size(&camera.takes(&cut), [584, 388]);
        let there = beyond(&upload);
        assert!(there > 80.0, "{which}: {there}");
        let made = all(variants(&upload, Objects::Known(&[])).unwrap());
        for variant in &made[..2] {
            let left = beyond(&variant.jpeg);
            assert!(left < there / 4.0, "{which}: {left} of {there}");
        }
    }
}

/// The units of an area become others, and nothing else does.
#[test]
fn beside_a_person_every_sample_stays_as_it_is() {
    let person = [object("person", 0.8, [0.25, 0.25, 0.25, 0.5])];
    // 150 × 200 pixels from 150, 100 on, and a margin of 7.5 and 10, to multiples of 16.
    let (rows, columns) = (80..320, 128..320);
    // The last column of units reaches beyond the edge.
    let edge = 592;
    for (which, camera) in CAMERAS {
        let picture = camera.takes(&coffee());
        let made = variants(&picture, Objects::Known(&person)).unwrap();
        let planes = [planes(&picture), planes(&made.anonymised.unwrap().jpeg)];
        for (plane, part) in [(0, 1), (1, 2), (2, 2)] {
            let [before, after] = [0, 1].map(|picture: usize| planes[picture][plane].chunks(600 / part).enumerate());
            for ((y, before), (_, after)) in before.zip(after) {
                for (x, (before, after)) in before.iter().zip(after).enumerate() {
                    let inside = rows.contains(&(y * part)) && columns.contains(&(x * part));
                    let is_other = inside || x * part >= edge;
                    assert!(is_other || before == after, "plane {plane} at {x}, {y} {which}");
                }
            }
        }
        assert_ne!(planes[0], planes[1]);
    }
}

/// Codes of their own, made for the picture (`jpegtran -optimize`), do not come out again, and nothing else changes.
#[test]
fn codes_of_the_upload_are_replaced() {
    let picture = odd("own-codes.jpg");
    let made = variants(&picture, Objects::Known(&[])).unwrap().anonymised.unwrap();
    assert_eq!(planes(&made.jpeg), planes(&picture));
    assert_ne!(codes(&made.jpeg), codes(&picture));
    let usual = variants(&odd("baseline.jpg"), Objects::Known(&[])).unwrap();
    assert_eq!(codes(&made.jpeg), codes(&usual.anonymised.unwrap().jpeg));
}

/// The segments that define Huffman codes.
fn codes(jpeg: &[u8]) -> Vec<u8> {
    let (mut at, mut codes) = (2, Vec::new());
    while jpeg[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] == 0xC4 {
            codes.extend(&jpeg[at..end]);
        }
        at = end;
    }
    codes
}

/// A picture goes one way or the other; that must not show.
#[test]
fn both_ways_make_the_same_pictures() {
    let objects = [
        object("person", 0.8, [0.1, 0.3, 0.2, 0.6]),
        object("car", 0.9, [0.45, 0.25, 0.4, 0.5]),
        object("person", 0.7, [0.7, 0.5, 0.3, 0.5]),
    ];
    let motorcycle = decoded(&photograph("motorcycle_left.png"));
    let large = imageops::resize(&motorcycle, 1920, 1296, imageops::FilterType::CatmullRom);
    let small = part(&motorcycle, [0, 0, 300, 200]);
    for picture in [large, part(&motorcycle, [0, 0, 737, 499]), coffee(), small] {
        for (which, camera) in CAMERAS {
            let picture = camera.takes(&picture);
            for objects in [Objects::Known(&objects), Objects::Known(&[]), Objects::Unknown] {
                let [fast, slow] = [picture.clone(), by_pixels(&picture)].map(|picture| {
                    let made = variants(&picture, objects).unwrap();
                    all(made).map(|variant| pixels(&variant.jpeg))
                });
                for ((fast, slow), variant) in fast.iter().zip(&slow).zip(["anonymised", "annotated", "thumbnail"]) {
                    let apart = distance(fast, slow);
                    let (width, height) = fast.dimensions();
                    // What is drawn is as coarse as the picture it is drawn on.
                    let most = if camera.quality < 50 { 8.0 } else { 4.0 };
                    assert!(apart < most, "{variant} of {width} × {height} {which}: {apart}");
                }
            }
        }
    }
}

/// The picture with all units of an area mirrored: other coefficients, the same means.
fn mirrored(picture: &RgbImage, [left, top, right, bottom]: [u32; 4]) -> RgbImage {
    let mut mirrored = picture.clone();
    for y in top..bottom {
        for x in left..right {
            let other = |at: u32| at / 16 * 16 + 15 - at % 16;
            mirrored.put_pixel(x, y, *picture.get_pixel(other(x), other(y)));
        }
    }
    assert_ne!(&mirrored, picture);
    mirrored
}

fn bytes(picture: &RgbImage, camera: Camera, person: &[Detection]) -> [Vec<u8>; 3] {
    all(variants(&camera.takes(picture), Objects::Known(person)).unwrap()).map(|variant| variant.jpeg)
}

/// In grey, so that no colour is rounded before it is a coefficient.
#[test]
fn pictures_with_the_same_means_under_a_box_give_the_same_bytes() {
    let person = [object("person", 0.8, [0.25, 0.25, 0.25, 0.5])];
    let grey = DynamicImage::from(imageops::grayscale(&coffee())).into_rgb8();
    let pictures = [mirrored(&grey, [128, 80, 320, 320]), grey];
    for (which, camera) in CAMERAS {
        let [one, other] = [0, 1].map(|picture: usize| bytes(&pictures[picture], camera, &person));
        assert!(one == other, "{which}");
        let [one, other] = [0, 1].map(|picture: usize| bytes(&pictures[picture], camera, &[]));
        assert!(one != other, "{which}");
    }
}

/// Whatever is wrong with the data, both ways say the same of it.
#[test]
fn faults_are_told_in_the_same_words() {
    let mut random = StdRng::seed_from_u64(26);
    let person = [object("person", 0.5, [0.2, 0.1, 0.5, 0.8])];
    let (mut taken, mut refused) = (0, 0);
    for (_, camera) in CAMERAS {
        let whole = camera.takes(&part(&coffee(), [0, 0, 96, 64]));
        let scan = whole.windows(2).position(|bytes| bytes == [0xFF, 0xDA]).unwrap() + 14;
        for _ in 0..150 {
            let mut picture = whole.clone();
            let at = random.random_range(scan..picture.len());
            match random.random_range(0..4) {
                0 => picture.truncate(at),
                1 => picture[at] ^= 1 << random.random_range(0..8),
                2 => drop(picture.drain(at..(at + 3).min(whole.len()))),
                _ => picture.insert(at, random.random()),
            }
            let [fast, slow] = [picture.clone(), by_pixels(&picture)].map(|picture| {
                let made = variants(&picture, Objects::Known(&person));
                made.map_err(|failure| failure.to_string())
            });
            match (fast, slow) {
                (Ok(made), Ok(_)) => {
                    for variant in all(made) {
                        pixels(&variant.jpeg);
                    }
                    taken += 1;
                }
                (fast, slow) => {
                    assert_eq!(fast.err(), slow.err());
                    refused += 1;
                }
            }
        }
    }
    assert!(taken > 50 && refused > 50, "{taken} taken, {refused} refused");
}

/// Codes that are made for a picture tell how often which coefficients are, the hidden ones included.
#[test]
fn codes_of_the_upload_tell_nothing_of_what_is_hidden() {
    let [one, other] = ["own-codes.jpg", "own-codes-sorted.jpg"].map(odd);
    assert_ne!(codes(&one), codes(&other));
    let person = [object("person", 0.8, [0.26, 0.01, 0.45, 0.9])];
    let made = |picture: &[u8]| all(variants(picture, Objects::Known(&person)).unwrap());
    assert_eq!(made(&one), made(&other));
}
