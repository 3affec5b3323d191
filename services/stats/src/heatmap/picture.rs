//! A heatmap as a picture that can be laid over the image of the camera.

use citytrack_domain::Heatmap;
use png::{BitDepth, ColorType, Encoder, EncodingError};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 360;

/// The colour scale viridis, by Stéfan van der Walt and Nathaniel Smith for Matplotlib (CC0): equal steps look equally far
/// apart, also to people who see colours differently. Every 32nd of its 256 colours, and the last.
const VIRIDIS: [[u8; 3]; 9] = [
    [0x44, 0x01, 0x54],
    [0x47, 0x2d, 0x7b],
    [0x3b, 0x52, 0x8b],
    [0x2c, 0x72, 0x8e],
    [0x21, 0x91, 0x8c],
    [0x28, 0xae, 0x80],
    [0x5e, 0xc9, 0x62],
    [0xad, 0xdc, 0x30],
    [0xfd, 0xe7, 0x25],
];

/// How opaque the picture is at most.
const OPACITY: f32 = 0.85;
/// From this part of the highest heat on it is that opaque; below, it fades out.
const OPAQUE_FROM: f32 = 0.2;

/// 640 × 360 pixels, transparent where nobody stood. The heat of a cell is the square root of its share of the highest count,
/// or one spot where somebody waits for long would leave all others dark; between the middles of cells it is interpolated.
pub(super) fn png(heatmap: &Heatmap) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, WIDTH, HEIGHT);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette((0..=u8::MAX).flat_map(colour).collect::<Vec<u8>>());
    encoder.set_trns((0..=u8::MAX).map(opacity).collect::<Vec<u8>>());
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels(heatmap))?;
    writer.finish()?;
    Ok(bytes)
}

/// The heat of each pixel, 0 to 255, row by row.
fn pixels(heatmap: &Heatmap) -> Vec<u8> {
    let heat = heat(heatmap);
    let (columns, rows) = (spread(WIDTH, Heatmap::COLUMNS), spread(HEIGHT, Heatmap::ROWS));
    let at = |row: usize, column: usize| heat.get(row * Heatmap::COLUMNS + column).copied().unwrap_or_default();
    let mut pixels = Vec::with_capacity(rows.len() * columns.len());
    for row in &rows {
        for column in &columns {
            let upper = between(at(row.first, column.first), at(row.first, column.second), column.share);
            let lower = between(
                at(row.second, column.first),
                at(row.second, column.second),
                column.share,
            );
            pixels.push(byte(between(upper, lower, row.share)));
        }
    }
    pixels
}

/// The heat of each cell, 0 to 1.
fn heat(heatmap: &Heatmap) -> Vec<f32> {
    let cells = heatmap.cells();
    let highest = f64::from(cells.iter().copied().max().unwrap_or_default().max(1));
    #[expect(clippy::cast_possible_truncation, reason = "a colour needs no double precision")]
    let heat = |count: &u32| (f64::from(*count) / highest).sqrt() as f32;
    cells.iter().map(heat).collect()
}

/// The two cells whose middles a pixel lies between, and how far it is from the first to the second.
struct Spread {
    first: usize,
    second: usize,
    share: f32,
}

/// For each pixel of a line of `pixels`, where it lies among `cells`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixels and cells are few"
)]
fn spread(pixels: u32, cells: usize) -> Vec<Spread> {
    let last = cells.saturating_sub(1);
    let pixel = |pixel: u32| {
        let place = (pixel as f32 + 0.5) * cells as f32 / pixels as f32 - 0.5;
        let place = place.clamp(0.0, last as f32);
        let first = (place as usize).min(last);
        Spread {
            first,
            second: (first + 1).min(last),
            share: place - first as f32,
        }
    };
    (0..pixels).map(pixel).collect()
}

fn between(one: f32, other: f32, share: f32) -> f32 {
    one + (other - one) * share
}

/// The colour of a heat.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the place lies among the stops"
)]
fn colour(heat: u8) -> [u8; 3] {
    let place = f32::from(heat) / 255.0 * (VIRIDIS.len() - 1) as f32;
    let first = place as usize;
    let [one, other] = [first, first + 1].map(|stop| VIRIDIS.get(stop).or(VIRIDIS.last()).copied().unwrap_or_default());
    let mut mixed = [0; 3];
    for (mixed, (one, other)) in mixed.iter_mut().zip(one.into_iter().zip(other)) {
        *mixed = between(one.into(), other.into(), place.fract()).round() as u8;
    }
    mixed
}

/// How opaque a heat is; nothing is where nobody stood.
fn opacity(heat: u8) -> u8 {
    let heat = f32::from(heat) / 255.0;
    byte((heat / OPAQUE_FROM).min(1.0) * OPACITY)
}

/// 0 to 1 as 0 to 255.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast to a whole number ends at the limits"
)]
fn byte(part: f32) -> u8 {
    (part * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use citytrack_domain::BoundingBox;

    use super::*;

    /// RGBA of a pixel of the picture.
    fn pixel(heatmap: &Heatmap, x: usize, y: usize) -> [u8; 4] {
        let bytes = png(heatmap).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(
            (frame.width, frame.height, frame.color_type),
            (640, 360, ColorType::Rgba)
        );
        let place = 4 * (y * 640 + x);
        pixels[place..place + 4].try_into().unwrap()
    }

    fn stood(times: usize, x: f64, y: f64, heatmap: &mut Heatmap) {
        for _ in 0..times {
            heatmap.add(BoundingBox::new([x - 0.01, y - 0.02, 0.02, 0.02]).unwrap());
        }
    }

    #[test]
    fn nobody_is_transparent_and_the_most_are_yellow() {
        let mut heatmap = Heatmap::default();
        assert_eq!(pixel(&heatmap, 320, 180)[3], 0);
        // The middles of the cells (8, 4) and (24, 4).
        stood(100, 8.5 / 32.0, 4.5 / 18.0, &mut heatmap);
        stood(25, 24.5 / 32.0, 4.5 / 18.0, &mut heatmap);
        let [red, green, blue, opacity] = pixel(&heatmap, 170, 90);
        assert!(red > 200 && green > 200 && blue < 60, "{red} {green} {blue}");
        assert_eq!(opacity, 217);
        // A quarter of the highest count is half of its heat.
        let half = pixel(&heatmap, 490, 90);
        assert!(half[1] > 120 && half[0] < 80 && half[3] == 217, "{half:?}");
        assert_eq!(pixel(&heatmap, 320, 300)[3], 0);
        let fading = pixel(&heatmap, 170 + 19, 90)[3];
        assert!(fading > 0 && fading < 217, "{fading}");
    }

    #[test]
    fn the_scale_goes_through_its_stops() {
        assert_eq!(colour(0), VIRIDIS[0]);
        assert_eq!(colour(255), VIRIDIS[8]);
        let middle = colour(128);
        assert!(
            (0..3).all(|part| middle[part].abs_diff(VIRIDIS[4][part]) <= 1),
            "{middle:?}"
        );
    }

    #[test]
    fn a_picture_is_small() {
        let mut heatmap = Heatmap::default();
        for place in 0..200_u32 {
            stood(
                1,
                f64::from(place % 30) / 32.0 + 0.03,
                f64::from(place % 17) / 18.0 + 0.03,
                &mut heatmap,
            );
        }
        assert!(png(&heatmap).unwrap().len() < 120_000);
    }
}
