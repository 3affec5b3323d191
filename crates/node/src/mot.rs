//! MOT text, the form of the Multiple Object Tracking Benchmark: one box a line,
//! `frame,id,left,top,width,height,confidence,…`, in pixels, frames counted from 1, id -1 where there is no track.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::geometry::{ImageSize, PixelBox};
use crate::recording::{LineError, Notes, RecordedFrame, Recording};
use crate::wire::Detection;

/// More frames than this between the first and the last (several days of video) are a broken file, not a recording.
const MOST_FRAMES: u64 = 10_000_000;

/// What a MOT file does not say about itself.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    /// The name of the camera.
    pub camera: &'a str,
    /// What the boxes show.
    pub class: &'a str,
    /// The size of the images.
    pub size: ImageSize,
    /// Frames per second.
    pub fps: f64,
}

/// One line.
struct Row {
    frame: u64,
    track_id: Option<i64>,
    pixels: PixelBox,
    confidence: Option<f64>,
}

/// Reads MOT text. Lines may come in any order. Frames from the first to the last that no line mentions are empty frames:
/// the detector looked, and saw nothing.
///
/// # Errors
/// The first line that cannot be read.
pub fn parse(text: &str, form: &Form<'_>) -> Result<Recording, LineError> {
    let mut boxes: BTreeMap<u64, Vec<Detection>> = BTreeMap::new();
    let mut notes = Notes::default();
    for (line, content) in (1..).zip(text.lines()) {
        if content.trim().is_empty() {
            continue;
        }
        let row = Row::parse(content).map_err(|what| LineError { line, what })?;
        let first = boxes.first_key_value().map_or(row.frame, |(first, _)| *first);
        if row.frame.abs_diff(first) > MOST_FRAMES {
            return Err(LineError {
                line,
                what: format!("frame {} is too far from frame {first}", row.frame),
            });
        }
        let frame = boxes.entry(row.frame).or_default();
        frame.extend(row.detection(form, &mut notes));
    }
    Ok(recording(boxes, form, notes))
}

#[expect(clippy::cast_precision_loss, reason = "MOST_FRAMES is far below 2^52")]
fn recording(mut boxes: BTreeMap<u64, Vec<Detection>>, form: &Form<'_>, notes: Notes) -> Recording {
    let first = boxes.first_key_value().map_or(1, |(first, _)| *first);
    let last = boxes.last_key_value().map_or(0, |(last, _)| *last);
    // From the number of frames each time: adding up rounded steps would drift.
    let after = |frames: u64| Duration::from_secs_f64(frames as f64 / form.fps);
    let frames: Vec<RecordedFrame> = (first..=last)
        .map(|number| RecordedFrame {
            at: after(number - first),
            camera: form.camera.to_owned(),
            number: Some(number),
            width: Some(form.size.width),
            height: Some(form.size.height),
            detections: boxes.remove(&number).unwrap_or_default(),
        })
        .collect();
    Recording {
        length: after(frames.len() as u64),
        frames,
        notes,
    }
}

impl Row {
    fn parse(line: &str) -> Result<Self, String> {
        let columns: Vec<&str> = if line.contains(',') {
            line.split(',').map(str::trim).collect()
        } else {
            line.split_whitespace().collect()
        };
        let [frame, id, left, top, width, height, confidence, ..] = columns[..] else {
            let names = "frame, id, left, top, width, height, confidence";
            return Err(format!("{} columns, at least 7 are needed: {names}", columns.len()));
        };
        let frame = u64::try_from(whole("frame", frame)?).map_err(|_| format!("frame {frame} is negative"))?;
        let track_id = Some(whole("id", id)?).filter(|id| *id >= 0);
        let pixels = PixelBox {
            left: number("left", left)?,
            top: number("top", top)?,
            width: extent("width", width)?,
            height: extent("height", height)?,
        };
        let confidence = match number("confidence", confidence)? {
            -1.0 => None,
            known if (0.0..=1.0).contains(&known) => Some(known),
            other => return Err(format!("confidence {other} is not between 0 and 1 (or -1: not known)")),
        };
        Ok(Self {
            frame,
            track_id,
            pixels,
            confidence,
        })
    }

    /// The detection in parts of the image, unless nothing of it is inside.
    fn detection(self, form: &Form<'_>, notes: &mut Notes) -> Option<Detection> {
        let Some(parts) = self.pixels.to_parts(form.size) else {
            notes.outside += 1;
            return None;
        };
        notes.clipped += u64::from(parts.clipped);
        notes.unscored += u64::from(self.confidence.is_none());
        Some(Detection {
            class: form.class.to_owned(),
            confidence: self.confidence.unwrap_or(1.0),
            bounds: parts.bounds,
            track_id: self.track_id,
        })
    }
}

fn number(name: &str, text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("{name} {text:?} is not a number"))?;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(format!("{name} {text} is not a number"))
    }
}

