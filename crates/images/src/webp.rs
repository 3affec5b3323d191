//! The chunks of a WebP (RFC 9649), without decoding anything.

use crate::header::{Format, Refused, bytes};

/// Bytes before the first chunk: `RIFF`, a length, `WEBP`.
const HEAD: usize = 12;
/// Bytes before the chunks of a frame of an animation: its place, size and duration.
const FRAME_HEAD: usize = 16;

/// Width and height. The first chunk is VP8 (lossy), VP8L (lossless), or VP8X (with a canvas).
pub(crate) fn size(start: &[u8]) -> Result<(u32, u32), Refused> {
    let name = bytes(start, HEAD)?;
    let content = start.get(HEAD + 8..).ok_or(Refused::Incomplete)?;
    match (frame(name, content)?, &name) {
        (Some(size), _) => Ok(size),
        (None, b"VP8X") => {
            let side = |at| {
                let [low, middle, high] = bytes(content, at)?;
                Ok(u32::from_le_bytes([low, middle, high, 0]) + 1)
            };
            Ok((side(4)?, side(7)?))
        }
        _ => invalid("its first chunk is unknown"),
    }
}

/// Whether no frame is larger than the whole: a decoder makes room for a frame before it compares.
pub(crate) fn frames_fit(picture: &[u8], whole: (u32, u32)) -> bool {
    let fits = |(name, content): ([u8; 4], &[u8])| {
        // What is wrong with a frame is told by the decoder.
        let size = frame(name, content).ok().flatten();
        size.is_none_or(|(width, height)| width <= whole.0 && height <= whole.1)
    };
    chunks(picture, HEAD).all(|(name, content)| match &name {
        b"ANMF" => chunks(content, FRAME_HEAD).all(fits),
        _ => fits((name, content)),
    })
}

/// Width and height of a frame; none, if the chunk is another one.
fn frame(name: [u8; 4], content: &[u8]) -> Result<Option<(u32, u32)>, Refused> {
    match &name {
        b"VP8 " => {
            if bytes(content, 3)? != [0x9D, 0x01, 0x2A] {
                return invalid("it does not begin with a key frame");
            }
            let side = |at| Ok(u32::from(u16::from_le_bytes(bytes(content, at)?) & 0x3FFF));
            Ok(Some((side(6)?, side(8)?)))
        }
        b"VP8L" => {
            if bytes(content, 0)? != [0x2F] {
                return invalid("its signature is wrong");
            }
            let bits = u32::from_le_bytes(bytes(content, 1)?);
            Ok(Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)))
        }
        _ => Ok(None),
    }
}

/// Name and content of each chunk; the last may be cut off.
fn chunks(picture: &[u8], head: usize) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = picture.get(head..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (name, behind) = rest.split_first_chunk()?;
        let (length, behind) = behind.split_first_chunk()?;
        let length = u32::from_le_bytes(*length) as usize;
        // Of an odd length, a byte stands in between.
        rest = behind.get(length + length % 2..).unwrap_or_default();
        Some((*name, behind.get(..length).unwrap_or(behind)))
    })
}

fn invalid<T>(detail: &'static str) -> Result<T, Refused> {
    let format = Format::WebP;
    Err(Refused::Invalid { format, detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: [u8; 4], content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        let between = &[0][..content.len() % 2];
        [&name[..], &length, content, between].concat()
    }

    fn lossy(width: u16, height: u16) -> Vec<u8> {
        let sides = [width.to_le_bytes(), height.to_le_bytes()].concat();
        chunk(*b"VP8 ", &[&[0, 0, 0, 0x9D, 0x01, 0x2A][..], &sides, &[0]].concat())
    }

    fn picture(chunks: &[Vec<u8>]) -> Vec<u8> {
        let canvas = chunk(*b"VP8X", &[0, 0, 0, 0, 99, 0, 0, 49, 0, 0]);
        [b"RIFF\0\0\0\0WEBP".to_vec(), canvas, chunks.concat()].concat()
    }

    #[test]
    fn a_frame_may_not_be_larger_than_the_whole() {
        let animated = |frame: Vec<u8>| chunk(*b"ANMF", &[vec![0; FRAME_HEAD], chunk(*b"ALPH", &[1]), frame].concat());
        for (chunks, expected) in [
            (vec![lossy(100, 50)], true),
            (vec![lossy(101, 50)], false),
            (vec![chunk(*b"ICCP", &[1, 2, 3]), lossy(100, 51)], false),
            (vec![animated(lossy(100, 50)), animated(lossy(10, 5))], true),
            (vec![animated(lossy(10, 5)), animated(lossy(16_383, 16_383))], false),
            (vec![chunk(*b"VP8L", &[0x2F, 0xFF, 0xFF, 0xFF, 0])], false),
        ] {
            let picture = picture(&chunks);
            assert_eq!(size(&picture).unwrap(), (100, 50));
            assert_eq!(frames_fit(&picture, (100, 50)), expected, "{chunks:?}");
        }
    }

    #[test]
    fn a_frame_that_is_cut_off_is_seen_as_far_as_it_goes() {
        let mut picture = picture(&[lossy(16_383, 16_383)]);
        picture.pop();
        assert!(!frames_fit(&picture, (100, 50)));
    }
}
