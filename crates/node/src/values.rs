//! The values of flags.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;

use crate::timeline::Loops;
use crate::wire;

/// Below this, a single batch could be most of a spool.
const SMALLEST_SPOOL: ByteSize = ByteSize::mib(1);

/// How fast to play.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many times as fast as recorded.
    Times(f64),
    /// As fast as the server takes it.
    Max,
}

/// A recording, and perhaps a name for its camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingArg {
    /// The file.
    pub file: PathBuf,
    /// The name of its camera.
    pub camera: Option<String>,
}

impl RecordingArg {
    /// `FILE` or `FILE:CAMERA`; a file that exists under the whole name is meant itself.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.rsplit_once(':') {
            Some((file, camera)) if !file.is_empty() && !camera.contains('/') && !Path::new(text).exists() => {
                wire::check_camera(camera)?;
                Ok(Self {
                    file: file.into(),
                    camera: Some(camera.to_owned()),
                })
            }
            _ => Ok(Self {
                file: text.into(),
                camera: None,
            }),
        }
    }
}

impl Speed {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "max" {
            Ok(Self::Max)
        } else {
            positive_number(text).map(Self::Times)
        }
    }
}

pub(crate) fn loops(text: &str) -> Result<Loops, String> {
    match text {
        "forever" => Ok(Loops::Forever),
        times => match times.parse() {
            Ok(times) if times > 0 => Ok(Loops::Times(times)),
            _ => Err("not a number of times, 1 or more".to_owned()),
        },
    }
}

pub(crate) fn class(text: &str) -> Result<String, String> {
    wire::check_class(text).map(|()| text.to_owned())
}

pub(crate) fn positive_number(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.001..=100_000.0).contains(&number) => Ok(number),
        _ => Err("not a number between 0.001 and 100000".to_owned()),
    }
}

pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) => Err("must be more than nothing".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(crate) fn spool_size(text: &str) -> Result<ByteSize, String> {
    match text.parse() {
        Ok(size) if size >= SMALLEST_SPOOL => Ok(size),
        Ok(_) => Err(format!("must be {SMALLEST_SPOOL} or more")),
        Err(error) => Err(error),
    }
}

pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| "not a number, 1 or more".to_owned())
}
