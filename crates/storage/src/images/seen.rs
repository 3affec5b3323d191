//! What was detected at the moment of a picture.

use citytrack_domain::{BoundingBox, CameraName, Class, Confidence, Detection};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{Database, Error, column};

/// The detections of the frame that a camera of a node took at this very time; `None`: no such frame is known.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn detections_at(
    database: &Database,
    node: Uuid,
    camera: &CameraName,
    captured_at: Timestamp,
) -> Result<Option<Vec<Detection>>, Error> {
    let question = "
        select array(select class.name from unnest(frame.classes) with ordinality as seen (id, place)
                     join class on class.id = seen.id order by place) as names, confidences, boxes
        from frame join camera on camera.id = camera_id
        where camera.node_id = $1 and camera.name = $2 and captured_at = $3 limit 1";
    let ask = async {
        let client = database.client().await?;
        Ok(client
            .query_opt(question, &[&node, &camera.as_str(), &captured_at])
            .await?)
    };
    let Some(row) = database.in_time(ask).await? else {
        return Ok(None);
    };
    let names: Vec<&str> = row.try_get("names")?;
    let (confidences, boxes): (Vec<f32>, Vec<f32>) = (row.try_get("confidences")?, row.try_get("boxes")?);
    let seen = names.iter().zip(confidences).zip(boxes.as_chunks::<4>().0);
    let detection = |((name, confidence), parts): ((&&str, f32), &[f32; 4])| {
        let class: Class = column::parsed_text(name, "class.name")?;
        Ok(Detection {
            class,
            confidence: Confidence::from_checked(confidence),
            bounding_box: BoundingBox::from_checked(*parts),
            track_id: None,
        })
    };
    seen.map(detection).collect::<Result<_, Error>>().map(Some)
}
