//! Bits of entropy-coded data, the highest first. Within, no byte is stuffed: the zeros behind each byte 0xFF are taken out
//! before reading, and put in behind writing.

use std::ops::Range;

/// Reads bits; beyond the end all are zero. Whoever reads must look now and then at how far he has come.
pub(super) struct BitReader<'a> {
    data: &'a [u8],
    /// The byte from which the next bits will be fetched.
    next: usize,
    /// The next bits, from the highest on.
    bits: u64,
    /// How many of them are there.
    count: u32,
}

impl<'a> BitReader<'a> {
    /// From that bit on.
    pub(super) fn new(data: &'a [u8], at: u32) -> Self {
        let (next, skipped) = (at as usize / 8, at % 8);
        let mut reader = Self {
            data,
            next,
            bits: 0,
            count: 0,
        };
        reader.refill();
        reader.take(skipped);
        reader
    }

    /// At least 56 bits are there afterwards.
    #[inline]
    pub(super) fn refill(&mut self) {
        self.bits |= word(self.data, self.next) >> self.count;
        self.next += (63 - self.count as usize) / 8;
        self.count |= 0b11_1000;
    }

    /// The next bits without taking them; 1 to 32, and no more than are there.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most 32 bits")]
    pub(super) fn peek(&self, count: u32) -> u32 {
        (self.bits >> (64 - count)) as u32
    }

    /// Takes bits that are there.
    #[inline]
    pub(super) fn take(&mut self, count: u32) {
        self.bits <<= count;
        self.count = self.count.wrapping_sub(count);
    }

    /// Takes a value of so many bits, at most 31 (T.81, F.2.2.1): one that begins with 0 is negative.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "at most 31 bits"
    )]
    pub(super) fn value(&mut self, count: u32) -> i32 {
        let bits = (self.bits >> 1 >> (63 - count)) as i32;
        // All ones where the first bit is 1, all zeros where it is 0.
        let is_positive = (self.bits as i64 >> 63) as i32;
        self.take(count);
        bits - (((1 << count) - 1) & !is_positive)
    }

    /// The number of the next bit; that of the last one possible where it does not fit.
    #[inline]
    pub(super) fn position(&self) -> u32 {
        let bits = (self.next * 8).saturating_sub(self.count as usize);
        u32::try_from(bits).unwrap_or(u32::MAX)
    }
}

/// Eight bytes.
#[inline]
fn word(data: &[u8], at: usize) -> u64 {
    match data.get(at..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => last_word(data, at),
    }
}

/// Fewer than eight bytes, and zeros.
#[cold]
fn last_word(data: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    for (byte, there) in bytes.iter_mut().zip(data.get(at..).unwrap_or_default()) {
        *byte = *there;
    }
    u64::from_be_bytes(bytes)
}

/// Writes bits.
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that are no 32 yet, at the lower end.
    bits: u64,
    count: u32,
}

impl BitWriter {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            bits: 0,
            count: 0,
        }
    }

    /// The lowest bits of the value, at most 32; those above must be zero.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "32 bits at a time")]
    pub(super) fn put(&mut self, value: u32, count: u32) {
        self.bits = self.bits << count | u64::from(value);
        self.count += count;
        if self.count >= 32 {
            self.count -= 32;
            self.bytes
                .extend_from_slice(&((self.bits >> self.count) as u32).to_be_bytes());
        }
    }

    /// These bits of other data.
    #[expect(clippy::cast_possible_truncation, reason = "32 bits at a time")]
    pub(super) fn copy(&mut self, data: &[u8], range: Range<u32>) {
        let mut at = range.start;
        while range.end - at >= 32 {
            let bits = word(data, at as usize / 8) << (at % 8);
            self.put((bits >> 32) as u32, 32);
            at += 32;
        }
        let left = range.end - at;
        if left > 0 {
            let bits = word(data, at as usize / 8) << (at % 8);
            self.put((bits >> (64 - left)) as u32, left);
        }
    }

    /// The bytes, the last filled up with ones.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        let missing = self.count.next_multiple_of(8) - self.count;
        self.put((1 << missing) - 1, missing);
        let left = self.count as usize / 8;
        let last = (self.bits << (32 - self.count)).to_be_bytes();
        self.bytes.extend(last.get(4..4 + left).unwrap_or_default());
        self.bytes
    }
}

/// Appends the bytes with a zero behind each 0xFF, so that none looks like a marker.
pub(super) fn stuff(bytes: &[u8], to: &mut Vec<u8>) {
    let mut from = 0;
    for at in memchr::memchr_iter(0xFF, bytes) {
        to.extend_from_slice(bytes.get(from..=at).unwrap_or_default());
        to.push(0);
        from = at + 1;
    }
    to.extend_from_slice(bytes.get(from..).unwrap_or_default());
}
