//! Compiles the message schemas, in pure Rust: no protoc is needed.

use std::{error::Error, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto-schemas");
    let files = ["detections/v1/batches.proto", "images/v1/images.proto"];
    let files = files.map(|file| schemas.join("citytrack").join(file));
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    let descriptors = protox::compile(&files, [&schemas])?;
    // Pictures are large: they are shared, not copied.
    prost_build::Config::new()
        .bytes([
            ".citytrack.images.v1.ImageUpload.picture",
            ".citytrack.images.v1.Ready.original",
            ".citytrack.images.v1.Picture.bytes",
        ])
        .compile_fds(descriptors)?;
    Ok(())
}
