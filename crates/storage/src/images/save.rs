//! What became of pictures, stored once.

use citytrack_domain::{BoxesFrom, Detection, ImageBoxes, ImageDetails, ImageFailure, ImageVariant, Variant};
use deadpool_postgres::Transaction;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Database, Error, Objects};

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

/// Stores what became of a picture, all of it in one transaction. False when that was known already: then nothing changes. One that has
/// failed is ready after all when it has been transformed once more and that worked.
///
/// Objects are written before the rows that point to them can be seen. The row of the picture is held meanwhile, so nobody else
/// saves or deletes it, and a repetition writes no objects. Those of an attempt that failed are overwritten by the next one.
///
/// # Errors
/// When PostgreSQL or the object store is away or refuses; [`Error::Conflict`] when the picture of another node has this id.
pub async fn save<B: AsRef<[u8]>>(
    database: &Database,
    objects: &Objects,
    finished: &Finished<'_, B>,
    now: Timestamp,
) -> Result<bool, Error> {
    let work = async {
        let mut client = database.client().await?;
        let transaction = client.transaction().await?;
        let keeps_original = match save_image(&transaction, finished, now).await? {
            Row::Written { keeps_original } => keeps_original,
            Row::Known => return Ok(false),
            Row::Expired => {
                // What an earlier attempt may have left that could not point to it.
                for variant in Variant::ALL {
                    objects.forget(finished.image.id, *variant).await?;
                }
                return Ok(false);
            }
        };
        if let Ok((variants, original)) = finished.outcome {
            for variant in variants {
                save_variant(&transaction, objects, finished.image, variant).await?;
            }
            match original {
                Some(bytes) if keeps_original => {
                    save_variant(&transaction, objects, finished.image, &original_of(finished, bytes)).await?;
                }
                // The venue does not keep it any more, but an earlier attempt may have come when it still did.
                Some(_) => objects.forget(finished.image.id, Variant::Original).await?,
                None => {}
            }
        }
        transaction.commit().await?;
        Ok(true)
    };
    database.in_time(work).await
}

fn original_of<'b, B>(finished: &Finished<'_, B>, bytes: &'b [u8]) -> ImageVariant<&'b [u8]> {
    let (width, height) = finished.size.unwrap_or_default();
    ImageVariant {
        variant: Variant::Original,
        media_type: finished.image.media_type.clone(),
        width,
        height,
        bytes,
    }
}

/// What became of the row of a picture.
enum Row {
    /// It is written, and the original, if it came along, is to be kept or not.
    Written { keeps_original: bool },
    /// It was there already.
    Known,
    /// It was there already, and its time is over.
    Expired,
}

/// A receipt is completed, and a failure mended; what is further stays as it is. What the row says is said by what is stored: an id that
/// its node has used twice may have had a receipt about another camera. A row of another node is never touched.
async fn save_image<B>(
    transaction: &Transaction<'_>,
    finished: &Finished<'_, B>,
    now: Timestamp,
) -> Result<Row, Error> {
    let upsert = "
        insert into image (id, venue, node_id, camera, captured_at, received_at, frame, media_type, width, height, boxes,
            boxes_from, state, reason, detail, transformed_at, saved_at, bytes, original_until)
        select $1::uuid, slug, $3::uuid, $4::text, $5::timestamptz, $6::timestamptz, $7::bigint, $8::text, $9::integer,
            $10::integer, $11::jsonb, $12::text, $13::text, $14::text, $15::text, $16::timestamptz, $17::timestamptz,
            case when keeps then $18 end, case when keeps then $17::timestamptz + image_originals end
        from venue cross join lateral (select $18::integer is not null and image_originals > '0' as keeps) as original
        where slug = $2::text
        on conflict (id) do update set camera = excluded.camera, captured_at = excluded.captured_at,
            received_at = excluded.received_at, frame = excluded.frame, media_type = excluded.media_type, width = excluded.width, height = excluded.height, boxes = excluded.boxes,
            boxes_from = excluded.boxes_from, state = excluded.state, reason = excluded.reason, detail = excluded.detail,
            transformed_at = excluded.transformed_at, saved_at = excluded.saved_at, bytes = excluded.bytes,
            original_until = excluded.original_until
        where image.node_id = excluded.node_id and image.venue = excluded.venue
            and (image.state = 'received' or image.state = 'failed' and excluded.state = 'ready')
        returning original_until is not null";
    let image = finished.image;
    let side = |of: fn((u32, u32)) -> u32| finished.size.and_then(|size| i32::try_from(of(size)).ok());
    let failure = finished.outcome.as_ref().err();
    // How long the upload was is only known where it is kept.
    let original = finished.outcome.as_ref().ok().and_then(|(_, original)| *original);
    let bytes = original.and_then(|original| i32::try_from(original.len()).ok());
    let state = if failure.is_some() { "failed" } else { "ready" };
    let upsert = transaction.prepare_cached(upsert).await?;
    let saved = transaction
        .query_opt(
            &upsert,
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
    match saved {
        Some(row) => Ok(Row::Written {
            keeps_original: row.try_get(0)?,
        }),
        None => known(transaction, image).await,
    }
}

/// Of a row that stays as it is; that of another node is an error.
async fn known(transaction: &Transaction<'_>, image: &ImageDetails) -> Result<Row, Error> {
    let question = "select (node_id, venue) is distinct from ($2, $3), state = 'expired' from image where id = $1";
    let (source, id) = (&image.source, image.id.uuid());
    let row = transaction
        .query_opt(question, &[&id, &source.id, &source.venue.as_str()])
        .await?;
    // No row: the venue is none that there is.
    let (is_anothers, is_expired) = row.map_or(Ok((false, false)), |row| {
        Ok::<_, Error>((row.try_get(0)?, row.try_get(1)?))
    })?;
    match (is_anothers, is_expired) {
        (true, _) => Err(Error::Conflict(format!(
            "the picture of another node has the id {}",
            image.id
        ))),
        (false, true) => Ok(Row::Expired),
        (false, false) => Ok(Row::Known),
    }
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
    objects: &Objects,
    image: &ImageDetails,
    variant: &ImageVariant<B>,
) -> Result<(), Error> {
    let insert = "
        insert into image_variant (image_id, variant, media_type, width, height, bytes, digest, data, object, store)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let side = |pixels| i32::try_from(pixels).unwrap_or(i32::MAX);
    let bytes = variant.bytes.as_ref();
    let object = objects.put(image.id, variant.variant, bytes).await?;
    let data = object.is_none().then_some(bytes);
    let (name, store) = object.map(|object| (object.name, object.store)).unzip();
    let insert = transaction.prepare_cached(insert).await?;
    transaction
        .execute(
            &insert,
            &[
                &image.id.uuid(),
                &variant.variant.as_str(),
                &variant.media_type,
                &side(variant.width),
                &side(variant.height),
                &i32::try_from(bytes.len()).unwrap_or(i32::MAX),
                &Sha256::digest(bytes).as_slice(),
                &data,
                &name,
                &store,
            ],
        )
        .await?;
    Ok(())
}
