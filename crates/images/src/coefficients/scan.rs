//! The entropy-coded data of a picture, gone through once: where each unit is, and the means of its blocks.

use super::bits::BitReader;
use super::headers::Headers;
use super::huffman::Decoder;
use super::reduced::Reduced;

/// The blocks of a unit are four of brightness and one of each colour.
pub(super) const BLOCKS: [usize; 6] = [0, 0, 0, 0, 1, 2];

/// Coefficients of a block, in the order of the file.
pub(super) type Block = [i16; 64];

/// One unit of 16 × 16 pixels.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    /// Its bits in the data of the scan.
    pub(super) begin: u32,
    pub(super) end: u32,
    /// The first coefficients of its blocks: their means.
    pub(super) means: [i16; 6],
    /// Nothing is left of it but the means, and these are no more its own.
    pub(super) is_hidden: bool,
}

/// The scan of a picture.
pub(super) struct Scan {
    /// Without stuffed zeros and restart markers. Between two of these is a whole number of bytes.
    pub(super) data: Vec<u8>,
    pub(super) units: Vec<Unit>,
    /// Units in a row.
    pub(super) columns: usize,
    /// Units between two restart markers; all, if there is none.
    pub(super) interval: usize,
}

impl Scan {
    /// Goes through the data. `reduced` gets what it wants of each unit.
    pub(super) fn read(headers: &Headers<'_>, decoders: &Decoders, mut reduced: Option<&mut Reduced>) -> Option<Self> {
        let (columns, rows) = headers.size().units();
        let count = columns * rows;
        let interval = headers.interval.map_or(count, usize::from);
        let (data, ends) = segments(headers.scan)?;
        if ends.len() != count.div_ceil(interval) {
            return None;
        }
        let mut units = Vec::with_capacity(count);
        let mut begin = 0;
        for end in ends {
            let mut reader = BitReader::new(&data, begin);
            let mut means = [0; 3];
            for _ in 0..interval.min(count - units.len()) {
                let unit = match &mut reduced {
                    Some(reduced) => {
                        let place = (units.len() % columns, units.len() / columns);
                        decoders.unit(&mut reader, &mut means, |block, decoder, reader, mean| {
                            reduced.take(place, block, decoder, reader, mean)
                        })
                    }
                    None => decoders.unit(&mut reader, &mut means, |_, decoder, reader, _| decoder.skip(reader, 1)),
                }?;
                if unit.end > end {
                    return None;
                }
                units.push(unit);
            }
            // The last byte is filled up.
            if end - reader.position() >= 8 {
                return None;
            }
            begin = end;
        }
        Some(Self {
            data,
            units,
            columns,
            interval,
        })
    }

    /// The coefficients of all blocks of a unit.
    pub(super) fn blocks(&self, decoders: &Decoders, unit: &Unit) -> Option<[Block; 6]> {
        let mut blocks = [[0; 64]; 6];
        if !unit.is_hidden {
            let mut reader = BitReader::new(&self.data, unit.begin);
            for (block, component) in blocks.iter_mut().zip(BLOCKS) {
                let [mean, rest] = &decoders.0[component];
                mean.difference(&mut reader)?;
                rest.coefficients(&mut reader, block, 63)?;
            }
        }
        for (block, mean) in blocks.iter_mut().zip(unit.means) {
            block[0] = mean;
        }
        Some(blocks)
    }
}

/// The decoders of brightness and both colours: for means, and for all else.
pub(super) struct Decoders(pub(super) [[Box<Decoder>; 2]; 3]);

impl Decoders {
    pub(super) fn new(headers: &Headers<'_>) -> Option<Self> {
        let of =
            |[means, others]: [_; 2]| Some([Decoder::for_means(means)?.into(), Decoder::for_others(others)?.into()]);
        let [luma, blue, red] = headers.codes;
        Some(Self([of(luma)?, of(blue)?, of(red)?]))
    }

    /// Reads a unit; `rest` is called for each block to read what follows its mean.
    #[inline]
    fn unit(
        &self,
        reader: &mut BitReader<'_>,
        last_means: &mut [i16; 3],
        mut rest: impl FnMut(usize, &Decoder, &mut BitReader<'_>, i16) -> Option<()>,
    ) -> Option<Unit> {
        let begin = reader.position();
        let mut means = [0; 6];
        for ((number, component), mean) in BLOCKS.into_iter().enumerate().zip(&mut means) {
            let [of_means, of_rest] = &self.0[component];
            let value = i32::from(last_means[component]) + of_means.difference(reader)?;
            // What 8 bits of colour can make, T.81, table F.1.
            *mean = i16::try_from(value).ok().filter(|mean| (-1024..1024).contains(mean))?;
            last_means[component] = *mean;
            rest(number, of_rest, reader, *mean)?;
        }
        Some(Unit {
            begin,
            end: reader.position(),
            means,
            is_hidden: false,
        })
    }
}

/// The data without stuffed zeros and markers, and the bits at which restart markers and the end of the picture were.
fn segments(scan: &[u8]) -> Option<(Vec<u8>, Vec<u32>)> {
    let mut data = Vec::with_capacity(scan.len());
    let mut ends = Vec::new();
    let mut from = 0;
    for at in memchr::memchr_iter(0xFF, scan) {
        match *scan.get(at + 1)? {
            0 => {
                data.extend_from_slice(scan.get(from..=at)?);
                from = at + 2;
                continue;
            }
            marker @ 0xD0..=0xD7 if usize::from(marker & 7) == ends.len() % 8 => (),
            0xD9 => (),
            _ => return None,
        }
        data.extend_from_slice(scan.get(from..at)?);
        ends.push(u32::try_from(data.len() * 8).ok()?);
        from = at + 2;
        if scan.get(at + 1) == Some(&0xD9) {
            return Some((data, ends));
        }
    }
    None
}
