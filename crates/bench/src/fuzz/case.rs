//! One request to `POST /api/v1/images`, made of random numbers: the same numbers make the same request, but for its times.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{details, form, one_of, pick, picture};

/// A request as it goes over the connection.
pub(super) struct Case {
    /// The request line and the header fields, the key among them.
    pub(super) head: Vec<u8>,
    /// The body as it is sent, in pieces.
    pub(super) pieces: Vec<Vec<u8>>,
    /// Between two pieces.
    pub(super) pause: Duration,
    pub(super) end: End,
    /// It is no valid HTTP, or not all of it: such a one may go without an answer.
    pub(super) lame: bool,
    /// The picture in it, as it was damaged.
    pub(super) picture: Vec<u8>,
}

/// What comes behind the last piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The answer.
    Whole,
    /// Nothing, although more was announced: 408.
    Silence,
    /// The end of our side of the connection, although more was announced.
    HangUp,
}

/// What requests are made of.
pub(super) struct Material {
    pub(super) pictures: Vec<Vec<u8>>,
    pub(super) keys: Vec<String>,
    pub(super) host: String,
    pub(super) seed: u64,
}

impl Material {
    /// Request number so and so.
    pub(super) fn case(&self, number: u64, now: Timestamp) -> Case {
        let random = &mut StdRng::seed_from_u64(self.seed.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let image = picture::damaged(random, &self.pictures);
        let as_form = random.random_bool(0.5);
        let fields = details::fields(random, now);
        let (mut in_query, in_form) = if as_form {
            (Vec::new(), fields)
        } else {
            (fields, Vec::new())
        };
        if random.random_bool(0.7) {
            in_query.push(("wait".to_owned(), details::wait(random)));
        }
        let (content_type, body) = if as_form {
            let form = form::form(random, &image, &in_form);
            (form.content_type, form.body)
        } else {
            let types = ["image/jpeg", "text/plain", "application/json", "image/*", "\"", ""];
            (pick(random, &types).to_owned(), image.clone())
        };
        let (query, lame) = query(random, &in_query);
        let mut head = format!(
            "POST /api/v1/images{query} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.host
        );
        // Writing to a string does not fail.
        let _ = write!(head, "Content-Type: {content_type}\r\n");
        let mut head = head.into_bytes();
        let key = one_of(random, &self.keys);
        head.extend(authorization(random, key));
        let mut case = Case {
            head,
            pieces: Vec::new(),
            pause: Duration::ZERO,
            end: End::Whole,
            lame,
            picture: image,
        };
        case.extra_fields(random, now);
        case.body(random, body);
        case
    }

    /// A photograph as a node sends it, and waits for it.
    pub(super) fn good(&self) -> Case {
        let picture = self.pictures.iter().find(|picture| picture.starts_with(b"\xFF\xD8"));
        let picture = picture.unwrap_or(&self.pictures[0]).clone();
        let head = format!(
            "POST /api/v1/images?camera=entrance&boxes=%5B%5D&wait=5s HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            self.host,
            self.keys[0],
            picture.len()
        );
        Case {
            head: head.into_bytes(),
            pieces: vec![picture.clone()],
            pause: Duration::ZERO,
            end: End::Whole,
            lame: false,
            picture,
        }
    }
}

impl Case {
    /// Header fields that are sometimes there.
    fn extra_fields(&mut self, random: &mut StdRng, now: Timestamp) {
        let mut add = |name: &str, value: &str| self.head.extend(format!("{name}: {value}\r\n").into_bytes());
        if random.random_bool(0.3) {
            add("Idempotency-Key", &details::id(random, now));
        }
        if random.random_bool(0.05) {
            add("Content-Encoding", pick(random, &["gzip", "identity", "br, gzip", ""]));
        }
        if random.random_bool(0.1) {
            let trace = [
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "00-0-0-0",
                "é",
            ];
            add("traceparent", pick(random, &trace));
        }
        if random.random_bool(0.05) {
            add("Expect", "100-continue");
        }
        if random.random_bool(0.02) {
            add("X-Long", &"x".repeat(random.random_range(1..60_000)));
        }
        if random.random_bool(0.02) {
            (0..random.random_range(1..60)).for_each(|number| add(&format!("X-{number}"), "x"));
        }
        if random.random_bool(0.02) {
            self.lame = true;
            let odd: &[&[u8]] = &[
                b"Transfer-Encoding: gzip\r\n",
                b"Content-Length: 5\r\nContent-Length: 6\r\n",
                b"Content-Length: -5\r\n",
                b"Host: b\r\n",
                b"no colon\r\n",
                b"X: \0\r\n",
                b"Upgrade: h2c\r\nConnection: upgrade\r\n",
            ];
            let odd = pick(random, odd);
            self.head.extend_from_slice(odd);
        }
    }

