//! A recording: frames with the time of each, read and checked as a whole before the first one is sent.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::geometry::ImageSize;
use crate::wire::{Detection, Frame};
use crate::{jsonl, mot};
use jiff::Timestamp;

/// What one or more cameras saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// In the order of time.
    pub frames: Vec<RecordedFrame>,
    /// From the first frame to the moment at which the next one would have come: where a loop begins again.
    pub length: Duration,
    /// What was changed while reading.
    pub notes: Notes,
}

/// A frame without a date.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedFrame {
    /// The time since the recording's first frame.
    pub at: Duration,
    /// The camera's name.
    pub camera: String,
    /// The frame's number in the file.
    pub number: Option<u64>,
    /// The image's width in pixels.
    pub width: Option<u32>,
    /// The image's height in pixels.
    pub height: Option<u32>,
    /// What was seen.
    pub detections: Vec<Detection>,
}

/// What was changed while reading. Nothing is changed in silence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notes {
    /// Boxes that hung over the edge of the image, and were cut off there.
    pub clipped: u64,
    /// Boxes of which nothing was inside the image. They are left out.
    pub outside: u64,
    /// Boxes without a confidence (-1). They are sent as certain.
    pub unscored: u64,
}

/// How to read files that say little about themselves.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The size of the images. Needed for MOT files, which are in pixels.
    pub size: Option<ImageSize>,
    /// Frames per second of MOT files.
    pub fps: f64,
    /// What the boxes of MOT files show.
    pub class: String,
}

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read at all.
    #[error("cannot read {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not what it should be.
    #[error("{}:{line}: {what}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// The file as a whole cannot be played.
    #[error("{}: {what}", file.display())]
    Unplayable {
        /// The file.
        file: PathBuf,
        /// Why.
        what: &'static str,
    },
}

/// A line that cannot be read, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct LineError {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl Recording {
    /// Reads a file: JSON lines if it begins with `{`, MOT text otherwise. `camera` is the name for the frames of MOT text,
    /// by default made from the file's name; the frames of JSON lines bring their own.
    ///
    /// # Errors
    /// The file, the line and what is wrong with it.
    pub fn open(file: &Path, camera: Option<&str>, options: &ReadOptions) -> Result<Self, ReadError> {
        let unplayable = |what| ReadError::Unplayable {
            file: file.to_owned(),
            what,
        };
        let text = fs::read_to_string(file).map_err(|source| ReadError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        let text = text.trim_start_matches('\u{feff}');
        let parsed = if text.trim_start().starts_with('{') {
            if camera.is_some() {
                return Err(unplayable(
                    "JSON lines name their cameras themselves; leave out :CAMERA",
                ));
            }
            jsonl::parse(text)
        } else {
            let size = options
                .size
                .ok_or_else(|| unplayable("MOT text is in pixels: give the image size, --size WIDTHxHEIGHT"))?;
            let camera = camera.map_or_else(|| camera_from(file), str::to_owned);
            mot::parse(
                text,
                &mot::Form {
                    camera: &camera,
                    class: &options.class,
                    size,
                    fps: options.fps,
                },
            )
        };
        let recording = parsed.map_err(|LineError { line, what }| ReadError::Line {
            file: file.to_owned(),
            line,
            what,
        })?;
        if recording.frames.is_empty() {
            Err(unplayable("there is no frame in it"))
        } else {
            Ok(recording)
        }
    }

    /// Tells this recording from others, to go on with it where it stopped.
    pub fn fingerprint(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        for frame in &self.frames {
            hasher.update(format!("{frame:?}").as_bytes());
        }
        hasher.finalize()
    }

    /// The number of detections.
    pub fn detections(&self) -> usize {
        self.frames.iter().map(|frame| frame.detections.len()).sum()
    }

    /// The names of its cameras, each once.
    pub fn cameras(&self) -> Vec<&str> {
        let mut cameras: Vec<&str> = self.frames.iter().map(|frame| frame.camera.as_str()).collect();
        cameras.sort_unstable();
        cameras.dedup();
        cameras
    }
}

impl RecordedFrame {
    /// The frame as it is sent, seen now.
    pub fn captured(&self, captured_at: Timestamp) -> Frame {
        Frame {
            camera: self.camera.clone(),
            frame: self.number,
            captured_at,
            width: self.width,
            height: self.height,
            detections: self.detections.clone(),
        }
    }
}

impl Notes {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            clipped: self.clipped + other.clipped,
            outside: self.outside + other.outside,
            unscored: self.unscored + other.unscored,
        }
    }
}

/// The camera's name, from the file's: without the extension, and with `-` for what a name cannot hold.
fn camera_from(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let clean = |c: char| {
        if c.is_ascii_alphanumeric() || "_.-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = stem.chars().map(clean).take(64).collect();
    if name.is_empty() { "camera".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn options(size: Option<ImageSize>) -> ReadOptions {
        ReadOptions {
            size,
            fps: 25.0,
            class: "person".to_owned(),
        }
    }

    fn file(content: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::Builder::new()
            .prefix("north gate")
            .suffix(".txt")
            .tempfile()
            .unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_file_shows_by_its_content_what_it_is() {
        let vga = Some(ImageSize {
            width: 640,
            height: 480,
        });
        let mot = file("\u{feff}1,-1,10,10,20,20,0.5,-1,-1,-1\n");
        let recording = Recording::open(mot.path(), None, &options(vga)).unwrap();
        assert!(recording.cameras()[0].starts_with("north-gate"));
        assert_eq!(
            Recording::open(mot.path(), Some("door"), &options(vga))
                .unwrap()
                .cameras(),
            ["door"]
        );

        let lines = file(r#"{"camera":"hall","captured_at":"2026-11-22T10:00:00Z","detections":[]}"#);
        assert_eq!(
            Recording::open(lines.path(), None, &options(None)).unwrap().cameras(),
            ["hall"]
        );
        assert!(Recording::open(lines.path(), Some("door"), &options(None)).is_err());
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        let vga = Some(ImageSize {
            width: 640,
            height: 480,
        });
        let bad = file("1,-1,10,10,20,20,0.5\n1,-1,10\n");
        let error = Recording::open(bad.path(), None, &options(vga))
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            format!(
                "{}:2: 3 columns, at least 7 are needed: frame, id, left, top, width, height, confidence",
                bad.path().display()
            )
        );
        let error = Recording::open(bad.path(), None, &options(None))
            .unwrap_err()
            .to_string();
        assert!(error.contains("--size"), "{error}");
        assert!(Recording::open(file("\n").path(), None, &options(vga)).is_err());
        assert!(Recording::open(Path::new("missing.txt"), None, &options(vga)).is_err());
    }
}
