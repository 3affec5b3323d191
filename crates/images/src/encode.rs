//! Canvas to JPEG.

use image::GrayImage;
use jpeg_encoder::{ChromaSubsamplingMethod, Encoder, ImageBuffer, JpegColorType, SamplingFactor};

use crate::canvas::Canvas;
use crate::transform::{Encoded, Failure};

/// Of 1 to 100: where one has to look for differences.
const QUALITY: u8 = 85;

/// A JPEG of the canvas and nothing else: no metadata, no comment, no thumbnail.
pub(crate) fn encode(canvas: &Canvas) -> Result<Encoded, Failure> {
    let (width, height) = (canvas.width(), canvas.height());
    // A typical photograph takes two bits a pixel.
    let mut jpeg = Vec::with_capacity((width as usize * height as usize) / 4 + 1024);
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    // The canvas has one sample of colour for four pixels already.
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Nearest);
    encoder
        .encode_image(Rows::of(canvas)?)
        .map_err(|error| Failure::Broken(error.to_string()))?;
    Ok(Encoded { width, height, jpeg })
}

/// The canvas as the encoder asks for it: row by row at full size.
struct Rows<'a> {
    width: u16,
    height: u16,
    canvas: &'a Canvas,
}

impl<'a> Rows<'a> {
    fn of(canvas: &'a Canvas) -> Result<Self, Failure> {
        let side = |side: u32| u16::try_from(side).map_err(|error| Failure::Broken(error.to_string()));
        let (width, height) = (side(canvas.width())?, side(canvas.height())?);
        Ok(Self { width, height, canvas })
    }
}

impl ImageBuffer for Rows<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let [luma, colours @ ..] = &self.canvas.planes;
        let [all, blue, red, _] = buffers;
        all.extend_from_slice(row(luma, y));
        for (buffer, plane) in [blue, red].into_iter().zip(colours) {
            let end = buffer.len() + usize::from(self.width);
            buffer.extend(row(plane, y / 2).iter().flat_map(|&sample| [sample, sample]));
            buffer.truncate(end);
        }
    }
}

fn row(plane: &GrayImage, y: u16) -> &[u8] {
    let width = plane.width() as usize;
    let start = usize::from(y) * width;
    plane.as_raw().get(start..start + width).unwrap_or_default()
}