    /// How the body is sent: whole, in chunks, slowly, in part.
    fn body(&mut self, random: &mut StdRng, mut body: Vec<u8>) {
        let kind = random.random_range(0..20);
        self.end = match kind {
            0 => End::HangUp,
            1 => End::Silence,
            _ => End::Whole,
        };
        if kind < 2 {
            self.lame |= kind == 0;
            body.truncate(random.random_range(0..=body.len() / 2));
        }
        let chunked = random.random_bool(0.35);
        if chunked {
            self.head.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        } else {
            let more = if self.end == End::Whole {
                0
            } else {
                random.random_range(1..100_000)
            };
            let length = format!("Content-Length: {}\r\n\r\n", body.len() + more);
            self.head.extend_from_slice(length.as_bytes());
        }
        let pieces = match random.random_range(0..10) {
            0 => body.len().div_ceil(10).clamp(1, 1 << 20),
            1 => 1_000,
            _ => 1 << 16,
        };
        self.pieces = body.chunks(pieces).take(12_000).map(<[u8]>::to_vec).collect();
        if chunked {
            self.chunk(random);
        }
        if random.random_bool(0.05) && self.pieces.len() < 100 {
            self.pause = Duration::from_millis(1_500) / u32::try_from(self.pieces.len().max(1)).unwrap_or(1);
        }
    }

    fn chunk(&mut self, random: &mut StdRng) {
        let broken = random.random_bool(0.05);
        self.lame |= broken;
        for piece in &mut self.pieces {
            let odd = if broken && random.random_bool(0.5) {
                pick(random, &["-1", "FFFFFFFFFFFFFFFFF", "x", "", "0"])
            } else {
                ""
            };
            let size = if odd.is_empty() {
                format!("{:x}", piece.len())
            } else {
                odd.to_owned()
            };
            *piece = [size.as_bytes(), b"\r\n", piece, b"\r\n"].concat();
        }
        if self.end == End::Whole {
            self.pieces.push(b"0\r\n\r\n".to_vec());
        }
    }
}

fn query(random: &mut StdRng, fields: &[(String, String)]) -> (String, bool) {
    if fields.is_empty() {
        return (String::new(), false);
    }
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, text)| format!("{}={}", escaped(name), escaped(text)))
        .collect();
    let mut query = format!("?{}", pairs.join("&"));
    if random.random_bool(0.02) {
        query.push_str(pick(random, &["&%", "&%ff%fe=1", "&&&", "=", "&camera=%00", "#x"]));
    }
    // What an address may not have, and one that is longer than servers take.
    let mut lame = query.len() > 30_000;
    if random.random_bool(0.005) {
        query.push_str(pick(random, &["&\u{e9}", "& ", "&\u{1}"]));
        lame = true;
    }
    (query, lame)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn authorization(random: &mut StdRng, key: &str) -> Vec<u8> {
    let mut odd = key.as_bytes().to_vec();
    let (line, key): (&[u8], &[u8]) = match random.random_range(0..100) {
        0 => return Vec::new(),
        1 => (b"Authorization: Basic ", key.as_bytes()),
        2 => (b"Authorization: Bearer ", b"\xFF\xFE"),
        3 => {
            let at = random.random_range(0..odd.len());
            odd[at] = b'!';
            (b"Authorization: Bearer ", &odd)
        }
        4 => (
            b"Authorization: Bearer ",
            b"eyJhbGciOiJub25lIn0.eyJhdWQiOiJ1cGxvYWQifQ.",
        ),
        5 => (b"authorization: bearer ", key.as_bytes()),
        _ => (b"Authorization: Bearer ", key.as_bytes()),
    };
    [line, key, b"\r\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_numbers_make_the_same_request() {
        let material = Material {
            pictures: vec![b"\xFF\xD8\xFF\xE0".repeat(20), b"\x89PNG".repeat(20)],
            keys: vec!["ctn_1".to_owned(), "ctn_2".to_owned()],
            host: "127.0.0.1".to_owned(),
            seed: 7,
        };
        let now = Timestamp::UNIX_EPOCH;
        let all = |number| {
            let case = material.case(number, now);
            (case.head, case.pieces.concat(), case.picture)
        };
        let mut different = 0;
        for number in 0..200 {
            assert!(all(number) == all(number), "{number}");
            different += u32::from(all(number) != all(number + 1));
        }
        assert_eq!(different, 200);
    }
}
