//! What is said about a picture, right and wrong: fields of the query and of forms.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::{one_of, pick};

const NAMES: &[&str] = &["camera", "captured_at", "frame", "boxes", "id"];
const CAMERAS: &[&str] = &[
    "entrance",
    "",
    "front door",
    "../../etc",
    "a\u{0}b",
    "Tür",
    "a'; drop table image; --",
];
const TIMES: &[&str] = &[
    "yesterday",
    "2020-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "2026-02-30T00:00:00Z",
    "-1",
    "1e9",
];
const FRAMES: &[&str] = &[
    "0",
    "9223372036854775807",
    "9223372036854775808",
    "-1",
    "1.5",
    "NaN",
    "0x10",
    " 7",
];
const IDS: &[&str] = &[
    "17",
    "00000000-0000-7000-8000-000000000000",
    "d9428888-122b-4c1b-9c5e-1f9d2c3b4a5e",
    "ffffffff-ffff-7fff-bfff-ffffffffffff",
];
const WAITS: &[&str] = &[
    "0s",
    "500ms",
    "2s",
    "2s",
    "1h",
    "soon",
    "-1s",
    "99999999999999999999y",
    "1e9s",
    "",
];
const CLASSES: &[&str] = &[
    "person",
    "face",
    "car",
    "",
    "\u{202e}person",
    "Person of an unusually long class name that nobody has",
];
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "0.5",
    "-0.0",
    "-1",
    "1e999",
    "1e-999",
    "2",
    "null",
    "\"1\"",
    "0.30000000000000004",
    "18446744073709551616",
    "[]",
];

/// Fields by their names: most of the time sensible ones.
pub(super) fn fields(random: &mut StdRng, now: Timestamp) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for name in NAMES {
        if random.random_bool(0.3) {
            fields.push(((*name).to_owned(), value(random, name, now)));
        }
    }
    if random.random_bool(0.05) && !fields.is_empty() {
        let again = one_of(random, &fields).clone();
        fields.push(again);
    }
    if random.random_bool(0.04) {
        let name = pick(random, &["camra", "", "picture", "boxes[]", "wait", "\u{0}"]);
        fields.push((name.to_owned(), text(random)));
    }
    fields
}

/// `wait`, as text.
pub(super) fn wait(random: &mut StdRng) -> String {
    let waits = if random.random_bool(0.8) { &["2s"] } else { WAITS };
    pick(random, waits).to_owned()
}

/// An id that may be used, or one that may not.
pub(super) fn id(random: &mut StdRng, now: Timestamp) -> String {
    if random.random_bool(0.2) {
        return pick(random, IDS).to_owned();
    }
    // Of few different ones, so that pictures come again under the same.
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0) / 60_000 * 60_000;
    let mut bytes = [0; 10];
    bytes[9] = random.random_range(0..200);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes)
        .into_uuid()
        .to_string()
}

fn value(random: &mut StdRng, name: &str, now: Timestamp) -> String {
    if random.random_bool(0.03) {
        return text(random);
    }
    let odd = random.random_bool(0.15);
    let odd_one = match name {
        "camera" => CAMERAS,
        "captured_at" => TIMES,
        "frame" => FRAMES,
        "id" => return id(random, now),
        _ => return boxes(random, odd),
    };
    match name {
        _ if odd => pick(random, odd_one).to_owned(),
        "camera" => "entrance".to_owned(),
        "frame" => random.random_range(0..1_000_000).to_string(),
        _ => (now - SignedDuration::from_secs(random.random_range(0..600_000))).to_string(),
    }
}

/// What a detector saw, as JSON.
fn boxes(random: &mut StdRng, odd: bool) -> String {
    if odd && random.random_bool(0.2) {
        let deep = random.random_range(1..20_000);
        return pick(random, &["[", "{\"box\":", "[{\"class\":"]).repeat(deep);
    }
    let most = if odd { 700 } else { 12 };
    let one = |random: &mut StdRng| {
        let class = if odd { pick(random, CLASSES) } else { "person" };
        let thousandths: [u32; 4] = std::array::from_fn(|_| random.random_range(0..500));
        let mut numbers = thousandths.map(|part| format!("0.{part:03}"));
        if odd && random.random_bool(0.3) {
            let at = random.random_range(0..4);
            pick(random, NUMBERS).clone_into(&mut numbers[at]);
        }
        format!(
            "{{\"class\":\"{class}\",\"confidence\":0.9,\"box\":[{}]}}",
            numbers.join(",")
        )
    };
    let list: Vec<_> = (0..random.random_range(0..most)).map(|_| one(random)).collect();
    let mut json = format!("[{}]", list.join(","));
    if odd && random.random_bool(0.4) {
        let length = random.random_range(0..json.len());
        json.truncate(json.floor_char_boundary(length));
    }
    json
}

/// Any characters.
pub(super) fn text(random: &mut StdRng) -> String {
    let length = random.random_range(0..300);
    (0..length)
        .map(|_| char::from_u32(random.random_range(0..0x3000)).unwrap_or('x'))
        .collect()
}
