//! Forms (`multipart/form-data`), well made and not.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use super::{pick, picture};

/// A body, and the `Content-Type` that goes with it.
pub(super) struct Form {
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

const BOUNDARIES: &[&str] = &[
    "boundary",
    "----WebKitFormBoundary7MA4YWxkTrZu0gW",
    "0123456789012345678901234567890123456789012345678901234567890123456789",
    "a'()+_,-./:=?",
    "-",
    "",
    "a boundary",
];
const HEADERS: &[&str] = &[
    "",
    "",
    "",
    "Content-Type: image/jpeg\r\n",
    "Content-Type: multipart/mixed; boundary=inner\r\n",
    "Content-Type: nonsense\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 18446744073709551615\r\n",
    "Content-Length: -1\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "Content-Disposition: form-data; name=\"camera\"\r\n",
    "no header\r\n",
    "\u{0}: x\r\n",
];

/// A form of these fields and the picture; one in three is broken somewhere.
pub(super) fn form(random: &mut StdRng, image: &[u8], fields: &[(String, String)]) -> Form {
    let broken = random.random_bool(0.33);
    let boundary = if broken {
        pick(random, BOUNDARIES)
    } else {
        BOUNDARIES[0]
    };
    let mut parts: Vec<(&str, &[u8])> = fields
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    if !(broken && random.random_bool(0.1)) {
        parts.push(("picture", image));
    }
    let long = vec![b'7'; 300 << 10];
    if broken {
        match random.random_range(0..12) {
            0 => parts.push(("picture", image)),
            1 => parts.push(("boxes", &long)),
            2 => parts.push(("", b"")),
            3 => parts.extend([("camera", &b""[..]); 200]),
            _ => {}
        }
    }
    parts.shuffle(random);
    let mut body = Vec::new();
    if broken && random.random_bool(0.1) {
        body.extend_from_slice(b"a preamble, which is allowed\r\n");
    }
    for (name, content) in parts {
        part(random, &mut body, boundary, (name, content), broken);
    }
    finish(random, &mut body, boundary, broken);
    Form {
        content_type: content_type(random, boundary, broken),
        body,
    }
}

fn part(random: &mut StdRng, body: &mut Vec<u8>, boundary: &str, (name, content): (&str, &[u8]), broken: bool) {
    let odd = broken && random.random_bool(0.3);
    let extra = if odd { pick(random, HEADERS) } else { "" };
    let end = if odd && random.random_bool(0.2) { "\n" } else { "\r\n" };
    let name = name.replace(['"', '\r', '\n'], "_");
    let file = if name == "picture" { "; filename=\"a.jpg\"" } else { "" };
    let disposition = match random.random_range(0..8) {
        0 if odd => String::new(),
        1 if odd => format!("Content-Disposition: form-data; name={name}{end}"),
        2 if odd => format!("Content-Disposition: attachment; filename*=UTF-8''{name}{end}"),
        3 if odd => format!("Content-Disposition: form-data; name=\"{}\"{end}", "n".repeat(20_000)),
        _ => format!("Content-Disposition: form-data; name=\"{name}\"{file}{end}"),
    };
    body.extend_from_slice(format!("--{boundary}{end}{disposition}{extra}{end}").as_bytes());
    if odd && random.random_bool(0.2) {
        body.extend_from_slice(b"--inner\r\nContent-Disposition: attachment\r\n\r\n");
    }
    body.extend_from_slice(content);
    body.extend_from_slice(end.as_bytes());
}

fn finish(random: &mut StdRng, body: &mut Vec<u8>, boundary: &str, broken: bool) {
    let kind = if broken { random.random_range(0..8) } else { 7 };
    match kind {
        0 => {}
        1 => body.extend_from_slice(format!("--{boundary}").as_bytes()),
        2 => body.extend_from_slice(format!("--{boundary}--\r\nan epilogue\r\n--{boundary}\r\n").as_bytes()),
        3 => body.truncate(random.random_range(0..=body.len())),
        4 => picture::scratch(random, body, &[vec![0]]),
        _ => body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes()),
    }
}

fn content_type(random: &mut StdRng, boundary: &str, broken: bool) -> String {
    if broken && random.random_bool(0.2) {
        let odd = &[
            "multipart/form-data",
            "multipart/",
            "multipart/mixed; boundary=boundary",
            "Multipart/Form-Data;boundary=boundary;boundary=x",
        ];
        return pick(random, odd).to_owned();
    }
    let quoted = boundary.is_empty() || boundary.contains([' ', '(', ')', ',', '/', ':', '=', '?']);
    let mark = if quoted { "\"" } else { "" };
    format!("multipart/form-data; boundary={mark}{boundary}{mark}")
}
