//! From the bytes of an upload to its variants.

use std::panic::{AssertUnwindSafe, catch_unwind};

use citytrack_domain::{Class, Detection};

use crate::annotate::shapes;
use crate::canvas::Canvas;
use crate::coefficients;
use crate::decode::decode;
use crate::encode::{encode, encode_again};
use crate::header::{Header, Limits, Refused, inspect};
use crate::pixelate::hide;
use crate::resize::thumbnail;

/// Of a canvas with more pixels there is no copy, to find what is drawn: that takes less time, but more memory.
const MOST_COPIED: u64 = 16_000_000;

/// What is known about the objects on a picture.
#[derive(Clone, Copy, Debug)]
pub enum Objects<'a> {
    /// Nothing: there may be anybody anywhere, so the whole picture is pixelated.
    Unknown,
    /// A detector looked, and this is all it saw; an empty list means that nobody is there.
    Known(&'a [Detection]),
}

/// What is drawn and what is hidden.
#[derive(Clone, Copy, Debug)]
pub struct Marks<'a> {
    /// The objects; their boxes are parts of the picture as people see it, after the EXIF orientation.
    pub objects: Objects<'a>,
    /// Objects of these classes are pixelated.
    pub hidden: &'a [Class],
    /// Lines that are stamped on the annotated variant: time, place, camera. Any characters; those that the font does not have
    /// appear as an empty box.
    pub stamp: &'a [String],
}

/// Which variants are made. One that is not wanted costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// At most 320 × 320 pixels, of the anonymised picture.
    pub thumbnail: bool,
    /// The anonymised picture with boxes, classes, confidences and the stamp.
    pub annotated: bool,
    /// The picture with people pixelated.
    pub anonymised: bool,
}

/// A picture that is ready to be stored: a JPEG without any metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The JPEG.
    pub jpeg: Vec<u8>,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Transformed {
    /// Width of the picture in pixels, after its orientation.
    pub width: u32,
    /// Height of the picture in pixels, after its orientation.
    pub height: u32,
    /// See [`Wanted::thumbnail`].
    pub thumbnail: Option<Encoded>,
    /// See [`Wanted::annotated`].
    pub annotated: Option<Encoded>,
    /// See [`Wanted::anonymised`].
    pub anonymised: Option<Encoded>,
}

/// Why there are no variants. Trying again gives the same. `Display` is a sentence that holds nothing of the picture.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The header is refused.
    #[error("the picture {0}")]
    Refused(#[from] Refused),
    /// Decoding would take more memory than a picture may.
    #[error("decoding the picture would take {needed} bytes, more than {limit}")]
    TooMuchMemory {
        /// What it would take, in bytes.
        needed: u64,
        /// What it may, in bytes.
        limit: u64,
    },
    /// The bytes behind the header are broken, or end early.
    #[error("the picture cannot be decoded: {0}")]
    Broken(String),
    /// The decoder panicked.
    #[error("the decoder crashed on the picture")]
    Crashed,
}

impl Failure {
    /// The stable name of the reason: `unsupported-picture`, `picture-too-large` or `invalid-picture`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.code(),
            Self::TooMuchMemory { .. } => "picture-too-large",
            Self::Broken(_) | Self::Crashed => "invalid-picture",
        }
    }
}

/// Makes the variants: of what is left when people are hidden, and of nothing else. JPEGs as cameras make them are changed as
/// coefficients, all else is decoded, turned upright, pixelated and encoded. All variants are new JPEGs, so nothing of the upload's
/// metadata is left.
///
/// Uses the calling thread alone, on a picture of 1920 × 1080 for some 7 ms as coefficients and 20 ms as pixels: call it on a bounded
/// pool of blocking threads. A panic of a decoder is caught and becomes [`Failure::Crashed`].
///
/// # Errors
/// See [`Failure`].
pub fn transform(picture: &[u8], marks: &Marks<'_>, wanted: Wanted, limits: Limits) -> Result<Transformed, Failure> {
    let header = inspect(picture, limits)?;
    // Nothing that a panic leaves half done is used afterwards; what is wrong with the picture is told by the way by pixels.
    let by_coefficients = AssertUnwindSafe(|| coefficients::transform(picture, header, marks, wanted));
    if let Ok(Some(made)) = catch_unwind(by_coefficients) {
        return Ok(made);
    }
    by_pixels(picture, header, marks, wanted, limits)
}

fn by_pixels(
    picture: &[u8],
    header: Header,
    marks: &Marks<'_>,
    wanted: Wanted,
    limits: Limits,
) -> Result<Transformed, Failure> {
    let mut canvas = decode(picture, header, limits)?;
    // From here on nobody has the original any more.
    hide(&mut canvas, marks);
    let thumbnail = wanted.thumbnail.then(|| encode(&thumbnail(&canvas)?)).transpose()?;
    let anonymised = wanted.anonymised.then(|| encode(&canvas)).transpose()?;
    let annotated = wanted
        .annotated
        .then(|| annotated(&mut canvas, marks, anonymised.as_ref()))
        .transpose()?;
    Ok(Transformed {
        width: canvas.width(),
        height: canvas.height(),
        thumbnail,
        annotated,
        anonymised,
    })
}

/// What making the variants of a picture takes when it is decoded, in bytes: the canvas, its copy, and the JPEGs.
pub(crate) fn at_work(header: Header) -> u64 {
    if header.pixels() <= MOST_COPIED {
        7 * header.pixels() / 2
    } else {
        2 * header.pixels()
    }
}

fn annotated(canvas: &mut Canvas, marks: &Marks<'_>, anonymised: Option<&Encoded>) -> Result<Encoded, Failure> {
    let pixels = u64::from(canvas.width()) * u64::from(canvas.height());
    let Some(anonymised) = anonymised.filter(|_| pixels <= MOST_COPIED) else {
        draw(canvas, marks);
        return encode(canvas);
    };
    let before = canvas.clone();
    draw(canvas, marks);
    encode_again(canvas, &before, anonymised)
}

fn draw(canvas: &mut Canvas, marks: &Marks<'_>) {
    for shape in shapes(canvas.size(), marks) {
        shape.draw(canvas);
    }
}
