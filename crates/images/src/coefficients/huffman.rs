//! Huffman codes (ITU-T T.81, annex C), and what a picture says with them: coefficients, each with the zeros before it.

use super::bits::{BitReader, BitWriter};

/// A code as a file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code<'a> {
    /// How many codes there are of each length, 1 to 16 bits.
    pub(super) lengths: &'a [u8; 16],
    /// What they mean, the shortest first.
    pub(super) symbols: &'a [u8],
}

impl<'a> Code<'a> {
    /// From the beginning of these bytes; what follows it.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (lengths, rest) = bytes.split_first_chunk()?;
        let symbols = lengths.iter().map(|&count| usize::from(count)).sum();
        let (symbols, rest) = rest.split_at_checked(symbols)?;
        Some((Self { lengths, symbols }, rest))
    }

    /// Symbols with their codes and the lengths of these in bits; nothing if there are more codes than possible.
    fn codes(self) -> Option<Vec<(u8, u16, u8)>> {
        let lengths = (1..=16).zip(self.lengths);
        let lengths = lengths.flat_map(|(length, &count)| std::iter::repeat_n(length, count.into()));
        let mut next = 0_u32;
        let mut before = 0;
        let mut codes = Vec::with_capacity(self.symbols.len());
        for (length, &symbol) in lengths.zip(self.symbols) {
            next <<= length - before;
            // The code of ones alone is no code.
            if next + 1 >= 1 << length {
                return None;
            }
            codes.push((symbol, u16::try_from(next).ok()?, length));
            next += 1;
            before = length;
        }
        Some(codes)
    }
}

/// So many bits are looked up at once; longer codes are rare.
const LOOKAHEAD: u8 = 10;

/// More than a block has coefficients: its end.
const END: u8 = 128;

/// While fewer coefficients than these are known, several may be skipped at once without leaving the block.
const HALF: u32 = 32;

/// What a code says: a value of `size` bits comes behind it, and belongs to the coefficient `step - 1` places on.
#[derive(Clone, Copy, Default)]
struct Meaning {
    /// Of the code, in bits.
    length: u8,
    size: u8,
    step: u8,
}

/// Of a code for means: the size of a difference to the one before (T.81, F.1.2.1).
fn of_mean(symbol: u8) -> Option<(u8, u8)> {
    (symbol <= 11).then_some((symbol, 1))
}

/// Of a code for all other coefficients: zeros before one, and its size (T.81, F.1.2.2).
fn of_others(symbol: u8) -> Option<(u8, u8)> {
    match (symbol >> 4, symbol & 15) {
        (0, 0) => Some((0, END)),
        (15, 0) => Some((0, 16)),
        (_, 0 | 11..) => None,
        (zeros, size) => Some((size, zeros + 1)),
    }
}

/// To read a code.
pub(super) struct Decoder {
    /// For the next bits the code that they begin with. Length 0: it is longer, or means nothing.
    one: [Meaning; 1 << LOOKAHEAD],
    /// For the next bits: the length of all coefficients whose codes are in them, and how far they lead. Length 0: there is none.
    several: [(u8, u8); 1 << LOOKAHEAD],
    /// Longer codes, filled up with zeros to 16 bits.
    long: Vec<(u16, Meaning)>,
}

impl Decoder {
    pub(super) fn for_means(code: Code<'_>) -> Option<Self> {
        Self::new(code, of_mean)
    }

    pub(super) fn for_others(code: Code<'_>) -> Option<Self> {
        let mut decoder = Self::new(code, of_others)?;
        decoder.several = std::array::from_fn(|bits| leap(&decoder.one, bits));
        Some(decoder)
    }

    fn new(code: Code<'_>, meaning: impl Fn(u8) -> Option<(u8, u8)>) -> Option<Self> {
        let mut one = [Meaning::default(); 1 << LOOKAHEAD];
        let mut long = Vec::new();
        for (symbol, code, length) in code.codes()? {
            let Some((size, step)) = meaning(symbol) else {
                continue;
            };
            let meaning = Meaning { length, size, step };
            match LOOKAHEAD.checked_sub(length) {
                Some(free) => {
                    let first = usize::from(code) << free;
                    one.get_mut(first..first + (1 << free))?.fill(meaning);
                }
                None => long.push((code << (16 - length), meaning)),
            }
        }
        let several = [(0, 0); 1 << LOOKAHEAD];
        Some(Self { one, several, long })
    }

