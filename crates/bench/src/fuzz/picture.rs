//! Photographs that are damaged at random: bytes, headers, ends, and parts of others.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::{one_of, pick};

/// Larger files than this make the run slow and find nothing more.
const LARGEST: u64 = 1 << 20;
/// More than `ingest-api` takes, unless it is set otherwise.
const TOO_MANY: usize = (8 << 20) + 1;
/// Widths and heights that are claimed: none, one, the limits and around them.
const SIDES: &[u32] = &[
    0,
    1,
    8,
    641,
    4_000,
    7_071,
    7_072,
    16_383,
    16_384,
    30_000,
    65_500,
    65_535,
    65_536,
    u32::MAX,
];

/// What is mutated: everything in these folders that is small enough, in the order of the names.
pub(super) fn read(folders: &[PathBuf]) -> Result<Vec<Vec<u8>>> {
    let mut pictures = Vec::new();
    for folder in folders {
        for path in files(folder)? {
            if path.metadata()?.len() <= LARGEST {
                pictures.push(std::fs::read(&path)?);
            }
        }
    }
    ensure!(pictures.len() > 10, "too few pictures in {folders:?}");
    Ok(pictures)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("pictures in {}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        path.is_file() && extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
    });
    paths.sort();
    Ok(paths)
}

const EXTENSIONS: &[&str] = &["png", "jpg", "webp", "avif", "gif", "tif"];

/// A picture, more or less: one in eight is left as it is.
pub(super) fn damaged(random: &mut StdRng, pictures: &[Vec<u8>]) -> Vec<u8> {
    let mut picture = one_of(random, pictures).clone();
    match random.random_range(0..16) {
        0 | 1 => {}
        2 | 3 => claim(random, &mut picture),
        4 => picture.truncate(random.random_range(0..=picture.len())),
        5 => picture.truncate(random.random_range(0..64)),
        6 => picture.extend_from_slice(one_of(random, pictures).as_slice()),
        7 => picture = noise(random),
        8 if random.random_bool(0.1) => picture.resize(TOO_MANY - random.random_range(0..2), 0),
        9 => insert_segment(random, &mut picture),
        _ => scratch(random, &mut picture, pictures),
    }
    picture
}

/// Up to eight changes somewhere, more often near the beginning, where the headers are.
pub(super) fn scratch(random: &mut StdRng, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    for _ in 0..random.random_range(1..9) {
        if bytes.is_empty() {
            return;
        }
        let near = random.random_bool(0.5);
        let at = random.random_range(0..if near { bytes.len().min(200) } else { bytes.len() });
        let length = random.random_range(1..64).min(bytes.len() - at);
        match random.random_range(0..6) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => bytes[at..at + length].fill(if random.random() { 0xFF } else { 0 }),
            3 => drop(bytes.drain(at..at + length)),
            4 => {
                let again = bytes[at..at + length].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                let other = one_of(random, others);
                let from = random.random_range(0..other.len());
                bytes.splice(at.., other[from..].iter().copied());
            }
        }
    }
}

fn noise(random: &mut StdRng) -> Vec<u8> {
    let mut bytes = vec![0; random.random_range(0..2_000)];
    random.fill(bytes.as_mut_slice());
    bytes
}

/// The head claims another size, and is otherwise as it should be.
fn claim(random: &mut StdRng, picture: &mut [u8]) {
    let (width, height) = (side(random), side(random));
    if picture.starts_with(b"\x89PNG") && picture.len() > 33 {
        picture[16..20].copy_from_slice(&width.to_be_bytes());
        picture[20..24].copy_from_slice(&height.to_be_bytes());
        let checksum = crc32(&picture[12..29]);
        picture[29..33].copy_from_slice(&checksum.to_be_bytes());
    } else if let Some(at) = frame_header(picture) {
        picture[at..at + 2].copy_from_slice(&low(height));
        picture[at + 2..at + 4].copy_from_slice(&low(width));
    } else if picture.starts_with(b"RIFF") && picture.len() > 30 {
        // VP8X: 24 bits each; VP8: 14 bits each behind the start code.
        picture[26..28].copy_from_slice(&width.to_le_bytes()[..2]);
        picture[28..30].copy_from_slice(&height.to_le_bytes()[..2]);
    }
}

fn side(random: &mut StdRng) -> u32 {
    if random.random() {
        pick(random, SIDES)
    } else {
        random.random_range(1..9_000)
    }
}

fn low(side: u32) -> [u8; 2] {
    let [_, _, high, low] = side.to_be_bytes();
    [high, low]
}

/// Where the height is in the frame header of a JPEG.
fn frame_header(picture: &[u8]) -> Option<usize> {
    if !picture.starts_with(b"\xFF\xD8") {
        return None;
    }
    let at = picture
        .windows(2)
        .position(|marker| marker[0] == 0xFF && (0xC0..=0xC2).contains(&marker[1]))?;
    (at + 9 < picture.len()).then_some(at + 5)
}

/// Something that nobody asked for behind the head: a segment or chunk whose length may lie.
fn insert_segment(random: &mut StdRng, picture: &mut Vec<u8>) {
    let content = noise(random);
    let length = u32::try_from(content.len()).unwrap_or(0);
    let lie = random.random_bool(0.3);
    if picture.starts_with(b"\xFF\xD8") {
        let length = if lie { random.random() } else { low(length + 2) };
        let segment = [&[0xFF, random.random_range(0xE0..=0xFE)][..], &length, EXIF, &content].concat();
        picture.splice(2..2, segment);
    } else if picture.starts_with(b"\x89PNG") && picture.len() > 33 {
        let name = pick(
            random,
            &[b"tEXt", b"iCCP", b"eXIf", b"acTL", b"fdAT", b"PLTE", b"IDAT", b"zTXt"],
        );
        let body = [&name[..], &content].concat();
        let length = if lie { random.random() } else { length };
        let chunk = [&length.to_be_bytes()[..], &body, &crc32(&body).to_be_bytes()].concat();
        picture.splice(33..33, chunk);
    } else {
        let end = picture.len().min(12);
        picture.splice(end..end, content);
    }
}

/// The beginning of EXIF data with an orientation, cut off.
const EXIF: &[u8] = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";

/// The checksum of PNG.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc: u32, _| {
            (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_keeps_the_head_valid() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let mut jpeg = b"\xFF\xD8\xFF\xC0\0\x11\x08\0\x01\0\x02\x03".to_vec();
        assert_eq!(frame_header(&jpeg), Some(7));
        let mut random = rand::SeedableRng::seed_from_u64(1);
        claim(&mut random, &mut jpeg);
        assert!(jpeg.starts_with(b"\xFF\xD8\xFF\xC0\0\x11\x08"));
    }
}
