//! What was detected at the moment of a picture.

use citytrack_domain::{BoundingBox, CameraName, Class, Confidence, Detection};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{Database, Error, column};

/// What is known of a moment of a camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// So many frames are stored of it: one sent twice counts twice.
    pub frames: i64,
    /// Everything that is on any of them.
    pub detections: Vec<Detection>,
}

/// What is on the frames that a camera of a node took at this very time; `None`: no such frame is known. There may be several, as when two
/// detectors look at the same pictures, or a frame was sent again in another batch.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn detections_at(
    database: &Database,
    node: Uuid,
    camera: &CameraName,
    captured_at: Timestamp,
) -> Result<Option<Seen>, Error> {
    let question = "
        select count(*) as frames, confidences, boxes,
               array(select class.name from unnest(classes) with ordinality as seen (id, place)
                     join class on class.id = seen.id order by place) as names
        from frame join camera on camera.id = camera_id
        where camera.node_id = $1 and camera.name = $2 and captured_at = $3
        group by classes, confidences, boxes";
    let ask = async {
        let client = database.client().await?;
        let question = client.prepare_cached(question).await?;
        Ok(client
            .query(&question, &[&node, &camera.as_str(), &captured_at])
            .await?)
    };
    let rows = database.in_time(ask).await?;
    let mut seen = Seen {
        frames: 0,
        detections: Vec::new(),
    };
    for row in &rows {
        seen.frames += row.try_get::<_, i64>("frames")?;
        seen.detections.extend(detections(row)?);
    }
    Ok((seen.frames > 0).then_some(seen))
}

fn detections(row: &Row) -> Result<Vec<Detection>, Error> {
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
    seen.map(detection).collect()
}
