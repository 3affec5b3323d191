//! The files of pictures.

use citytrack_domain::{ImageId, Variant};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{Database, Error, Objects};

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
    /// In the object store, under this name.
    Object(String),
}

impl Content {
    /// The file, wherever it is.
    ///
    /// # Errors
    /// When the object store is away, not set, or does not have it.
    pub async fn read(self, objects: &Objects) -> Result<Vec<u8>, Error> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Object(name) => objects.get(&name).await,
        }
    }
}

/// A variant that everybody may see who may see the picture; so never the original.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn variant(database: &Database, id: ImageId, variant: Variant) -> Result<Option<StoredVariant>, Error> {
    let question = "select media_type, digest, data, object from image_picture where image_id = $1 and variant = $2";
    let ask = async {
        let client = database.client().await?;
        Ok(client.query_opt(question, &[&id.uuid(), &variant.as_str()]).await?)
    };
    database.in_time(ask).await?.as_ref().map(stored).transpose()
}

/// The original, where it is kept at `now`. Whoever calls this notes in the audit log who sees it.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn original(database: &Database, id: ImageId, now: Timestamp) -> Result<Option<StoredVariant>, Error> {
    let question = "
        select image_variant.media_type, digest, data, object from image_variant join image on id = image_id
        where image_id = $1 and variant = 'original' and original_until > $2";
    let ask = async {
        let client = database.client().await?;
        Ok(client.query_opt(question, &[&id.uuid(), &now]).await?)
    };
    database.in_time(ask).await?.as_ref().map(stored).transpose()
}

fn stored(row: &Row) -> Result<StoredVariant, Error> {
    let (data, object): (Option<Vec<u8>>, Option<String>) = (row.try_get("data")?, row.try_get("object")?);
    let content = match (data, object) {
        (Some(bytes), _) => Content::Bytes(bytes),
        (None, Some(name)) => Content::Object(name),
        (None, None) => return Err(Error::Corrupt("a variant without content".to_owned())),
    };
    Ok(StoredVariant {
        media_type: row.try_get("media_type")?,
        digest: row.try_get("digest")?,
        content,
    })
}
