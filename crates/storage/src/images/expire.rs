//! The end of pictures.

use jiff::Timestamp;

use crate::{Database, Error};

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Pictures whose time was over.
    pub images: u64,
    /// Originals whose time was over.
    pub originals: u64,
}

/// Deletes what has been kept for as long as its venue says: originals, and pictures with all their forms. That there was a picture is
/// known for a year more.
///
/// # Errors
/// When PostgreSQL is away or refuses.
pub async fn expire(database: &Database, now: Timestamp) -> Result<Expired, Error> {
    let originals = "
        with over as (update image set original_until = null where original_until <= $1::timestamptz returning id)
        delete from image_variant using over where image_id = over.id and variant = 'original'";
    let images = "
        with over as (
            update image set state = 'expired', boxes = null, original_until = null
            from venue where venue.slug = image.venue and state <> 'expired' and received_at <= $1::timestamptz - image_retention returning id
        ), gone as (delete from image_variant using over where image_id = over.id)
        select count(*) from over";
    let forgotten = "delete from image where state = 'expired' and received_at <= $1::timestamptz - interval '1 year'
        - (select image_retention from venue where venue.slug = image.venue)";
    let client = database.client().await?;
    let originals = client.execute(originals, &[&now]).await?;
    let images: i64 = client.query_one(images, &[&now]).await?.try_get(0)?;
    client.execute(forgotten, &[&now]).await?;
    Ok(Expired {
        images: images.unsigned_abs(),
        originals,
    })
}
