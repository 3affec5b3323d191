//! What happens to the bytes of an upload, whatever they are: the look at the header while they come, then all variants.
//!
//! Panics of decoders are caught by the crate, as in the worker, and are not what is looked for; set `PANICS=1` to see them.

#![no_main]

use std::sync::Once;

use citytrack_domain::{BoundingBox, Class, Confidence, Detection};
use citytrack_images::{Limits, Marks, Objects, Refused, Wanted, inspect, transform};
use libfuzzer_sys::fuzz_target;

static SETUP: Once = Once::new();

/// Small, so that the fuzzer gets through many pictures in a second; claims of more are refused by the same line of code.
const LIMITS: Limits = Limits { pixels: 4_000_000 };

fuzz_target!(|picture: &[u8]| {
    SETUP.call_once(|| {
        if std::env::var_os("PANICS").is_none() {
            std::panic::set_hook(Box::new(|_| ()));
        }
    });
    let whole = inspect(picture, LIMITS);
    // As it comes: what is said about the beginning stays true.
    let early = inspect(&picture[..picture.len() / 2], LIMITS);
    assert!(early == whole || early == Err(Refused::Incomplete), "{early:?} became {whole:?}");

    let person = Detection {
        class: Class::new("person").expect("a class"),
        confidence: Confidence::from_checked(0.5),
        bounding_box: BoundingBox::from_checked([0.2, 0.1, 0.5, 0.8]),
        track_id: None,
    };
    let (hidden, stamp) = ([person.class.clone()], ["2026-11-23 14:05:09 · north".to_owned()]);
    let objects = [person];
    let marks = Marks { objects: Objects::Known(&objects), hidden: &hidden, stamp: &stamp };
    let wanted = Wanted { thumbnail: true, annotated: true, anonymised: true };
    if let Ok(made) = transform(picture, &marks, wanted, LIMITS) {
        assert!(whole.is_ok() && made.anonymised.is_some_and(|variant| variant.jpeg.ends_with(b"\xFF\xD9")));
    }
});