fn extent(name: &str, text: &str) -> Result<f64, String> {
    let value = number(name, text)?;
    if value < 0.0 {
        Err(format!("{name} {text} is negative"))
    } else {
        Ok(value)
    }
}

/// A whole number. Some tools write them as `17.0`.
fn whole(name: &str, text: &str) -> Result<i64, String> {
    let digits = text
        .split_once('.')
        .filter(|(_, rest)| rest.bytes().all(|b| b == b'0'))
        .map_or(text, |(whole, _)| whole);
    digits
        .parse()
        .map_err(|_| format!("{name} {text:?} is not a whole number"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORM: Form<'_> = Form {
        camera: "entrance",
        class: "person",
        size: ImageSize {
            width: 640,
            height: 480,
        },
        fps: 25.0,
    };

    #[test]
    fn boxes_become_frames_and_gaps_become_empty_frames() {
        let recording = parse("5,7,64,48,128,240,0.9,-1,-1,-1\r\n\n2, -1, 0, 0, 640, 480, 1 \n", &FORM).unwrap();
        let numbers: Vec<_> = recording
            .frames
            .iter()
            .map(|f| (f.number.unwrap(), f.detections.len()))
            .collect();
        assert_eq!(numbers, [(2, 1), (3, 0), (4, 0), (5, 1)]);
        assert_eq!(recording.frames[3].at, Duration::from_millis(120));
        assert_eq!(recording.length, Duration::from_millis(160));
        let [untracked] = &recording.frames[0].detections[..] else {
            panic!()
        };
        assert_eq!(untracked.track_id, None);
        let [tracked] = &recording.frames[3].detections[..] else {
            panic!()
        };
        let expected = Detection {
            class: "person".to_owned(),
            confidence: 0.9,
            bounds: [0.1, 0.1, 0.2, 0.5],
            track_id: Some(7),
        };
        assert_eq!(*tracked, expected);
    }

    #[test]
    fn blanks_may_separate_columns_and_whole_numbers_may_have_a_point() {
        let recording = parse("1.0 3.00 64 48 128 240 -1 -1 -1 -1", &FORM).unwrap();
        assert_eq!(recording.frames[0].detections[0].track_id, Some(3));
        assert_eq!(
            recording.frames[0].detections[0].confidence.to_bits(),
            1.0_f64.to_bits()
        );
        assert_eq!(
            recording.notes,
            Notes {
                unscored: 1,
                ..Notes::default()
            }
        );
    }

    #[test]
    fn changes_are_counted() {
        let recording = parse("1,1,-10,0,20,20,1\n1,2,700,0,20,20,1\n1,3,0,0,20,20,1", &FORM).unwrap();
        assert_eq!(
            recording.notes,
            Notes {
                clipped: 1,
                outside: 1,
                unscored: 0
            }
        );
        assert_eq!(recording.detections(), 2);
    }

    #[test]
    fn errors_say_which_line_and_what() {
        let error = |line: &str| parse(&format!("1,1,0,0,9,9,1\n{line}"), &FORM).unwrap_err();
        let expect = |line: &str, what: &str| {
            assert_eq!(
                error(line),
                LineError {
                    line: 2,
                    what: what.to_owned()
                }
            );
        };
        expect("1,x,0,0,9,9,1", "id \"x\" is not a whole number");
        expect("1.5,1,0,0,9,9,1", "frame \"1.5\" is not a whole number");
        expect("-4,1,0,0,9,9,1", "frame -4 is negative");
        expect("2,1,0,nan,9,9,1", "top nan is not a number");
        expect("2,1,0,0,-9,9,1", "width -9 is negative");
        expect(
            "2,1,0,0,9,9,87",
            "confidence 87 is not between 0 and 1 (or -1: not known)",
        );
        expect("4000000000,1,0,0,9,9,1", "frame 4000000000 is too far from frame 1");
    }

    #[test]
    fn time_does_not_drift() {
        let recording = parse("1,1,0,0,9,9,1\n700001,1,0,0,9,9,1", &Form { fps: 7.0, ..FORM }).unwrap();
        assert_eq!(recording.frames[700_000].at, Duration::from_secs(100_000));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9,. \n-]{0,80}") {
            // Without the limit on frames, a few digits would make a recording of billions of frames.
            let _ = parse(&text, &FORM);
        }

        #[test]
        fn no_box_is_lost(rows in prop::collection::vec((1_u64..200, -1_i64..30, 0.0..600.0f64, 0.0..400.0f64), 1..100)) {
            let lines: Vec<String> = rows.iter().map(|(f, id, l, t)| format!("{f},{id},{l},{t},30,60,0.5,-1,-1,-1\n")).collect();
            let recording = parse(&lines.concat(), &FORM).unwrap();
            prop_assert_eq!(recording.detections(), rows.len());
            let (first, last) = (rows.iter().map(|r| r.0).min().unwrap(), rows.iter().map(|r| r.0).max().unwrap());
            prop_assert_eq!(recording.frames.len() as u64, last - first + 1);
        }
    }
}