    /// The next code, and its value. The bits of both must be there: 27 at most.
    #[inline]
    fn next(&self, reader: &mut BitReader<'_>) -> Option<(Meaning, i32)> {
        let mut meaning = self.one[reader.peek(LOOKAHEAD.into()) as usize];
        if meaning.length == 0 {
            meaning = self.long_code(reader.peek(16))?;
        }
        reader.take(meaning.length.into());
        Some((meaning, reader.value(meaning.size.into())))
    }

    #[cold]
    fn long_code(&self, bits: u32) -> Option<Meaning> {
        let following = self.long.partition_point(|&(code, _)| u32::from(code) <= bits);
        let &(code, meaning) = self.long.get(following.checked_sub(1)?)?;
        (bits - u32::from(code) < 1 << (16 - meaning.length)).then_some(meaning)
    }

    /// The difference of a block's mean to the one before.
    #[inline]
    pub(super) fn difference(&self, reader: &mut BitReader<'_>) -> Option<i32> {
        reader.refill();
        Some(self.next(reader)?.1)
    }

    /// The coefficients of a block from 1 on, in the order of the file, up to and with `last`; those behind it are skipped. The
    /// block must be zero.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "values have at most 10 bits")]
    pub(super) fn coefficients(&self, reader: &mut BitReader<'_>, block: &mut [i16; 64], last: u32) -> Option<()> {
        let mut at = 1;
        while at <= last {
            reader.refill();
            let (meaning, value) = self.next(reader)?;
            at += u32::from(meaning.step);
            if at <= last + 1 {
                block[(at as usize - 1) % 64] = value as i16;
            }
        }
        self.skip(reader, at)
    }

    /// The rest of a block from that coefficient on.
    #[inline]
    pub(super) fn skip(&self, reader: &mut BitReader<'_>, mut at: u32) -> Option<()> {
        while at < 64 {
            reader.refill();
            let (length, step) = self.several[reader.peek(LOOKAHEAD.into()) as usize];
            if length == 0 || at >= HALF {
                at += u32::from(self.next(reader)?.0.step);
            } else {
                reader.take(length.into());
                at += u32::from(step);
            }
        }
        (at == 64 || at >= END.into()).then_some(())
    }
}

/// All coefficients whose codes are wholly within these bits, until half a block is behind them.
fn leap(one: &[Meaning; 1 << LOOKAHEAD], bits: usize) -> (u8, u8) {
    let (mut length, mut far) = (0, 0);
    while length < LOOKAHEAD && u32::from(far) < HALF {
        let next = one[(bits << length) % one.len()];
        if next.length == 0 || length + next.length > LOOKAHEAD {
            break;
        }
        length += next.length + next.size;
        far += next.step;
    }
    (length, far)
}

/// To write a code.
pub(super) struct Encoder {
    codes: [(u16, u8); 256],
}

impl Encoder {
    pub(super) fn new(code: Code<'_>) -> Option<Self> {
        let mut codes = [(0, 0); 256];
        for (symbol, code, length) in code.codes()? {
            codes[usize::from(symbol)] = (code, length);
        }
        Some(Self { codes })
    }

    /// A symbol and the value that belongs to it.
    #[inline]
    pub(super) fn put(&self, writer: &mut BitWriter, zeros: u8, value: i32) {
        let size = 32 - value.unsigned_abs().leading_zeros();
        let (code, length) = self.codes[usize::from(zeros << 4) | size as usize & 15];
        writer.put(code.into(), length.into());
        #[expect(clippy::cast_sign_loss, reason = "the lowest bits are meant")]
        let bits = (if value < 0 { value - 1 } else { value }) as u32 & ((1 << size) - 1);
        writer.put(bits, size);
    }

    /// The coefficients of a block from 1 on.
    pub(super) fn coefficients(&self, writer: &mut BitWriter, block: &[i16; 64]) {
        let mut zeros = 0;
        for &value in block.get(1..).unwrap_or_default() {
            if value == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 {
                self.put(writer, 15, 0);
                zeros -= 16;
            }
            self.put(writer, zeros, value.into());
            zeros = 0;
        }
        if zeros > 0 {
            self.put(writer, 0, 0);
        }
    }
}
