//! Makes the variants of a picture, to look at, and says how long one takes.
//!
//!     cargo run --release -p citytrack-images --example variants -- PICTURE FOLDER [TIMES] [CLASS=LEFT,TOP,WIDTH,HEIGHT]...
//!
//! Boxes are parts of the picture, 0 to 1. Without any nobody is there; `unknown` in place of them pixelates everything.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::time::Instant;

use citytrack_domain::{BoundingBox, Class, Confidence, Detection};
use citytrack_images::{Limits, Marks, Objects, Wanted, transform};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [picture, folder, rest @ ..] = arguments.as_slice() else {
        return Err("variants PICTURE FOLDER [TIMES] [CLASS=LEFT,TOP,WIDTH,HEIGHT]...".into());
    };
    let times: u32 = rest.first().map_or(Ok(1), |times| times.parse())?;
    let boxes = rest.get(1..).unwrap_or_default();
    let is_unknown = boxes.first().is_some_and(|first| first == "unknown");
    let objects = if is_unknown {
        Vec::new()
    } else {
        boxes.iter().map(|text| object(text)).collect::<Result<_, _>>()?
    };

    let hidden = [Class::new("person")?, Class::new("face")?];
    let stamp = ["2026-11-23 14:05:09 +01:00".to_owned(), "Demo venue · north".to_owned()];
    let objects = if is_unknown {
        Objects::Unknown
    } else {
        Objects::Known(&objects)
    };
    let marks = Marks {
        objects,
        hidden: &hidden,
        stamp: &stamp,
    };
    let wanted = Wanted {
        thumbnail: true,
        annotated: true,
        anonymised: true,
    };

    let bytes = std::fs::read(picture)?;
    let begin = Instant::now();
    let mut made = transform(&bytes, &marks, wanted, Limits::default())?;
    for _ in 1..times {
        made = transform(&bytes, &marks, wanted, Limits::default())?;
    }
    println!(
        "{} × {}: {:.2} ms",
        made.width,
        made.height,
        begin.elapsed().as_secs_f64() * 1000.0 / f64::from(times)
    );
    let variants = [
        ("thumbnail", made.thumbnail),
        ("annotated", made.annotated),
        ("anonymised", made.anonymised),
    ];
    for (name, variant) in variants {
        let jpeg = variant.map(|variant| variant.jpeg).unwrap_or_default();
        println!("{name}: {} bytes", jpeg.len());
        std::fs::write(format!("{folder}/{name}.jpg"), jpeg)?;
    }
    Ok(())
}

/// `car=0.1,0.2,0.3,0.4`
fn object(text: &str) -> Result<Detection, Box<dyn Error>> {
    let (class, parts) = text.split_once('=').ok_or("a box is CLASS=LEFT,TOP,WIDTH,HEIGHT")?;
    let parts: Vec<f64> = parts.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let parts = <[f64; 4]>::try_from(parts).map_err(|_| "a box has four numbers")?;
    Ok(Detection {
        class: Class::new(class)?,
        confidence: Confidence::new(0.87)?,
        bounding_box: BoundingBox::new(parts)?,
        track_id: None,
    })
}
