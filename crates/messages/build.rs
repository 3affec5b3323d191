//! Compiles the message schemas, in pure Rust: no protoc is needed.

use std::{error::Error, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto-schemas");
    let file = schemas.join("citytrack/detections/v1/batches.proto");
    println!("cargo:rerun-if-changed={}", file.display());
    let descriptors = protox::compile([&file], [&schemas])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
