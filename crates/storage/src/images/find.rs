//! Pictures looked up: what is known about them.

use citytrack_domain::{
    BoundingBox, BoxesFrom, CameraPattern, Class, Confidence, Detection, ImageBoxes, ImageDetails, ImageFailure,
    ImageId, ImageState, NodeIdentity, Slug, Variant,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::ORIGINAL_UNTIL;
use crate::{Database, Error, Selection, column};

/// All that is known about a picture, without the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// What was known from its upload on.
    pub details: ImageDetails,
    /// Width and height in pixels, upright.
    pub size: Option<[i32; 2]>,
    /// What is on it.
    pub boxes: ImageBoxes,
    /// Who says so.
    pub boxes_from: Option<BoxesFrom>,
    /// How far it is.
    pub state: ImageState,
    /// Why it failed, if it did.
    pub failure: Option<ImageFailure>,
    /// When its variants were made.
    pub transformed_at: Option<Timestamp>,
    /// When they were stored.
    pub saved_at: Option<Timestamp>,
    /// When it is to be deleted.
    pub kept_until: Timestamp,
    /// What is stored of it.
    pub variants: Vec<VariantFacts>,
    /// Whether its original was kept at first.
    pub had_original: bool,
}

/// What is known about a stored variant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct VariantFacts {
    /// Which one: a word of [`Variant`].
    pub variant: String,
    /// Such as `image/jpeg`.
    pub media_type: String,
    /// In pixels.
    pub width: i32,
    /// In pixels.
    pub height: i32,
    /// Of the file.
    pub bytes: i32,
    /// SHA-256 of the file, in hexadecimal; not told of an original.
    pub digest: String,
}

/// Which pictures are asked for.
#[derive(Clone, Debug)]
pub struct ImagesQuery {
    /// Of these cameras. Pictures of which nobody said the camera are only among those of all cameras.
    pub selection: Selection,
    /// With something of one of these classes on it; empty: whatever is on it.
    pub classes: Vec<Class>,
    /// In one of these states; empty: in any.
    pub states: Vec<ImageState>,
    /// Not taken before.
    pub from: Option<Timestamp>,
    /// Taken before.
    pub to: Option<Timestamp>,
    /// Older than the last one of the page before: when it was taken, and its id.
    pub before: Option<(Timestamp, ImageId)>,
    /// At most so many.
    pub limit: u16,
}

/// What the row says, and what is so at `$1`: the job that ends pictures may not have come by yet.
const COLUMNS: &str = "
    image.id, image.venue, node_id, node.slug as node, camera, captured_at, received_at, frame, image.media_type, image.width, image.height,
    case when state_now <> 'expired' then boxes end as boxes, boxes_from, state_now, reason, detail, transformed_at, saved_at, kept_until";

/// An original that is kept is told by the row of the picture: those who may only read see no more of it.
fn select() -> String {
    format!(
        "select {COLUMNS}, image.bytes is not null as had_original,
            (select coalesce(jsonb_agg(to_jsonb(stored)), '[]') from (
                select variant, media_type, width, height, bytes, encode(digest, 'hex') as digest
                from image_picture where image_id = image.id
                union all
                select 'original', image.media_type, image.width, image.height, coalesce(image.bytes, 0), ''
                where {ORIGINAL_UNTIL} > $1
                order by variant) as stored where state_now = 'ready') as variants
         from image join node on node.id = image.node_id join venue on venue.slug = image.venue
         cross join lateral (select image.received_at + image_retention as kept_until) as time
         cross join lateral (select case when kept_until <= $1 then 'expired' else image.state end as state_now) as now"
    )
}

/// One picture, as it is at `now`.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn find(database: &Database, id: ImageId, now: Timestamp) -> Result<Option<Image>, Error> {
    let question = format!("{} where image.id = $2", select());
    let ask = async {
        let client = database.client().await?;
        Ok(client.query_opt(&question, &[&now, &id.uuid()]).await?)
    };
    database.in_time(ask).await?.as_ref().map(image).transpose()
}

