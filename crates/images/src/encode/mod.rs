//! Canvas to JPEG.
//!
//! Encoding is most of the work that a picture makes, and the annotated variant differs from the anonymised one only along a few
//! lines. So a JPEG is made of segments that can be decoded each for itself (restart markers stand between them), and the second
//! JPEG takes over the bytes of every segment whose pixels have not changed.

mod grid;
mod rows;

use jpeg_encoder::{ChromaSubsamplingMethod, Encoder, ImageBuffer, SamplingFactor};

use crate::canvas::Canvas;
use crate::transform::{Encoded, Failure};
use grid::Grid;
use rows::{Rows, Strip};

/// Of 1 to 100: where one has to look for differences.
const QUALITY: u8 = 85;

/// A JPEG of the canvas and nothing else: no metadata, no comment, no thumbnail.
pub(crate) fn encode(canvas: &Canvas) -> Result<Encoded, Failure> {
    let (width, height) = (canvas.width(), canvas.height());
    let jpeg = compress(&Rows::of(canvas)?, Grid::of(canvas).interval)?;
    Ok(Encoded { width, height, jpeg })
}

/// The same as [`encode`], byte for byte, of a canvas that differs here and there from one that has been encoded.
pub(crate) fn encode_again(canvas: &Canvas, before: &Canvas, encoded: &Encoded) -> Result<Encoded, Failure> {
    let grid = Grid::of(canvas);
    let changed = grid.changed(before, canvas);
    let (header, scan) = parts(&encoded.jpeg)?;
    let new = segments_of(canvas, &grid, &changed)?;
    let mut new = new.iter().flat_map(|jpeg| segments(jpeg));
    let mut jpeg = Vec::with_capacity(encoded.jpeg.len() * 5 / 4);
    jpeg.extend_from_slice(header);
    for (number, (changed, old)) in changed.iter().zip(segments(scan)).enumerate() {
        if number > 0 {
            // Restart markers count to seven and start anew.
            jpeg.extend([0xFF, 0xD0 | (number - 1).to_le_bytes()[0] & 7]);
        }
        let segment = if *changed { new.next().ok_or_else(lost)? } else { old };
        jpeg.extend_from_slice(segment);
    }
    jpeg.extend(END);
    Ok(Encoded { jpeg, ..*encoded })
}

/// The scans of the changed segments alone. The last segment of a picture may be shorter, and is then made by itself.
fn segments_of(canvas: &Canvas, grid: &Grid, changed: &[bool]) -> Result<Vec<Vec<u8>>, Failure> {
    let changed = changed.iter().enumerate().filter(|(_, changed)| **changed);
    let (whole, shorter): (Vec<usize>, Vec<usize>) = changed
        .map(|(number, _)| number)
        .partition(|&number| grid.is_whole(number));
    let strips = [whole, shorter].into_iter().filter(|segments| !segments.is_empty());
    strips
        .map(|segments| {
            let strip = Strip::new(canvas, grid, &segments)?;
            let jpeg = compress(&strip, grid.interval)?;
            Ok(parts(&jpeg)?.1.to_vec())
        })
        .collect()
}

/// End of image.
const END: [u8; 2] = [0xFF, 0xD9];

/// A JPEG with a restart marker after every so many units.
fn compress<I: ImageBuffer + Copy>(pixels: &I, interval: u16) -> Result<Vec<u8>, Failure> {
    // A typical photograph takes a bit and a half for each pixel.
    let mut jpeg = Vec::with_capacity(usize::from(pixels.width()) * usize::from(pixels.height()) / 5 + 1024);
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    // The canvas has one sample of colour for four pixels already.
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Nearest);
    encoder.set_restart_interval(interval);
    encoder
        .encode_image(*pixels)
        .map_err(|error| Failure::Broken(error.to_string()))?;
    Ok(jpeg)
}

/// What comes before the segments, and the segments, of a JPEG that [`compress`] has made.
fn parts(jpeg: &[u8]) -> Result<(&[u8], &[u8]), Failure> {
    let scan = crate::jpeg::scan(jpeg)?;
    let header = jpeg.get(..jpeg.len() - scan.len()).ok_or_else(lost)?;
    Ok((header, scan.strip_suffix(&END).ok_or_else(lost)?))
}

/// The segments between the restart markers. Within a segment no marker can stand: a byte 0xFF is followed by 0 there.
fn segments(scan: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(scan);
    std::iter::from_fn(move || {
        let scan = rest?;
        let marker =
            memchr::memchr_iter(0xFF, scan).find(|&at| scan.get(at + 1).is_some_and(|marker| marker & 0xF8 == 0xD0));
        let (segment, behind) = marker.and_then(|at| scan.split_at_checked(at)).unwrap_or((scan, &[]));
        rest = behind.get(2..);
        Some(segment)
    })
}

fn lost() -> Failure {
    Failure::Broken("a segment of the encoded picture is missing".to_owned())
}
