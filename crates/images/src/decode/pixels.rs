//! Pixels of red, green and blue to planes of brightness and colour.

use image::GrayImage;

use crate::canvas::Canvas;
use crate::header::Header;

/// Pixels of `N` samples to planes.
pub(super) fn canvas_of<const N: usize>(
    header: Header,
    samples: &[u8],
    to_ycbcr: impl Fn([u8; N]) -> [u8; 3],
) -> Canvas {
    let (width, height) = (header.width, header.height);
    let mut luma = GrayImage::new(width, height);
    let mut blue = GrayImage::new(width.div_ceil(2), height.div_ceil(2));
    let mut red = blue.clone();
    let (wide, half) = (width as usize, width.div_ceil(2) as usize);
    let rows = samples.chunks(wide * N * 2).zip(luma.chunks_mut(wide * 2));
    let colours = blue.chunks_mut(half).zip(red.chunks_mut(half));
    // Four pixels at a time, fewer at the right and lower edge, share one sample of each colour.
    let mut sums = vec![[0_u16; 2]; half];
    for ((samples, luma), (blue, red)) in rows.zip(colours) {
        sums.fill([0; 2]);
        for (samples, luma) in samples.chunks(wide * N).zip(luma.chunks_mut(wide)) {
            let pairs = samples.chunks(2 * N).zip(luma.chunks_mut(2)).zip(&mut sums);
            for ((samples, luma), sum) in pairs {
                for (pixel, luma) in samples.as_chunks().0.iter().zip(luma) {
                    let [y, cb, cr] = to_ycbcr(*pixel);
                    *luma = y;
                    sum[0] += u16::from(cb);
                    sum[1] += u16::from(cr);
                }
            }
        }
        let lines = samples.len() / (wide * N);
        for (column, (sum, (blue, red))) in sums.iter().zip(blue.iter_mut().zip(red)).enumerate() {
            let pixels = u16::try_from(lines * (wide - 2 * column).min(2)).unwrap_or(4);
            [*blue, *red] = sum.map(|sum| mean(sum, pixels));
        }
    }
    Canvas::new([luma, blue, red])
}

#[expect(clippy::cast_possible_truncation, reason = "the mean of bytes is a byte")]
fn mean(sum: u16, pixels: u16) -> u8 {
    ((sum + pixels / 2) / pixels.max(1)) as u8
}

pub(super) fn from_rgb([red, green, blue]: [u8; 3]) -> [u8; 3] {
    jpeg_encoder::rgb_to_ycbcr(red, green, blue).into()
}

/// What is transparent becomes white: a JPEG knows no transparency, and what was hidden by it stays hidden.
#[expect(clippy::cast_possible_truncation, reason = "the mean of two bytes is a byte")]
pub(super) fn on_white([red, green, blue, alpha]: [u8; 4]) -> [u8; 3] {
    let (shown, white) = (u32::from(alpha), 255 * (255 - u32::from(alpha)));
    from_rgb([red, green, blue].map(|colour| ((u32::from(colour) * shown + white + 127) / 255) as u8))
}
