//! The files of pictures.

use citytrack_domain::{ImageId, Variant};
use jiff::Timestamp;
use tokio_postgres::Row;

use super::ORIGINAL_UNTIL;
use crate::{Database, Error, Object, Objects};

/// A stored variant.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredVariant {
    /// Such as `image/jpeg`.
    pub media_type: String,
    /// SHA-256 of the file.
    pub digest: Vec<u8>,
    /// The file.
    pub content: Content,
}

/// Where a file is.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Here.
    Bytes(Vec<u8>),
    /// In an object store.
    Object(Object),
}

impl Content {
    /// The file, wherever it is.
    ///
    /// # Errors
    /// When the object store is away, does not have it, or is not the one that is set.
    pub async fn read(self, objects: &Objects) -> Result<Vec<u8>, Error> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Object(object) => objects.get(&object).await,
        }
    }
}

/// A variant that everybody may see who may see the picture; so never the original.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn variant(database: &Database, id: ImageId, variant: Variant) -> Result<Option<StoredVariant>, Error> {
    let question =
        "select media_type, digest, data, object, store from image_picture where image_id = $1 and variant = $2";
    let ask = async {
        let client = database.client().await?;
        Ok(client.query_opt(question, &[&id.uuid(), &variant.as_str()]).await?)
    };
    database.in_time(ask).await?.as_ref().map(stored).transpose()
}

/// The original, where it is kept at `now`: neither its time nor that of the picture is over. Whoever calls this notes in the audit
/// log who sees it.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn original(database: &Database, id: ImageId, now: Timestamp) -> Result<Option<StoredVariant>, Error> {
    let question = format!(
        "select image_variant.media_type, digest, data, object, store
         from image_variant join image on image.id = image_id join venue on slug = image.venue
         where image_id = $1 and variant = 'original' and not outlived and {ORIGINAL_UNTIL} > $2"
    );
    let ask = async {
        let client = database.client().await?;
        Ok(client.query_opt(&question, &[&id.uuid(), &now]).await?)
    };
    database.in_time(ask).await?.as_ref().map(stored).transpose()
}

fn stored(row: &Row) -> Result<StoredVariant, Error> {
    let (name, store): (Option<String>, Option<String>) = (row.try_get("object")?, row.try_get("store")?);
    let content = match (row.try_get("data")?, name.zip(store)) {
        (Some(bytes), _) => Content::Bytes(bytes),
        (None, Some((name, store))) => Content::Object(Object { store, name }),
        (None, None) => return Err(Error::Corrupt("a variant without content".to_owned())),
    };
    Ok(StoredVariant {
        media_type: row.try_get("media_type")?,
        digest: row.try_get("digest")?,
        content,
    })
}
