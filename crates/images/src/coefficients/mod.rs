//! The pictures of cameras are changed as coefficients, not as pixels (docs/adr/0026).
//!
//! A baseline JPEG is a row of units of 16 × 16 pixels. The few that are hidden or drawn upon are written anew; all others are copied
//! bit by bit, which is many times faster than decoding and encoding, and loses nothing. Whatever is not as cameras make it (another
//! format of a JPEG, a fault in the data) is left to the way by pixels, which also has the words for what is wrong.

mod annex_k;
mod bits;
mod dct;
mod drawn;
mod headers;
mod huffman;
mod reduced;
mod scan;
mod write;

use crate::annotate::{Shape, shapes};
use crate::area::Size;
use crate::encode::encode;
use crate::header::{Format, Header};
use crate::pixelate::hidden;
use crate::resize::thumbnail_size;
use crate::transform::{Encoded, Marks, Transformed, Wanted};
use drawn::Drawn;
use headers::Headers;
use reduced::Reduced;
use scan::{Decoders, Scan};

/// Makes the variants; nothing where the picture is not as cameras make it.
pub(crate) fn transform(picture: &[u8], header: Header, marks: &Marks<'_>, wanted: Wanted) -> Option<Transformed> {
    let headers = (header.format == Format::Jpeg)
        .then(|| Headers::read(picture))
        .flatten()?;
    if headers.size() != (header.width, header.height).into() {
        return None;
    }
    if headers.has_usual_codes() {
        return variants(&headers, marks, wanted);
    }
    let recoded = recoded(&headers)?;
    variants(&Headers::read(&recoded)?, marks, wanted)
}

/// The same picture in the codes of annex K. Codes of its own are made for how often each coefficient is, of which some may be
/// hidden, and they may lack what is drawn.
fn recoded(headers: &Headers<'_>) -> Option<Vec<u8>> {
    let decoders = Decoders::new(headers)?;
    let scan = Scan::read(headers, &decoders, None)?;
    let blocks = |number: usize| scan.blocks(&decoders, scan.units.get(number)?);
    write::write(headers, &scan, &decoders, blocks)
}

fn variants(headers: &Headers<'_>, marks: &Marks<'_>, wanted: Wanted) -> Option<Transformed> {
    let size = headers.size();
    let smaller = thumbnail_size(size).filter(|_| wanted.thumbnail);
    let mut reduced = smaller.map(|_| Reduced::new(headers));
    let decoders = Decoders::new(headers)?;
    let mut scan = Scan::read(headers, &decoders, reduced.as_mut())?;
    // From here on nobody has anything of the original that is hidden.
    hide(&mut scan, reduced.as_mut(), size, marks);

    let whole = |shapes: &[Shape]| {
        let drawn = Drawn::new(headers, &scan, &decoders, shapes)?;
        let jpeg = write::write(headers, &scan, &decoders, |unit| drawn.blocks(unit))?;
        Some(encoded(size, jpeg))
    };
    let is_copied = wanted.thumbnail && smaller.is_none();
    let anonymised = if wanted.anonymised || is_copied {
        Some(whole(&[])?)
    } else {
        None
    };
    let thumbnail = match (&reduced, smaller) {
        (Some(reduced), Some(smaller)) => Some(encode(&reduced.thumbnail(smaller).ok()?).ok()?),
        _ => anonymised.clone().filter(|_| is_copied),
    };
    let annotated = if wanted.annotated {
        Some(whole(&shapes(size, marks))?)
    } else {
        None
    };
    Some(Transformed {
        width: size.width,
        height: size.height,
        thumbnail,
        annotated,
        anonymised: anonymised.filter(|_| wanted.anonymised),
    })
}

fn encoded(Size { width, height }: Size, jpeg: Vec<u8>) -> Encoded {
    Encoded { width, height, jpeg }
}

/// Replaces the means of each block by their mean, and all else of it by nothing. Areas that overlap are hidden one after the other.
fn hide(scan: &mut Scan, reduced: Option<&mut Reduced>, size: Size, marks: &Marks<'_>) {
    let columns = scan.columns;
    for block in hidden(size, marks) {
        let means = mean(scan, block.numbers(columns));
        for number in block.numbers(columns) {
            if let Some(unit) = scan.units.get_mut(number) {
                unit.means = means;
                unit.is_hidden = true;
            }
        }
    }
    let Some(reduced) = reduced else {
        return;
    };
    for (number, unit) in scan.units.iter().enumerate().filter(|(_, unit)| unit.is_hidden) {
        reduced.hide((number % columns, number / columns), unit);
    }
}

/// The mean of brightness and of both colours over some units, rounded, for each block of a unit.
fn mean(scan: &Scan, numbers: impl Iterator<Item = usize>) -> [i16; 6] {
    let (mut sums, mut count) = ([0_i64; 3], 0);
    for unit in numbers.filter_map(|number| scan.units.get(number)) {
        for (component, mean) in scan::BLOCKS.into_iter().zip(unit.means) {
            sums[component] += i64::from(mean);
        }
        count += 1;
    }
    let [luma, blue, red] = sums;
    let rounded = |sum: i64, of: i64| (2 * sum + of).div_euclid(2 * of.max(1));
    let means = [rounded(luma, 4 * count), rounded(blue, count), rounded(red, count)];
    scan::BLOCKS.map(|component| i16::try_from(means[component]).unwrap_or_default())
}