/// The newest pictures that are asked for, as they are at `now`.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn list(database: &Database, query: &ImagesQuery, now: Timestamp) -> Result<Vec<Image>, Error> {
    let question = format!(
        "{}
         where image.venue = $2
           and (cardinality($3::text[]) = 0 or exists (
               select from unnest($3::text[], $4::text[]) as wanted (camera, node)
               where wanted.camera = image.camera and (wanted.node is null or wanted.node = node.slug)))
           and (cardinality($5::text[]) = 0 or state_now <> 'expired' and exists (
               select from jsonb_array_elements(boxes) as box where box ->> 'class' = any($5)))
           and (cardinality($6::text[]) = 0 or state_now = any($6))
           and ($7::timestamptz is null or captured_at >= $7) and ($8::timestamptz is null or captured_at < $8)
           and ($9::timestamptz is null or (captured_at, image.id) < ($9, $10::uuid))
         order by captured_at desc, image.id desc limit $11",
        select()
    );
    let cameras = &query.selection.cameras;
    let names: Vec<&str> = cameras.iter().map(|pattern| pattern.camera.as_str()).collect();
    let node = |pattern: &CameraPattern| pattern.node.as_ref().map(ToString::to_string);
    let nodes: Vec<Option<String>> = cameras.iter().map(node).collect();
    let classes: Vec<&str> = query.classes.iter().map(Class::as_str).collect();
    let states: Vec<&str> = query.states.iter().map(|state| state.as_str()).collect();
    let (before, id): (Option<Timestamp>, Option<Uuid>) = query.before.map(|(time, id)| (time, id.uuid())).unzip();
    let venue = query.selection.venue.as_str();
    let limit = i64::from(query.limit);
    let ask = async {
        let client = database.client().await?;
        let rows = client
            .query(
                &question,
                &[
                    &now,
                    &venue,
                    &names,
                    &nodes,
                    &classes,
                    &states,
                    &query.from,
                    &query.to,
                    &before,
                    &id,
                    &limit,
                ],
            )
            .await?;
        Ok(rows)
    };
    database.in_time(ask).await?.iter().map(image).collect()
}

fn image(row: &Row) -> Result<Image, Error> {
    let id: Uuid = row.try_get("id")?;
    let camera: Option<&str> = row.try_get("camera")?;
    let details = ImageDetails {
        id: ImageId::from_uuid(id).map_err(|error| corrupt("id", &error))?,
        source: NodeIdentity {
            id: row.try_get("node_id")?,
            node: column::parsed::<Slug>(row, "node")?,
            venue: column::parsed(row, "venue")?,
        },
        camera: camera.map(|camera| column::parsed_text(camera, "camera")).transpose()?,
        captured_at: row.try_get("captured_at")?,
        frame: row.try_get("frame")?,
        received_at: row.try_get("received_at")?,
        media_type: row.try_get("media_type")?,
    };
    let (width, height): (Option<i32>, Option<i32>) = (row.try_get("width")?, row.try_get("height")?);
    let boxes: Option<Value> = row.try_get("boxes")?;
    let (reason, detail): (Option<String>, Option<String>) = (row.try_get("reason")?, row.try_get("detail")?);
    let boxes_from: Option<&str> = row.try_get("boxes_from")?;
    Ok(Image {
        details,
        size: width.zip(height).map(|(width, height)| [width, height]),
        boxes: boxes.map(detections).transpose()?,
        boxes_from: boxes_from.and_then(BoxesFrom::parse),
        state: ImageState::parse(row.try_get("state_now")?).ok_or_else(|| corrupt("state", &"is not known"))?,
        failure: reason.map(|code| ImageFailure {
            code,
            detail: detail.unwrap_or_default(),
        }),
        transformed_at: row.try_get("transformed_at")?,
        saved_at: row.try_get("saved_at")?,
        kept_until: row.try_get("kept_until")?,
        variants: serde_json::from_value(row.try_get("variants")?).map_err(|error| corrupt("variants", &error))?,
        had_original: row.try_get("had_original")?,
    })
}

/// A detection as it is stored in `boxes`.
#[derive(Deserialize)]
struct StoredBox {
    class: String,
    confidence: f64,
    #[serde(rename = "box")]
    parts: [f32; 4],
}

fn detections(boxes: Value) -> Result<Vec<Detection>, Error> {
    let stored: Vec<StoredBox> = serde_json::from_value(boxes).map_err(|error| corrupt("boxes", &error))?;
    let detection = |stored: StoredBox| {
        Ok(Detection {
            class: column::parsed_text(&stored.class, "class")?,
            confidence: Confidence::new(stored.confidence).map_err(|error| corrupt("confidence", &error))?,
            bounding_box: BoundingBox::from_checked(stored.parts),
            track_id: None,
        })
    };
    stored.into_iter().map(detection).collect()
}

fn corrupt(column: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Corrupt(format!("the {column} of a picture: {error}"))
}

impl Image {
    /// Whether this variant is stored.
    pub fn has(&self, variant: Variant) -> bool {
        self.variants.iter().any(|stored| stored.variant == variant.as_str())
    }
}
