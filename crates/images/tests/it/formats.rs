//! Odd pictures, and what each gets: the table in docs/images.md.
//!
//! `UPDATE_DOCS=1 cargo test -p citytrack-images --test it formats` writes it.

use citytrack_images::{Failure, Limits, Objects, Transformed, inspect};
use image::{DynamicImage, RgbImage, RgbaImage, imageops};

use crate::support::{decoded, distance, odd, pixels, png, variants};

/// What a picture should come out as.
enum Expected {
    /// The photograph, to the eye.
    Photo,
    /// The photograph in grey.
    Grey,
    /// The photograph, the more faded to white the higher.
    Faded,
    /// Something of its size.
    Taken,
    /// No picture, and why: the code, and a part of the sentence.
    Refused(&'static str, &'static str),
}

use Expected::{Faded, Grey, Photo, Refused, Taken};

type Case = (&'static str, Vec<u8>, Expected);

const INVALID: &str = "invalid-picture";
const TOO_LARGE: &str = "picture-too-large";
const UNSUPPORTED: &str = "unsupported-picture";

fn taken() -> Vec<Case> {
    vec![
        ("JPEG, baseline, 4:2:0", odd("baseline.jpg"), Photo),
        (
            "the same called `.png`, or sent as `text/plain`",
            odd("baseline.jpg"),
            Photo,
        ),
        (
            "the same with other bytes behind its end",
            [odd("baseline.jpg"), vec![7; 999]].concat(),
            Photo,
        ),
        ("JPEG, 4:2:2", odd("half-colour.jpg"), Photo),
        ("JPEG, 4:4:4", odd("full-colour.jpg"), Photo),
        ("JPEG with restart markers", odd("restarts.jpg"), Photo),
        ("JPEG, progressive", odd("progressive.jpg"), Photo),
        ("JPEG, grey", odd("grey.jpg"), Grey),
        ("JPEG, RGB", odd("rgb.jpg"), Photo),
        ("JPEG, CMYK", odd("cmyk.jpg"), Photo),
        ("PNG, 8 bits a colour", png(photo()), Photo),
        (
            "PNG, 16 bits a colour",
            png(DynamicImage::from(photo()).into_rgb16()),
            Photo,
        ),
        ("PNG, 16 bits, grey", odd("sixteen-bit-grey.png"), Grey),
        ("PNG, 16 colours of a palette", odd("palette.png"), Photo),
        ("PNG, 1 bit", odd("one-bit.png"), Taken),
        ("PNG, transparent: on white", odd("transparent.png"), Faded),
        (
            "PNG, transparent, 16 bits: on white",
            png(DynamicImage::from(transparent()).into_rgba16()),
            Faded,
        ),
        ("PNG, animated: its first picture", odd("animated.png"), Photo),
        ("WebP, lossy", odd("lossy.webp"), Photo),
        ("WebP, lossless", odd("lossless.webp"), Photo),
        ("WebP, transparent: on white", odd("transparent.webp"), Faded),
        ("WebP, animated: its first picture", odd("animated.webp"), Photo),
    ]
}

fn broken() -> Vec<Case> {
    let half = |name| odd(name)[..odd(name).len() / 2].to_vec();
    vec![
        ("nothing: 0 bytes", vec![], Refused(INVALID, "ends within its header")),
        (
            "JPEG, cut off in its header",
            odd("baseline.jpg")[..60].to_vec(),
            Refused(INVALID, "ends within its header"),
        ),
        (
            "JPEG, cut off in the middle",
            half("baseline.jpg"),
            Refused(INVALID, "cannot be decoded"),
        ),
        (
            "JPEG, progressive, cut off in the middle",
            half("progressive.jpg"),
            Refused(INVALID, "cannot be decoded"),
        ),
        (
            "JPEG, progressive, of a thousand scans",
            endless(),
            Refused(INVALID, "cannot be decoded"),
        ),
        (
            "PNG, cut off in the middle",
            half("transparent.png"),
            Refused(INVALID, "cannot be decoded"),
        ),
        (
            "WebP, cut off in the middle",
            half("lossy.webp"),
            Refused(INVALID, "cannot be decoded"),
        ),
        (
            "WebP, lossless, cut off in the middle",
            half("lossless.webp"),
            Refused(INVALID, "cannot be decoded"),
        ),
        (
            "JPEG with the tables of another",
            mixed_up(),
            Refused(INVALID, "cannot be decoded"),
        ),
        (
            "PNG with a wrong checksum",
            png_with_a_wrong_checksum(),
            Refused(INVALID, "cannot be decoded"),
        ),
        (
            "PNG that is 0 pixels wide",
            png_that_claims(0, 96, 8, 2),
            Refused(INVALID, "a width or height of 0"),
        ),
        (
            "PNG that claims more than it has",
            png_that_claims(5000, 5000, 8, 2),
            Refused(INVALID, "cannot be decoded"),
        ),
        (
            "JPEG that claims 30000 × 30000",
            jpeg_that_claims(30_000, 30_000),
            Refused(TOO_LARGE, "more than 50000000"),
        ),
        (
            "PNG that claims 30000 × 30000",
            png_that_claims(30_000, 30_000, 8, 2),
            Refused(TOO_LARGE, "more than 50000000"),
        ),
        (
            "WebP that claims 16384 × 16384",
            webp_that_claims_the_most(),
            Refused(TOO_LARGE, "more than 50000000"),
        ),
        (
            "WebP with a frame that claims 16383 × 16383",
            webp_with_a_frame_of(16_383),
            Refused(INVALID, "larger than the picture"),
        ),
        (
            "PNG that claims 100000 × 400",
            png_that_claims(100_000, 400, 8, 2),
            Refused(TOO_LARGE, "a side of more than 65500"),
        ),
        (
            "PNG, 7000 × 7000, transparent, 16 bits",
            png_that_claims(7000, 7000, 16, 6),
            Refused(TOO_LARGE, "would take 588000000 bytes"),
        ),
    ]
}

fn foreign() -> Vec<Case> {
    let jpeg_as = |marker, precision| {
        let mut jpeg = odd("baseline.jpg");
        let frame = frame_of(&jpeg);
        (jpeg[frame + 1], jpeg[frame + 4]) = (marker, precision);
        jpeg
    };
    let start = |start: &[u8]| [start, &[0; 64]].concat();
    let refused = |what| Refused(UNSUPPORTED, what);
    vec![
        ("JPEG, 12 bits a colour", jpeg_as(0xC1, 12), refused("more than 8 bits")),
        ("JPEG, lossless", jpeg_as(0xC3, 8), refused("lossless JPEG")),
        (
            "JPEG, arithmetic coding",
            jpeg_as(0xC9, 8),
            refused("arithmetic coding"),
        ),
        ("AVIF", odd("photo.avif"), refused("an AVIF picture")),
        ("HEIC", start(b"\0\0\0\x18ftypheic"), refused("a HEIC picture")),
        ("GIF", start(b"GIF89a"), refused("a GIF picture")),
        ("BMP", start(b"BM"), refused("a BMP picture")),
        ("TIFF", start(b"II*\0"), refused("a TIFF picture")),
        (
            "JPEG XL",
            start(b"\0\0\0\x0CJXL \r\n\x87\n"),
            refused("a JPEG XL picture"),
        ),
        ("SVG", start(b"<svg xmlns="), refused("an SVG drawing")),
        ("PDF", start(b"%PDF-1.7"), refused("a PDF document")),
        ("MP4", start(b"\0\0\0\x20ftypisom"), refused("a video")),
        ("WAV", start(b"RIFF\x24\0\0\0WAVEfmt "), refused("no WebP")),
        (
            "anything else",
            start(b"once upon a time"),
            refused("of no known format"),
        ),
    ]
}

#[test]
fn each_gets_what_the_table_says() {
    let mut table = String::from("| upload | gets |\n| --- | --- |\n");
    for (what, picture, expected) in taken().into_iter().chain(broken()).chain(foreign()) {
        let result = variants(&picture, Objects::Known(&[]));
        let gets = match &result {
            Ok(_) => "taken".to_owned(),
            // The decoder's own words may change with its version.
            Err(Failure::Broken(_)) => format!("`{INVALID}`: the picture cannot be decoded, and the decoder's reason"),
            Err(failure) => format!("`{}`: {failure}", failure.code()),
        };
        table.extend(["| ", what, " | ", &gets, " |\n"]);
        holds(what, &expected, &result);
        // What the header tells is refused at the door.
        if let Err(Failure::Refused(refused)) = result {
            assert_eq!(inspect(&picture, Limits::default()), Err(refused), "{what}");
        }
    }
    document(&table);
}

fn holds(what: &str, expected: &Expected, result: &Result<Transformed, Failure>) {
    match (expected, result) {
        (Refused(code, sentence), Err(failure)) => {
            assert_eq!(failure.code(), *code, "{what}: {failure}");
            assert!(failure.to_string().contains(sentence), "{what}: {failure}");
        }
        (Photo | Grey | Faded | Taken, Ok(made)) => {
            let made = pixels(made.anonymised.as_ref().unwrap());
            let should = match expected {
                Grey => DynamicImage::from(imageops::grayscale(&photo())).into_rgb8(),
                Faded => on_white(&transparent()),
                Taken => made.clone(),
                _ => photo(),
            };
            let apart = distance(&made, &should);
            assert!(apart < 9.0, "{what}: {apart} apart");
        }
        (_, Ok(_)) => panic!("{what} is taken"),
        (_, Err(failure)) => panic!("{what}: {failure}"),
    }
}

/// Writes the table between its two marks in docs/images.md, or compares it with what is there.
#[expect(clippy::disallowed_methods, reason = "the test's own settings")]
fn document(table: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page
        .split_once("<!-- formats -->\n")
        .expect("the mark before the table");
    let (_, after) = rest.split_once("<!-- /formats -->").expect("the mark behind the table");
    let updated = format!("{before}<!-- formats -->\n{table}<!-- /formats -->{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, updated).unwrap();
    } else {
        assert!(
            page == updated,
            "docs/images.md has drifted: UPDATE_DOCS=1 cargo test -p citytrack-images --test it formats"
        );
    }
}

fn photo() -> RgbImage {
    decoded(&odd("lossless.webp"))
}

fn transparent() -> RgbaImage {
    image::load_from_memory(&odd("transparent.png")).unwrap().into_rgba8()
}

fn on_white(pixels: &RgbaImage) -> RgbImage {
    let mut white = RgbaImage::from_pixel(pixels.width(), pixels.height(), image::Rgba([255; 4]));
    imageops::overlay(&mut white, pixels, 0, 0);
    DynamicImage::from(white).into_rgb8()
}

/// Where the frame header of a JPEG stands.
fn frame_of(jpeg: &[u8]) -> usize {
    jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap()
}

fn jpeg_that_claims(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = odd("baseline.jpg");
    let frame = frame_of(&jpeg);
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

/// The last scan comes again and again: small to send, long to decode.
fn endless() -> Vec<u8> {
    let jpeg = odd("progressive.jpg");
    let last = jpeg.windows(2).rposition(|marker| marker == [0xFF, 0xDA]).unwrap();
    let (before, scan) = (&jpeg[..last], &jpeg[last..jpeg.len() - 2]);
    [before, &scan.repeat(1000), &jpeg[jpeg.len() - 2..]].concat()
}

/// The Huffman tables are emptied.
fn mixed_up() -> Vec<u8> {
    let mut jpeg = odd("baseline.jpg");
    let table = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC4]).unwrap();
    jpeg[table + 5..table + 21].fill(0);
    jpeg
}

/// A PNG with another IHDR, whose checksum is right.
fn png_that_claims(width: u32, height: u32, depth: u8, colour_type: u8) -> Vec<u8> {
    let mut png = png(photo());
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    (png[24], png[25]) = (depth, colour_type);
    let checksum = crc32fast::hash(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    png
}

fn png_with_a_wrong_checksum() -> Vec<u8> {
    let mut png = png(photo());
    let last = png.len() - 20;
    png[last] ^= 1;
    png
}

/// The canvas of an extended WebP is up to 2^24 pixels wide; 16384 is what its pictures can be.
fn webp_with_a_frame_of(side: u16) -> Vec<u8> {
    let mut webp = odd("transparent.webp");
    let key_frame = webp.windows(3).position(|code| code == b"\x9D\x01\x2A").unwrap();
    let claim = [side.to_le_bytes(), side.to_le_bytes()].concat();
    webp[key_frame + 3..key_frame + 7].copy_from_slice(&claim);
    webp
}

fn webp_that_claims_the_most() -> Vec<u8> {
    let mut webp = odd("animated.webp");
    webp[24..27].copy_from_slice(&[0xFF, 0x3F, 0]);
    webp[27..30].copy_from_slice(&[0xFF, 0x3F, 0]);
    webp
}
