//! Names for what people upload by mistake, so that the answer can say what it is instead of a picture that we take.

/// How many bytes [`name`] wants to see.
pub(crate) const ENOUGH: usize = 16;

/// Where, what, and what that means.
const SIGNATURES: &[(usize, &[u8], &str)] = &[
    (0, b"GIF8", "a GIF picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (4, b"ftypavi", "an AVIF picture"),
    (4, b"ftyphei", "a HEIC picture"),
    (4, b"ftyphev", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIF picture"),
    (4, b"ftyp", "a video"),
    (0, b"\xFF\x0A", "a JPEG XL picture"),
    (4, b"JXL ", "a JPEG XL picture"),
    (4, b"jP  ", "a JPEG 2000 picture"),
    (0, b"\xFF\x4F\xFF\x51", "a JPEG 2000 picture"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\0\0\x01\0", "an icon"),
    (0, b"P6", "a PPM picture"),
    (0, b"RIFF", "a RIFF file, but no WebP"),
    (0, b"\x1A\x45\xDF\xA3", "a video"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1F\x8B", "gzip-compressed data"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "XML"),
    (0, b"<", "a web page"),
    (0, b"{", "JSON"),
    (0, b"--", "a multipart body without its Content-Type"),
    (0, b"data:image", "a data URL"),
];

/// What these bytes are, as far as they tell.
pub(crate) fn name(start: &[u8]) -> &'static str {
    let found = SIGNATURES
        .iter()
        .find(|(at, signature, _)| start.get(*at..).is_some_and(|rest| rest.starts_with(signature)));
    found.map_or("of no known format", |(_, _, name)| name)
}
