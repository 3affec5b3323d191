//! The end of objects: files of pictures that are beside PostgreSQL.

use futures_util::{StreamExt, stream};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{Database, Error, Object, Objects};

/// So many objects are deleted before their rows are.
const AT_ONCE: i64 = 100;
/// So many are deleted at the same time.
const PARALLEL: usize = 10;

/// Deletes the objects whose time [is over](super::expire()), then their rows, and says how many. Those of a store that is not the one that
/// is set stay, as do those that cannot be deleted now: the next call tries again.
///
/// # Errors
/// When PostgreSQL is away or refuses, or else, after everything that could be deleted, why an object could not.
pub async fn sweep(database: &Database, objects: &Objects) -> Result<u64, Error> {
    let question = "
        select image_id, variant, object, store from image_variant
        where outlived and (image_id, variant) > ($1, $2) order by image_id, variant limit $3";
    let forget = "
        delete from image_variant using unnest($1::uuid[], $2::text[]) as gone (id, variant)
        where image_id = gone.id and image_variant.variant = gone.variant and outlived";
    let client = database.client().await?;
    let (mut deleted, mut failed) = (0, None);
    let mut last = (Uuid::nil(), String::new());
    loop {
        let rows = client.query(question, &[&last.0, &last.1, &AT_ONCE]).await?;
        let rows = rows.iter().map(outlived).collect::<Result<Vec<_>, _>>()?;
        let Some((end, _)) = rows.last() else { break };
        last.clone_from(end);
        let tried = stream::iter(rows)
            .map(|(key, object)| async move { objects.delete(&object).await.map(|()| key) })
            .buffered(PARALLEL);
        let (mut ids, mut variants, mut error) = (Vec::new(), Vec::new(), None);
        for tried in tried.collect::<Vec<_>>().await {
            match tried {
                Ok((id, variant)) => {
                    ids.push(id);
                    variants.push(variant);
                }
                Err(reason) => error = error.or(Some(reason)),
            }
        }
        deleted += client.execute(forget, &[&ids, &variants]).await?;
        // A store that is away needs not be asked for everything.
        let is_away = ids.is_empty() && matches!(error, Some(Error::Objects(_)));
        failed = failed.or(error);
        if is_away {
            break;
        }
    }
    failed.map_or(Ok(deleted), Err)
}

/// The key of a row, and its object.
fn outlived(row: &Row) -> Result<((Uuid, String), Object), Error> {
    let object = Object {
        store: row.try_get("store")?,
        name: row.try_get("object")?,
    };
    Ok(((row.try_get("image_id")?, row.try_get("variant")?), object))
}
