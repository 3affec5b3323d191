//! Nothing of an upload's metadata is in any variant.

use citytrack_images::Objects;

use crate::support::{object, photograph, pixels, variants};

const SECRET: &[u8] = b"52.5200N 13.4050E, owned by Erika Mustermann";

/// The markers of a JPEG's segments up to its pixels.
fn segments(jpeg: &[u8]) -> Vec<u8> {
    let (mut at, mut markers) = (2, Vec::new());
    while jpeg[at + 1] != 0xDA {
        markers.push(jpeg[at + 1]);
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    markers
}

/// A photograph with EXIF, XMP, ICC profile, IPTC, a comment and bytes behind its end, all of which tell something.
fn talkative() -> Vec<u8> {
    let photograph = photograph("rocket.jpg");
    let mut picture = photograph[..2].to_vec();
    let mut segment = |marker: u8, prefix: &[u8]| {
        let length = u16::try_from(2 + prefix.len() + SECRET.len()).unwrap();
        picture.extend([0xFF, marker]);
        picture.extend(length.to_be_bytes());
        picture.extend(prefix.iter().chain(SECRET));
    };
    segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\0");
    segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0");
    segment(0xE2, b"ICC_PROFILE\0\x01\x01");
    segment(0xED, b"Photoshop 3.0\0");
    segment(0xE9, b"anything");
    segment(0xFE, b"");
    picture.extend(&photograph[2..]);
    picture.extend(SECRET);
    picture
}

#[test]
fn no_variant_holds_any_metadata() {
    let made = variants(
        &talkative(),
        Objects::Known(&[object("car", 0.5, [0.1, 0.1, 0.2, 0.2])]),
    )
    .unwrap();
    for variant in [made.anonymised, made.annotated, made.thumbnail].map(Option::unwrap) {
        let markers = segments(&variant.jpeg);
        // JFIF with the density of pixels, tables, the frame: what a decoder needs.
        assert!(
            markers
                .iter()
                .all(|marker| matches!(marker, 0xE0 | 0xDB | 0xC0 | 0xC4 | 0xDD)),
            "{markers:X?}"
        );
        assert!(!variant.jpeg.windows(5).any(|part| part == &SECRET[..5]));
        assert!(variant.jpeg.ends_with(b"\xFF\xD9"));
        pixels(&variant);
    }
}

#[test]
fn the_same_picture_gives_the_same_bytes() {
    let made = |_| {
        variants(&photograph("rocket.jpg"), Objects::Unknown)
            .unwrap()
            .anonymised
    };
    assert_eq!(made(1), made(2));
}
