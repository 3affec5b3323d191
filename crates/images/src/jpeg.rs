//! The header of a JPEG (ITU-T T.81, annex B): a walk over its marker segments, without decoding anything.

use crate::header::{Format, Refused};

/// What the frame header (SOF) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) progressive: bool,
    /// Samples of all colours in four pixels: 4 for grey, 6 for 4:2:0, 12 for 4:4:4.
    pub(crate) samples: u32,
    components: u8,
}

impl Frame {
    /// The first frame header.
    pub(crate) fn read(start: &[u8]) -> Result<Self, Refused> {
        let (marker, segment, _) = find(start, |marker| {
            matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
        })?;
        let unsupported = |what| Err(Refused::Unsupported { what });
        match marker {
            0xC0..=0xC2 => (),
            0xC3 => return unsupported("a lossless JPEG picture"),
            0xC9.. => return unsupported("a JPEG picture with arithmetic coding"),
            _ => return unsupported("a hierarchical JPEG picture"),
        }
        let [
            precision,
            height_high,
            height_low,
            width_high,
            width_low,
            components,
            sampling @ ..,
        ] = segment
        else {
            return invalid("its frame header is too short");
        };
        if *precision != 8 {
            return unsupported("a JPEG picture of more than 8 bits a colour");
        }
        if !matches!(components, 1 | 3 | 4) || sampling.len() != 3 * usize::from(*components) {
            return invalid("its frame header makes no sense");
        }
        Ok(Self {
            width: u16::from_be_bytes([*width_high, *width_low]),
            height: u16::from_be_bytes([*height_high, *height_low]),
            progressive: marker == 0xC2,
            samples: samples(sampling),
            components: *components,
        })
    }

    /// Whether a decoder must hold the coefficients of the whole picture: they come in several scans.
    pub(crate) fn is_buffered(&self, picture: &[u8]) -> bool {
        let in_first_scan = find(picture, |marker| marker == 0xDA).ok();
        let in_first_scan = in_first_scan.and_then(|(_, segment, _)| segment.first().copied());
        self.progressive || in_first_scan != Some(self.components)
    }
}

/// What follows the last header: the pixels of the first scan, and all behind them.
pub(crate) fn scan(picture: &[u8]) -> Result<&[u8], Refused> {
    find(picture, |marker| marker == 0xDA).map(|(.., behind)| behind)
}

/// Three bytes for each colour: its id, its sampling factors, its table.
fn samples(sampling: &[u8]) -> u32 {
    let factors = |colour: &[u8]| {
        colour
            .get(1)
            .map_or((1, 1), |both| (u32::from(both >> 4), u32::from(both & 0xF)))
    };
    let factors = || sampling.chunks(3).map(factors);
    let whole = factors().map(|(h, _)| h).max().unwrap_or(1) * factors().map(|(_, v)| v).max().unwrap_or(1);
    let all: u32 = factors().map(|(h, v)| h * v).sum();
    (4 * all).div_ceil(whole.max(1))
}

/// The first segment with such a marker: the marker, what is in the segment, what follows it.
fn find(picture: &[u8], wanted: impl Fn(u8) -> bool) -> Result<(u8, &[u8], &[u8]), Refused> {
    // Behind SOI.
    let mut rest = picture.get(2..).ok_or(Refused::Incomplete)?;
    loop {
        let (marker, segment, behind) = segment(rest)?;
        if wanted(marker) {
            return Ok((marker, segment, behind));
        }
        // Behind SOS come no more headers, and what follows is no segment.
        if marker == 0xDA {
            return invalid("its picture comes before its frame header");
        }
        rest = behind;
    }
}

/// The first segment of these bytes, which begin behind SOI or another segment: its marker, what is in it, what follows it.
pub(crate) fn segment(mut rest: &[u8]) -> Result<(u8, &[u8], &[u8]), Refused> {
    loop {
        let [0xFF, marker, behind @ ..] = rest else {
            return match rest {
                [] | [0xFF] => Err(Refused::Incomplete),
                _ => invalid("between two segments is something else"),
            };
        };
        rest = match marker {
            // Fill bytes may stand before a marker.
            0xFF => rest.get(1..).unwrap_or_default(),
            // Markers without a segment.
            0x01 | 0xD0..=0xD8 => behind,
            0x00 => return invalid("between two segments is something else"),
            0xD9 => return invalid("it ends before its picture"),
            _ => {
                let (length, behind) = behind.split_first_chunk().ok_or(Refused::Incomplete)?;
                let Some(length) = usize::from(u16::from_be_bytes(*length)).checked_sub(2) else {
                    return invalid("the length of a segment is less than 2");
                };
                let (segment, behind) = behind.split_at_checked(length).ok_or(Refused::Incomplete)?;
                return Ok((*marker, segment, behind));
            }
        };
    }
}

fn invalid<T>(detail: &'static str) -> Result<T, Refused> {
    let format = Format::Jpeg;
    Err(Refused::Invalid { format, detail })
}
