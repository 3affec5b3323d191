//! Pictures with bytes changed, lost, doubled and mixed: every answer is an answer. `fuzz/` goes on with this for longer.

use citytrack_images::{Limits, Objects, Refused, inspect};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{object, odd, pixels, variants};

const PICTURES: &[&str] = &[
    "baseline.jpg",
    "progressive.jpg",
    "restarts.jpg",
    "cmyk.jpg",
    "palette.png",
    "transparent.png",
    "animated.png",
    "lossy.webp",
    "lossless.webp",
    "transparent.webp",
    "animated.webp",
];

/// One to four changes somewhere, more often near the beginning, where the headers are.
fn mutated(random: &mut StdRng, picture: &[u8], other: &[u8]) -> Vec<u8> {
    let mut picture = picture.to_vec();
    for _ in 0..random.random_range(1..5) {
        let end = if random.random_bool(0.5) {
            picture.len()
        } else {
            picture.len().min(200)
        };
        let at = random.random_range(0..end.max(1));
        let length = random.random_range(1..64).min(picture.len() - at);
        match random.random_range(0..6) {
            0 => picture[at] ^= 1 << random.random_range(0..8),
            1 => picture[at] = random.random(),
            2 => picture[at..at + length].fill(if random.random() { 0xFF } else { 0 }),
            3 => drop(picture.drain(at..at + length)),
            4 => {
                let again = picture[at..at + length].to_vec();
                picture.splice(at..at, again);
            }
            _ => {
                let from = random.random_range(0..other.len());
                picture.splice(at.., other[from..].iter().copied());
            }
        }
        if picture.is_empty() {
            break;
        }
    }
    picture
}

#[test]
fn whatever_comes_there_is_an_answer() {
    let mut random = StdRng::seed_from_u64(2026);
    let pictures: Vec<_> = PICTURES.iter().map(|name| odd(name)).collect();
    let person = [object("person", 0.5, [0.2, 0.1, 0.5, 0.8])];
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..1500 {
        let [one, other] = [0, 1].map(|_| &pictures[random.random_range(0..pictures.len())]);
        let picture = mutated(&mut random, one, other);
        // Claims of many pixels are allowed, and take long to fill; they are the fuzzer's.
        let limits = Limits {
            pixels: 1_000_000,
            ..Limits::default()
        };
        if inspect(&picture, limits).is_err() {
            refused += 1;
            continue;
        }
        match variants(&picture, Objects::Known(&person)) {
            Ok(made) => {
                let anonymised = made.anonymised.unwrap();
                assert_eq!((anonymised.width, anonymised.height), (made.width, made.height));
                pixels(&anonymised);
                taken += 1;
            }
            Err(_) => refused += 1,
        }
    }
    // Else nothing is tried but the first bytes, or nothing is broken.
    assert!(taken > 50 && refused > 200, "{taken} taken, {refused} refused");
}

#[test]
fn what_is_said_of_the_first_bytes_stays_true() {
    for name in PICTURES {
        let picture = odd(name);
        let whole = inspect(&picture, Limits::default()).unwrap();
        let mut known = false;
        for end in 0..picture.len() {
            match inspect(&picture[..end], Limits::default()) {
                Ok(header) => {
                    assert_eq!(header, whole, "{name} at {end}");
                    known = true;
                }
                Err(refused) => assert!(refused == Refused::Incomplete && !known, "{name} at {end}: {refused}"),
            }
        }
    }
}
