//! A row of `frame`, back to what it was.

use std::collections::HashMap;

use citytrack_domain::{BoundingBox, CameraName, Class, Confidence, Detection, Frame, ImageSize};
use tokio_postgres::Row;

use crate::Error;

/// The frames of some cameras in a range with at least one detection of the classes and as sure as is asked for; null: any.
pub(super) const SELECT: &str = "
    select camera_id, number, captured_at, received_at, width, height, classes, confidences, boxes, track_ids
    from frame
    where camera_id = any($1) and captured_at >= $2 and captured_at < $3
      and cardinality(classes) > 0
      and ($4::int[] is null or classes && $4)
      and ($5::real is null or $5 <= any(confidences))
    order by captured_at, camera_id, number, received_at";

/// The frame, with those of its detections that are `wanted`, by class and confidence.
pub(super) fn frame(
    row: &Row,
    camera: CameraName,
    names: &HashMap<i32, Class>,
    wanted: impl Fn(i32, f32) -> bool,
) -> Result<Frame, Error> {
    let classes: Vec<i32> = row.try_get("classes")?;
    let confidences: Vec<f32> = row.try_get("confidences")?;
    let boxes: Vec<f32> = row.try_get("boxes")?;
    let tracks: Option<Vec<Option<i64>>> = row.try_get("track_ids")?;
    let (boxes, rest) = boxes.as_chunks::<4>();
    let same_length = classes.len() == confidences.len()
        && classes.len() == boxes.len()
        && rest.is_empty()
        && tracks.as_ref().is_none_or(|tracks| tracks.len() == classes.len());
    if !same_length {
        return Err(Error::Corrupt("a frame with arrays of several lengths".to_owned()));
    }
    let mut tracks = tracks.unwrap_or_default().into_iter();
    let mut detections = Vec::with_capacity(classes.len());
    for ((class, confidence), parts) in classes.into_iter().zip(confidences).zip(boxes) {
        let track_id = tracks.next().flatten();
        if wanted(class, confidence) {
            let name = names.get(&class);
            detections.push(Detection {
                class: name
                    .cloned()
                    .ok_or_else(|| Error::Corrupt(format!("a detection of class {class}")))?,
                confidence: Confidence::from_checked(confidence),
                bounding_box: BoundingBox::from_checked(*parts),
                track_id,
            });
        }
    }
    Ok(Frame {
        camera,
        captured_at: row.try_get("captured_at")?,
        number: row.try_get("number")?,
        size: size(row.try_get("width")?, row.try_get("height")?),
        detections,
    })
}

fn size(width: Option<i32>, height: Option<i32>) -> Option<ImageSize> {
    Some(ImageSize {
        width: u32::try_from(width?).ok()?,
        height: u32::try_from(height?).ok()?,
    })
}
