//! JSON lines: one frame a line, in the shape in which frames are posted.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::recording::{LineError, Notes, RecordedFrame, Recording};
use crate::wire::{Detection, Frame};

/// What follows a recording of a single moment, if it is played again and again.
const LENGTH_OF_ONE_FRAME: Duration = Duration::from_secs(1);

/// Reads JSON lines. `captured_at` gives the pace; lines may come in any order.
///
/// # Errors
/// The first line that cannot be read, or that the server would certainly refuse.
pub fn parse(text: &str) -> Result<Recording, LineError> {
    let mut frames = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        if !content.trim().is_empty() {
            let (frame, _) = parse_line(content).map_err(|what| LineError { line, what })?;
            frames.push(frame);
        }
    }
    frames.sort_by_key(|frame| frame.captured_at);
    let start = frames.first().map_or(Timestamp::UNIX_EPOCH, |frame| frame.captured_at);
    let frames: Vec<RecordedFrame> = frames.into_iter().map(|frame| recorded(frame, start)).collect();
    Ok(Recording {
        length: length(&frames),
        frames,
        notes: Notes::default(),
    })
}

/// A line: a frame as it is posted, and the file of its picture.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    camera: String,
    frame: Option<u64>,
    captured_at: Timestamp,
    width: Option<u32>,
    height: Option<u32>,
    detections: Vec<Detection>,
    image: Option<PathBuf>,
}

/// Reads a line: a frame, and the file of its picture, if it names one.
///
/// # Errors
/// What is wrong with it, and in which column.
pub fn parse_line(content: &str) -> Result<(Frame, Option<PathBuf>), String> {
    let line: Line = serde_json::from_str(content).map_err(|error| {
        // The parser sees one line at a time, so its line number would only confuse.
        let column = error.column();
        let what = error.to_string().replace(&format!(" at line 1 column {column}"), "");
        format!("column {column}: {what}")
    })?;
    let frame = Frame {
        camera: line.camera,
        frame: line.frame,
        captured_at: line.captured_at,
        width: line.width,
        height: line.height,
        detections: line.detections,
    };
    frame.check()?;
    Ok((frame, line.image))
}

fn recorded(frame: Frame, start: Timestamp) -> RecordedFrame {
    RecordedFrame {
        at: Duration::try_from(frame.captured_at.duration_since(start)).unwrap_or_default(),
        camera: frame.camera,
        number: frame.frame,
        width: frame.width,
        height: frame.height,
        detections: frame.detections,
    }
}

/// From the first moment to the last, and the usual step on to the next.
fn length(frames: &[RecordedFrame]) -> Duration {
    let mut moments: Vec<Duration> = frames.iter().map(|frame| frame.at).collect();
    moments.dedup();
    let steps = u32::try_from(moments.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let last = moments.last().copied().unwrap_or_default();
    last + last.checked_div(steps).unwrap_or(LENGTH_OF_ONE_FRAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = r#"
{"camera":"b","captured_at":"2026-11-22T10:00:00.2Z","detections":[]}
{"camera":"a","frame":7,"captured_at":"2026-11-22T11:00:00.1+01:00","width":640,"height":480,"detections":[{"class":"dog","confidence":0.5,"box":[0,0,1,1],"track_id":3}]}
{"camera":"a","captured_at":"2026-11-22T10:00:00.3Z","detections":[]}
"#;

    #[test]
    fn captured_at_gives_order_and_pace() {
        let recording = parse(LINES).unwrap();
        let order: Vec<_> = recording
            .frames
            .iter()
            .map(|f| (f.camera.as_str(), f.at.as_millis()))
            .collect();
        assert_eq!(order, [("a", 0), ("b", 100), ("a", 200)]);
        assert_eq!(recording.length, Duration::from_millis(300));
        assert_eq!(recording.frames[0].number, Some(7));
        assert_eq!(recording.frames[0].detections[0].track_id, Some(3));
    }

    #[test]
    fn a_single_moment_has_a_length_too() {
        let recording = parse(r#"{"camera":"a","captured_at":"2026-11-22T10:00:00Z","detections":[]}"#).unwrap();
        assert_eq!(recording.length, LENGTH_OF_ONE_FRAME);
        assert!(parse("").unwrap().frames.is_empty());
    }

    #[test]
    fn errors_say_which_line_and_what() {
        let error = |line: &str| parse(&format!("\n{line}\n")).unwrap_err();
        let missing = error(r#"{"camera":"a","detections":[]}"#);
        assert_eq!(
            missing,
            LineError {
                line: 2,
                what: "column 30: missing field `captured_at`".to_owned()
            }
        );
        let unknown = error(r#"{"camera":"a","captured_at":"2026-11-22T10:00:00Z","detections":[],"colour":1}"#);
        assert!(unknown.what.contains("unknown field `colour`"), "{}", unknown.what);
        let name = error(r#"{"camera":"a b","captured_at":"2026-11-22T10:00:00Z","detections":[]}"#);
        assert!(name.what.contains("camera \"a b\""), "{}", name.what);
    }
}
