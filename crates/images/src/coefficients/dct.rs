//! The discrete cosine transform of a block (ITU-T T.81, A.3.3), there and back, and back to fewer samples than there were.

use std::f32::consts::{FRAC_1_SQRT_2, PI};

use super::scan::Block;

/// For each coefficient in the order of the file where it belongs in a block: row times eight, and column.
#[rustfmt::skip]
const ZIGZAG: [usize; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Samples of a block, row by row.
pub(super) type Samples = [u8; 64];

/// Eight rows of eight.
type Rows = [[f32; 8]; 8];

/// The waves that blocks are made of. The second half of a wave mirrors the first, with the other sign where its frequency is odd.
pub(super) struct Waves {
    /// Samples in a row or column.
    pub(super) side: usize,
    /// For each frequency the value at each sample.
    waves: Rows,
}

impl Waves {
    /// For blocks of 1, 2, 4 or 8 samples a side.
    #[expect(clippy::cast_precision_loss, reason = "at most 16")]
    pub(super) fn new(side: usize) -> Self {
        let length = side as f32;
        let wave = |frequency: usize, at: usize| {
            let height = if frequency == 0 { FRAC_1_SQRT_2 } else { 1.0 };
            let angle = (2 * at + 1) as f32 * frequency as f32 * PI / (2.0 * length);
            height * angle.cos() * (2.0 / length).sqrt()
        };
        let waves = std::array::from_fn(|frequency| std::array::from_fn(|at| wave(frequency, at)));
        Self { side, waves }
    }

    /// The last coefficient that has a part in so few samples.
    pub(super) fn last(&self) -> usize {
        let counts = |&place: &usize| place / 8 < self.side && place % 8 < self.side;
        ZIGZAG.iter().rposition(counts).unwrap_or_default()
    }

    /// Coefficients to samples; those of more than `side` rows and columns are nothing.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "rounded, and cut off at 0 and 255 by the cast; a side is at most 8"
    )]
    pub(super) fn samples(&self, block: &Block, steps: &[u8; 64]) -> Samples {
        let mut frequencies = [[0.0; 8]; 8];
        let scale = self.side as f32 / 8.0;
        for ((&value, &step), place) in block.iter().zip(steps).zip(ZIGZAG) {
            frequencies[place / 8][place % 8] = f32::from(value) * f32::from(step) * scale;
        }
        let columns = self.columns(&transposed(&self.columns(&frequencies)));
        let mut samples = [0; 64];
        for (row, samples) in samples.chunks_exact_mut(8).enumerate() {
            for (sample, column) in samples.iter_mut().zip(&columns) {
                *sample = (column[row] + 128.5) as u8;
            }
        }
        samples
    }

    /// The samples of all columns from their frequencies.
    fn columns(&self, frequencies: &Rows) -> Rows {
        let mut samples = [[0.0; 8]; 8];
        let half = self.side.div_ceil(2);
        for at in 0..half {
            let [mut even, mut odd] = [[0.0; 8]; 2];
            for (pair, waves) in frequencies.chunks_exact(2).zip(self.waves.chunks_exact(2)).take(half) {
                add(&mut even, &pair[0], waves[0][at]);
                add(&mut odd, &pair[1], waves[1][at]);
            }
            for lane in 0..8 {
                samples[at][lane] = even[lane] + odd[lane];
                samples[(self.side - 1 - at) % 8][lane] = even[lane] - odd[lane];
            }
        }
        samples
    }

    /// Samples to coefficients. For blocks of 8 × 8.
    #[expect(clippy::cast_possible_truncation, reason = "rounded, and smaller than 1024")]
    pub(super) fn coefficients(&self, samples: &Samples, steps: &[u8; 64]) -> Block {
        let mut rows = [[0.0; 8]; 8];
        for (row, samples) in rows.iter_mut().zip(samples.chunks_exact(8)) {
            for (value, sample) in row.iter_mut().zip(samples) {
                *value = f32::from(*sample) - 128.0;
            }
        }
        let frequencies = self.frequencies(&transposed(&self.frequencies(&rows)));
        let mut block = [0; 64];
        for ((value, &step), place) in block.iter_mut().zip(steps).zip(ZIGZAG) {
            let exact = frequencies[place % 8][place / 8] / f32::from(step);
            *value = (exact + 0.5_f32.copysign(exact)).clamp(-1023.0, 1023.0) as i16;
        }
        block
    }

    /// The frequencies of all columns from their samples.
    fn frequencies(&self, samples: &Rows) -> Rows {
        let mut frequencies = [[0.0; 8]; 8];
        for at in 0..4 {
            let [mut sums, mut differences] = [[0.0; 8]; 2];
            for lane in 0..8 {
                sums[lane] = samples[at][lane] + samples[7 - at][lane];
                differences[lane] = samples[at][lane] - samples[7 - at][lane];
            }
            for (pair, waves) in frequencies.chunks_exact_mut(2).zip(self.waves.chunks_exact(2)) {
                add(&mut pair[0], &sums, waves[0][at]);
                add(&mut pair[1], &differences, waves[1][at]);
            }
        }
        frequencies
    }
}

fn transposed(rows: &Rows) -> Rows {
    std::array::from_fn(|row| std::array::from_fn(|column| rows[column][row]))
}

#[inline]
fn add(sums: &mut [f32; 8], values: &[f32; 8], factor: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value * factor;
    }
}
