//! A picture and what is known about it as the body of `POST /api/v1/images` (`multipart/form-data`).

use uuid::Uuid;

use super::About;

/// The body. What separates its parts follows from the id, so that the body is all that has to be kept.
pub(super) fn body(id: Uuid, about: &About, picture: &[u8]) -> Vec<u8> {
    let boundary = boundary(id);
    let fields = [
        ("camera", about.camera.clone()),
        ("captured_at", Some(about.captured_at.to_string())),
        ("frame", about.frame.map(|frame| frame.to_string())),
        ("boxes", about.boxes.clone()),
    ];
    let mut body = Vec::with_capacity(picture.len() + 1024);
    for (name, value) in fields {
        if let Some(value) = value {
            let part = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.as_bytes());
        }
    }
    let head = "Content-Disposition: form-data; name=\"picture\"; filename=\"picture\"\r\nContent-Type: application/octet-stream";
    body.extend(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
    body.extend(picture);
    body.extend(format!("\r\n--{boundary}--\r\n").as_bytes());
    body
}

/// The header that goes with it.
pub(crate) fn content_type(id: Uuid) -> String {
    format!("multipart/form-data; boundary={}", boundary(id))
}

/// The id is random: no picture holds it.
fn boundary(id: Uuid) -> String {
    format!("citytrack-{}", id.simple())
}
