//! The end of pictures, as far as it is PostgreSQL's.

use citytrack_domain::ImageId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{Change, Client, Database, Error};

/// So many pictures end in one transaction: however many there are, no statement takes long. A picture in PostgreSQL is hundreds of
/// rows beneath the surface.
const AT_ONCE: i64 = 100;

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Pictures whose time was over.
    pub images: u64,
    /// Originals whose time was over before that of their pictures.
    pub originals: u64,
}

/// What is over, and what becomes of it.
struct End {
    /// Ids of pictures of the venue `$1` of before `$2`, `$3` at most. What somebody saves just now has time until the next round.
    over: &'static str,
    /// Which of their variants go.
    variants: &'static str,
    /// What is left of the picture.
    left: &'static str,
}

const IMAGES: End = End {
    over: "select id from image where venue = $1 and state <> 'expired' and received_at <= $2
           order by received_at limit $3 for update skip locked",
    variants: "true",
    left: "state = 'expired', boxes = null, original_until = null",
};

/// Originals whose own time is over.
const ORIGINALS: End = End {
    over: "select id from image where venue = $1 and original_until <= $2
           order by original_until limit $3 for update skip locked",
    variants: "variant = 'original'",
    left: "original_until = null",
};

/// Originals of a venue that keeps them for a shorter time since.
const ORIGINALS_SAVED: End = End {
    over: "select id from image where venue = $1 and original_until is not null and saved_at <= $2
           order by saved_at limit $3 for update skip locked",
    ..ORIGINALS
};

/// Deletes what has been kept for as long as its venue says: originals, and pictures with all their forms. That there was a picture is
/// known for a year more. What is in an object store is not shown any more; [`sweep`](super::sweep) deletes it.
///
/// # Errors
/// When PostgreSQL is away or refuses. What was deleted until then stays deleted.
pub async fn expire(database: &Database, now: Timestamp) -> Result<Expired, Error> {
    let mut client = database.client().await?;
    let venues = "select slug, $1::timestamptz - image_retention, $1::timestamptz - image_originals from venue";
    let mut expired = Expired::default();
    for venue in client.query(venues, &[&now]).await? {
        let (slug, images, originals): (&str, Timestamp, Timestamp) =
            (venue.try_get(0)?, venue.try_get(1)?, venue.try_get(2)?);
        expired.images += end(&mut client, slug, images, &IMAGES).await?;
        expired.originals += end(&mut client, slug, now, &ORIGINALS).await?;
        expired.originals += end(&mut client, slug, originals, &ORIGINALS_SAVED).await?;
        forget(&client, slug, images).await?;
    }
    Ok(expired)
}

/// Ends all that is over, and says of how many pictures.
async fn end(client: &mut Client, venue: &str, before: Timestamp, what: &End) -> Result<u64, Error> {
    let variants = what.variants;
    let delete = format!("delete from image_variant where image_id = any($1) and object is null and {variants}");
    // The rows of objects remain until the objects are deleted: one that nothing points to would stay for ever.
    let outlived = format!(
        "update image_variant set outlived = true where image_id = any($1) and object is not null and {variants}"
    );
    let leave = format!("update image set {} where id = any($1)", what.left);
    let mut ended = 0;
    loop {
        let transaction = client.transaction().await?;
        let over = transaction.query(what.over, &[&venue, &before, &AT_ONCE]).await?;
        if over.is_empty() {
            return Ok(ended);
        }
        let ids = over
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<Vec<Uuid>, _>>()?;
        transaction.execute(&delete, &[&ids]).await?;
        transaction.execute(&outlived, &[&ids]).await?;
        ended += transaction.execute(&leave, &[&ids]).await?;
        transaction.commit().await?;
    }
}

/// Ends the original of one picture now, whatever its time; false: it was not kept. A file in an object store goes with the next
/// [`sweep`](super::sweep).
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn end_original(change: &Change, id: ImageId) -> Result<bool, Error> {
    let end = "
        with ended as (update image set original_until = null where id = $1 and original_until is not null returning id),
            gone as (delete from image_variant using ended where image_id = ended.id and variant = 'original' and object is null),
            outlived as (update image_variant set outlived = true from ended
                         where image_id = ended.id and variant = 'original' and object is not null)
        select exists (select from ended)";
    Ok(change.query_one(end, &[&id.uuid()]).await?.try_get(0)?)
}

/// Forgets that there were pictures, a year after their end.
async fn forget(client: &Client, venue: &str, ended: Timestamp) -> Result<(), Error> {
    let forget = "
        delete from image where id in (
            select id from image where venue = $1 and state = 'expired' and received_at <= $2::timestamptz - interval '1 year'
                and not exists (select from image_variant where image_id = image.id)
            order by received_at limit $3)";
    while client.execute(forget, &[&venue, &ended, &AT_ONCE]).await? > 0 {}
    Ok(())
}
