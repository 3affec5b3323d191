//! A JPEG from units that are as they were, hidden or drawn upon. Whatever has not changed is copied bit by bit.

use std::ops::Range;

use super::bits::{BitReader, BitWriter, stuff};
use super::headers::{Headers, USUAL};
use super::huffman::Encoder;
use super::scan::{BLOCKS, Block, Decoders, Scan, Unit};

/// Writes the picture. `drawn` gives the coefficients of those units that have been drawn upon; those of the scan that are hidden
/// are written as their means. The codes of the scan must be those of annex K.
pub(super) fn write(
    headers: &Headers<'_>,
    scan: &Scan,
    decoders: &Decoders,
    drawn: impl Fn(usize) -> Option<[Block; 6]>,
) -> Option<Vec<u8>> {
    let mut writer = UnitWriter::new(scan, decoders)?;
    for (number, unit) in scan.units.iter().enumerate() {
        if let Some(blocks) = drawn(number) {
            writer.blocks(&blocks);
        } else if unit.is_hidden {
            writer.means(&unit.means);
        } else if writer.is_changed || number % scan.interval == 0 {
            writer.again(unit)?;
        } else {
            writer.keep(unit);
        }
    }
    let bits = writer.finish();
    let mut jpeg = Vec::with_capacity(bits.len() * 65 / 64 + 1024);
    headers.write(&mut jpeg);
    stuff(&bits, &mut jpeg);
    jpeg.extend([0xFF, 0xD9]);
    Some(jpeg)
}

struct UnitWriter<'a> {
    scan: &'a Scan,
    decoders: &'a Decoders,
    encoders: Box<[[Encoder; 2]; 3]>,
    writer: BitWriter,
    /// Bits of the scan that will be copied.
    kept: Range<u32>,
    /// The last means of brightness and both colours: what follows is written as the difference to them.
    last: [i16; 3],
    /// The last unit is not as it was, so the next cannot be either.
    is_changed: bool,
}

impl<'a> UnitWriter<'a> {
    fn new(scan: &'a Scan, decoders: &'a Decoders) -> Option<Self> {
        let of = |[means, rest]: [_; 2]| Some([Encoder::new(means)?, Encoder::new(rest)?]);
        let [luma, blue, red] = USUAL;
        Some(Self {
            scan,
            decoders,
            encoders: Box::new([of(luma)?, of(blue)?, of(red)?]),
            writer: BitWriter::with_capacity(scan.data.len() * 9 / 8 + 64),
            kept: 0..0,
            last: [0; 3],
            is_changed: false,
        })
    }

    /// A unit as it was, behind one that was where it is.
    fn keep(&mut self, unit: &Unit) {
        if self.kept.end != unit.begin {
            self.flush();
            self.kept.start = unit.begin;
        }
        self.kept.end = unit.end;
        let [.., luma, blue, red] = unit.means;
        self.last = [luma, blue, red];
    }

    /// Copies what is kept.
    fn flush(&mut self) {
        self.writer.copy(&self.scan.data, self.kept.clone());
        self.kept.start = self.kept.end;
    }

    /// A unit as it was, behind another one than before: the differences of its means are new.
    fn again(&mut self, unit: &Unit) -> Option<()> {
        self.flush();
        let mut reader = BitReader::new(&self.scan.data, unit.begin);
        for (component, mean) in BLOCKS.into_iter().zip(unit.means) {
            let [of_means, of_rest] = &self.decoders.0[component];
            of_means.difference(&mut reader)?;
            let begin = reader.position();
            of_rest.skip(&mut reader, 1)?;
            self.mean(component, mean);
            self.writer.copy(&self.scan.data, begin..reader.position());
        }
        self.kept = unit.end..unit.end;
        self.is_changed = false;
        Some(())
    }

    /// A hidden unit.
    fn means(&mut self, means: &[i16; 6]) {
        self.flush();
        for (component, &mean) in BLOCKS.into_iter().zip(means) {
            self.mean(component, mean);
            let [_, rest] = &self.encoders[component];
            rest.put(&mut self.writer, 0, 0);
        }
        self.is_changed = true;
    }

    /// A unit that has been drawn upon.
    fn blocks(&mut self, blocks: &[Block; 6]) {
        self.flush();
        for (component, block) in BLOCKS.into_iter().zip(blocks) {
            self.mean(component, block[0]);
            let [_, rest] = &self.encoders[component];
            rest.coefficients(&mut self.writer, block);
        }
        self.is_changed = true;
    }

    fn mean(&mut self, component: usize, mean: i16) {
        let difference = i32::from(mean) - i32::from(self.last[component]);
        let [means, _] = &self.encoders[component];
        means.put(&mut self.writer, 0, difference);
        self.last[component] = mean;
    }

    fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.writer.into_bytes()
    }
}
