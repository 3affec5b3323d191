//! The headers of a JPEG as cameras make them (ITU-T T.81, annex B): read, and written anew.

use image::metadata::Orientation;

use super::annex_k::{CHROMA_AC, CHROMA_DC, LUMA_AC, LUMA_DC};
use super::huffman::Code;
use crate::area::Size;
use crate::jpeg;

/// A table of steps finer than at a quality of about 93 of 100: the mean of those for brightness. Such a picture is worth encoding
/// anew, as its variants would be several times as large.
const FINEST: u32 = 8;

/// What the headers say about a picture of brightness and two colours, 4:2:0, in one scan.
pub(super) struct Headers<'a> {
    pub(super) width: u16,
    pub(super) height: u16,
    /// The steps of brightness and both colours, in the order of the file: one of a coefficient is so much.
    pub(super) steps: [&'a [u8; 64]; 3],
    /// The codes of brightness and both colours: for means, and for all else.
    pub(super) codes: [[Code<'a>; 2]; 3],
    /// Units between two restart markers, if there are any.
    pub(super) interval: Option<u16>,
    /// What follows the headers.
    pub(super) scan: &'a [u8],
}

/// Tables, as they have been defined so far. Later ones replace earlier ones of the same number.
#[derive(Default)]
struct Tables<'a> {
    steps: [Option<&'a [u8; 64]>; 4],
    /// For means, and for all else.
    codes: [[Option<Code<'a>>; 4]; 2],
    interval: Option<u16>,
    /// The frame header.
    frame: Option<&'a [u8]>,
}

impl<'a> Headers<'a> {
    /// Nothing where anything is not as cameras make it.
    pub(super) fn read(picture: &'a [u8]) -> Option<Self> {
        let mut tables = Tables::default();
        let mut rest = picture.get(2..)?;
        loop {
            let (marker, segment, behind) = jpeg::segment(rest).ok()?;
            rest = behind;
            match marker {
                0xC0 | 0xC1 if tables.frame.is_none() => tables.frame = Some(segment),
                0xC4 => tables.take_codes(segment)?,
                0xDB => tables.take_steps(segment)?,
                0xDD => {
                    let interval = u16::from_be_bytes(segment.try_into().ok()?);
                    tables.interval = (interval > 0).then_some(interval);
                }
                0xDA => return tables.complete(segment, behind),
                0xE0..=0xEF | 0xFE if is_ignored(marker, segment) => (),
                _ => return None,
            }
        }
    }

    pub(super) fn size(&self) -> Size {
        Size {
            width: self.width.into(),
            height: self.height.into(),
        }
    }

    /// Whether the codes are those of annex K.
    pub(super) fn has_usual_codes(&self) -> bool {
        self.codes == USUAL
    }

    /// The headers of a picture with these steps, and with the codes of annex K; nothing else is in them.
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.extend(b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
        for (number, steps) in (0..).zip(self.steps) {
            to.extend([0xFF, 0xDB, 0, 67, number]);
            to.extend(steps);
        }
        to.extend([0xFF, 0xC0, 0, 17, 8]);
        to.extend(self.height.to_be_bytes());
        to.extend(self.width.to_be_bytes());
        to.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 2]);
        for (number, code) in [(0x00, LUMA_DC), (0x10, LUMA_AC), (0x01, CHROMA_DC), (0x11, CHROMA_AC)] {
            let length = u16::try_from(19 + code.symbols.len()).unwrap_or_default();
            to.extend([0xFF, 0xC4]);
            to.extend(length.to_be_bytes());
            to.push(number);
            to.extend(code.lengths);
            to.extend(code.symbols);
        }
        to.extend([0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
    }
}

/// The codes of annex K for brightness and both colours.
pub(super) const USUAL: [[Code<'_>; 2]; 3] = [[LUMA_DC, LUMA_AC], [CHROMA_DC, CHROMA_AC], [CHROMA_DC, CHROMA_AC]];

/// Whether the picture is upright and of brightness and colour for all that this segment says.
fn is_ignored(marker: u8, segment: &[u8]) -> bool {
    match marker {
        0xE1 => segment.strip_prefix(b"Exif\0\0").is_none_or(|exif| {
            matches!(
                Orientation::from_exif_chunk(exif),
                None | Some(Orientation::NoTransforms)
            )
        }),
        0xEE if segment.starts_with(b"Adobe") => segment.get(11) == Some(&1),
        _ => true,
    }
}

impl<'a> Tables<'a> {
    fn take_steps(&mut self, mut segment: &'a [u8]) -> Option<()> {
        while let Some((number, rest)) = segment.split_first() {
            let (steps, rest) = rest.split_first_chunk()?;
            // The upper half of the number says that steps have two bytes.
            *self.steps.get_mut(usize::from(*number))? = Some(steps);
            segment = rest;
        }
        Some(())
    }

    fn take_codes(&mut self, mut segment: &'a [u8]) -> Option<()> {
        while let Some((number, rest)) = segment.split_first() {
            let (code, rest) = Code::read(rest)?;
            let of_kind = self.codes.get_mut(usize::from(number >> 4))?;
            *of_kind.get_mut(usize::from(number & 15))? = Some(code);
            segment = rest;
        }
        Some(())
    }

    /// With the header of the scan, and what follows it.
    fn complete(self, scan_header: &[u8], scan: &'a [u8]) -> Option<Headers<'a>> {
        #[rustfmt::skip]
        let &[8, high, low, wide, narrow, 3, y, 0x22, luma, cb, 0x11, blue, cr, 0x11, red] = self.frame? else {
            return None;
        };
        let &[3, first, of_luma, second, of_blue, third, of_red, 0, 63, 0] = scan_header else {
            return None;
        };
        let numbers = [y, cb, cr];
        if ![[1, 2, 3], [0, 1, 2]].contains(&numbers) || numbers != [first, second, third] {
            return None;
        }
        let steps = |number: u8| self.steps.get(usize::from(number)).copied().flatten();
        let code = |kind: usize, number: u8| self.codes.get(kind)?.get(usize::from(number)).copied().flatten();
        let codes = |numbers: u8| Some([code(0, numbers >> 4)?, code(1, numbers & 15)?]);
        let headers = Headers {
            width: u16::from_be_bytes([wide, narrow]),
            height: u16::from_be_bytes([high, low]),
            steps: [steps(luma)?, steps(blue)?, steps(red)?],
            codes: [codes(of_luma)?, codes(of_blue)?, codes(of_red)?],
            interval: self.interval,
            scan,
        };
        let [fine, ..] = headers.steps;
        let sum: u32 = fine.iter().copied().map(u32::from).sum();
        let is_zero = headers.steps.iter().any(|steps| steps.contains(&0));
        (sum >= FINEST * 64 && !is_zero).then_some(headers)
    }
}
