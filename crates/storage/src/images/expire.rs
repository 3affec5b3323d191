//! The end of pictures.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{Client, Database, Error, Objects};

/// So many objects are deleted before their rows are.
const AT_ONCE: i64 = 1000;

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
/// When PostgreSQL or the object store is away or refuses. What was deleted until then stays deleted.
pub async fn expire(database: &Database, objects: &Objects, now: Timestamp) -> Result<Expired, Error> {
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
    expire_objects(&client, objects, now).await?;
    let originals = client.execute(originals, &[&now]).await?;
    let images: i64 = client.query_one(images, &[&now]).await?.try_get(0)?;
    client.execute(forgotten, &[&now]).await?;
    Ok(Expired {
        images: images.unsigned_abs(),
        originals,
    })
}

/// Objects go before the rows that point to them: an object that nothing points to would stay for ever.
async fn expire_objects(client: &Client, objects: &Objects, now: Timestamp) -> Result<(), Error> {
    let over = "
        select image_id, variant, object from image_variant join image on id = image_id
        where object is not null and variant = 'original' and original_until <= $1::timestamptz
        union
        select image_id, variant, object from image_variant join image on id = image_id join venue on slug = image.venue
        where object is not null and state <> 'expired' and received_at <= $1::timestamptz - image_retention
        limit $2";
    let forget = "
        delete from image_variant using unnest($1::uuid[], $2::text[]) as over (id, variant)
        where image_id = over.id and image_variant.variant = over.variant";
    loop {
        let rows = client.query(over, &[&now, &AT_ONCE]).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let (mut ids, mut variants, mut names) = (Vec::<Uuid>::new(), Vec::<&str>::new(), Vec::<&str>::new());
        for row in &rows {
            ids.push(row.try_get(0)?);
            variants.push(row.try_get(1)?);
            names.push(row.try_get(2)?);
        }
        objects.delete(names).await?;
        client.execute(forget, &[&ids, &variants]).await?;
    }
}
