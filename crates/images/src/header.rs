//! What an upload is, told from its first bytes.

use std::fmt;

use crate::{foreign, jpeg, webp};

/// A format that CityTrack takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG: baseline and progressive, 8 bits, of one, three or four colours.
    Jpeg,
    /// PNG of any depth.
    Png,
    /// WebP, lossy and lossless.
    WebP,
}

impl Format {
    /// The media type, such as `image/jpeg`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
        })
    }
}

/// What the header of a picture says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format.
    pub format: Format,
    /// Width in pixels as stored, before the EXIF orientation is applied.
    pub width: u32,
    /// Height in pixels as stored, before the EXIF orientation is applied.
    pub height: u32,
}

impl Header {
    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// How much a picture may claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Width times height, in pixels.
    pub pixels: u64,
    /// What decoding may take for pixels at once, in bytes. Only [`transform`](crate::transform) looks at it.
    pub memory: u64,
}

impl Default for Limits {
    /// 50 megapixels, 144 MiB.
    fn default() -> Self {
        Self {
            pixels: 50_000_000,
            memory: 144 << 20,
        }
    }
}

/// The longest side of a picture, in pixels: what a JPEG, the format of all variants, can be.
const LONGEST: u32 = 65_500;

/// Why bytes are not taken as a picture. `Display` goes on after "the picture".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The header goes on behind these bytes: look again when more have come. When no more come, the upload is cut off in its
    /// header (or is empty), and is invalid.
    #[error("ends within its header")]
    Incomplete,
    /// No format that CityTrack takes.
    #[error("is {what}; CityTrack takes JPEG, PNG and WebP")]
    Unsupported {
        /// What it is instead, such as `a GIF picture`.
        what: &'static str,
    },
    /// More pixels than the limit.
    #[error("has {width} × {height} pixels, more than {limit} in all")]
    TooLarge {
        /// The width that it claims.
        width: u32,
        /// The height that it claims.
        height: u32,
        /// The limit of [`Limits::pixels`].
        limit: u64,
    },
    /// A side is longer than a JPEG can be.
    #[error("has {width} × {height} pixels, a side of more than 65500")]
    TooLong {
        /// The width that it claims.
        width: u32,
        /// The height that it claims.
        height: u32,
    },
    /// It says that it is one of our formats, but its header makes no sense.
    #[error("is no valid {format}: {detail}")]
    Invalid {
        /// What it says it is.
        format: Format,
        /// What is wrong.
        detail: &'static str,
    },
}

impl Refused {
    /// The stable name of the reason: `unsupported-picture`, `picture-too-large` or `invalid-picture`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsupported { .. } => "unsupported-picture",
            Self::TooLarge { .. } | Self::TooLong { .. } => "picture-too-large",
            Self::Incomplete | Self::Invalid { .. } => "invalid-picture",
        }
    }
}

/// Looks at the first bytes of an upload: format by its magic numbers and never by what the sender calls it, size by its header.
/// Nothing is decoded, nothing is allocated. 32 bytes are enough for PNG and WebP; a JPEG tells its size behind its metadata.
///
/// # Errors
/// [`Refused::Incomplete`] while more bytes are needed; else why the picture is not taken.
pub fn inspect(start: &[u8], limits: Limits) -> Result<Header, Refused> {
    let header = read(start)?;
    let Header { format, width, height } = header;
    if width == 0 || height == 0 {
        let detail = "a width or height of 0";
        return Err(Refused::Invalid { format, detail });
    }
    if header.pixels() > limits.pixels {
        let limit = limits.pixels;
        return Err(Refused::TooLarge { width, height, limit });
    }
    if width.max(height) > LONGEST {
        return Err(Refused::TooLong { width, height });
    }
    Ok(header)
}

fn read(start: &[u8]) -> Result<Header, Refused> {
    let (format, (width, height)) = if start.starts_with(b"\xFF\xD8\xFF") {
        let frame = jpeg::Frame::read(start)?;
        (Format::Jpeg, (u32::from(frame.width), u32::from(frame.height)))
    } else if start.starts_with(b"\x89PNG\r\n\x1A\n") {
        (Format::Png, png_size(start)?)
    } else if start.starts_with(b"RIFF") && bytes(start, 8)? == *b"WEBP" {
        (Format::WebP, webp::size(start)?)
    } else if start.len() < foreign::ENOUGH {
        return Err(Refused::Incomplete);
    } else {
        let what = foreign::name(start);
        return Err(Refused::Unsupported { what });
    };
    Ok(Header { format, width, height })
}

/// `N` bytes from `at` on.
pub(crate) fn bytes<const N: usize>(start: &[u8], at: usize) -> Result<[u8; N], Refused> {
    let found = start.get(at..).and_then(<[u8]>::first_chunk);
    found.copied().ok_or(Refused::Incomplete)
}

/// The IHDR chunk must be the first.
fn png_size(start: &[u8]) -> Result<(u32, u32), Refused> {
    if bytes(start, 8)? != *b"\0\0\0\x0DIHDR" {
        let (format, detail) = (Format::Png, "it does not begin with IHDR");
        return Err(Refused::Invalid { format, detail });
    }
    Ok((
        u32::from_be_bytes(bytes(start, 16)?),
        u32::from_be_bytes(bytes(start, 20)?),
    ))
}
