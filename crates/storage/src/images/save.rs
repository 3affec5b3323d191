//! What became of pictures, stored once.

use citytrack_domain::{BoxesFrom, Detection, ImageBoxes, ImageDetails, ImageFailure, ImageVariant, Variant};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_postgres::Transaction;

use crate::{Database, Error};

/// What became of a picture. `B` is however its files are held.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'f, B> {
    /// What was known from its upload on.
    pub image: &'f ImageDetails,
    /// Width and height in pixels, upright.
    pub size: Option<(u32, u32)>,
    /// What is on it.
    pub boxes: &'f ImageBoxes,
    /// Who says so.
    pub boxes_from: BoxesFrom,
    /// When it was done.
    pub transformed_at: Timestamp,
    /// Its forms, and the original where it is kept; or why there are none.
    pub outcome: Result<Forms<'f, B>, &'f ImageFailure>,
}

/// The forms of a picture, and its original where that is kept.
pub type Forms<'f, B> = (&'f [ImageVariant<B>], Option<&'f [u8]>);

/// Stores what became of a picture, all of it in one transaction. False when that was known already: then nothing changes.
///
/// # Errors
/// When PostgreSQL is away or refuses.
pub async fn save<B: AsRef<[u8]>>(
    database: &Database,
    finished: &Finished<'_, B>,
    now: Timestamp,
) -> Result<bool, Error> {
    let work = async {
        let mut client = database.client().await?;
        let transaction = client.transaction().await?;
        let is_new = save_image(&transaction, finished, now).await?;
        if is_new && let Ok((variants, original)) = finished.outcome {
            for variant in variants {
                save_variant(&transaction, finished.image, variant).await?;
            }
            if let Some(original) = original {
                let (width, height) = finished.size.unwrap_or_default();
                let original = ImageVariant {
                    variant: Variant::Original,
                    media_type: finished.image.media_type.clone(),
                    width,
                    height,
                    bytes: original,
                };
                save_variant(&transaction, finished.image, &original).await?;
            }
        }
        transaction.commit().await?;
        Ok(is_new)
    };
    database.in_time(work).await
}

/// A receipt is completed; what is further stays as it is.
async fn save_image<B>(
    transaction: &Transaction<'_>,
    finished: &Finished<'_, B>,
    now: Timestamp,
) -> Result<bool, Error> {
    let upsert = "
        insert into image (id, venue, node_id, camera, captured_at, received_at, frame, media_type, width, height, boxes,
            boxes_from, state, reason, detail, transformed_at, saved_at, bytes, original_until)
        select $1::uuid, slug, $3::uuid, $4::text, $5::timestamptz, $6::timestamptz, $7::bigint, $8::text, $9::integer,
            $10::integer, $11::jsonb, $12::text, $13::text, $14::text, $15::text, $16::timestamptz, $17::timestamptz,
            $18::integer, case when $18::integer is not null then $17::timestamptz + image_originals end
        from venue where slug = $2::text
        on conflict (id) do update set width = excluded.width, height = excluded.height, boxes = excluded.boxes,
            boxes_from = excluded.boxes_from, state = excluded.state, reason = excluded.reason, detail = excluded.detail,
            transformed_at = excluded.transformed_at, saved_at = excluded.saved_at, bytes = excluded.bytes,
            original_until = excluded.original_until
        where image.state = 'received'";
    let image = finished.image;
    let side = |of: fn((u32, u32)) -> u32| finished.size.and_then(|size| i32::try_from(of(size)).ok());
    let failure = finished.outcome.as_ref().err();
    // How long the upload was is only known where it is kept.
    let original = finished.outcome.as_ref().ok().and_then(|(_, original)| *original);
    let bytes = original.and_then(|original| i32::try_from(original.len()).ok());
    let state = if failure.is_some() { "failed" } else { "ready" };
    let changed = transaction
        .execute(
            upsert,
            &[
                &image.id.uuid(),
                &image.source.venue.as_str(),
                &image.source.id,
                &image.camera.as_ref().map(ToString::to_string),
                &image.captured_at,
                &image.received_at,
                &image.frame,
                &image.media_type,
                &side(|(width, _)| width),
                &side(|(_, height)| height),
                &finished.boxes.as_deref().map(boxes),
                &finished.boxes_from.as_str(),
                &state,
                &failure.map(|failure| failure.code.as_str()),
                &failure.map(|failure| failure.detail.as_str()),
                &finished.transformed_at,
                &now,
                &bytes,
            ],
        )
        .await?;
    Ok(changed > 0)
}

fn boxes(boxes: &[Detection]) -> Value {
    let list = boxes.iter().map(|object| {
        json!({
            "class": object.class.as_str(),
            "confidence": object.confidence.value(),
            "box": object.bounding_box.parts(),
        })
    });
    list.collect()
}

async fn save_variant<B: AsRef<[u8]>>(
    transaction: &Transaction<'_>,
    image: &ImageDetails,
    variant: &ImageVariant<B>,
) -> Result<(), Error> {
    let insert = "
        insert into image_variant (image_id, variant, media_type, width, height, bytes, digest, data)
        values ($1, $2, $3, $4, $5, length($6::bytea), sha256($6::bytea), $6::bytea)";
    let side = |pixels| i32::try_from(pixels).unwrap_or(i32::MAX);
    transaction
        .execute(
            insert,
            &[
                &image.id.uuid(),
                &variant.variant.as_str(),
                &variant.media_type,
                &side(variant.width),
                &side(variant.height),
                &variant.bytes.as_ref(),
            ],
        )
        .await?;
    Ok(())
}
