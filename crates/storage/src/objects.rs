//! Where the files of pictures are: in PostgreSQL with their rows, or in an object store beside it.

use std::{fmt, sync::Arc, time::Duration};

use citytrack_domain::{ImageId, Variant};
use object_store::{
    ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    local::LocalFileSystem,
    path::Path,
    prefix::PrefixStore,
};

use crate::Error;

/// For all attempts at one object: shorter than PostgreSQL waits for the end of the transaction that is to point to it.
const PATIENCE: Duration = Duration::from_secs(20);

/// The setting in question, for errors.
const SETTING: &str = "CITYTRACK_IMAGES__STORE";

/// The object store, if there is one; else all files are in PostgreSQL. Cheap to clone.
#[derive(Clone)]
pub struct Objects(Option<Store>);

#[derive(Clone)]
struct Store {
    /// Its URL as it is set, which holds nothing secret: rows say with it where their objects are.
    url: Arc<str>,
    objects: Arc<dyn ObjectStore>,
}

/// An object, and the store that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The URL of the store.
    pub store: String,
    /// In the store.
    pub name: String,
}

impl Objects {
    /// Reads where files are to be: `database`, `file:///directory` or `s3://bucket/prefix`, the last with the options of an
    /// S3 client, such as `region`. A directory must be there; an S3 server is not asked yet.
    ///
    /// # Errors
    /// [`Error::Setting`], which names the setting.
    pub fn open(store: &str, options: impl IntoIterator<Item = (&'static str, String)>) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Setting(format!("{SETTING}={store}: {reason}"));
        let opened: Arc<dyn ObjectStore> = if store == "database" {
            return Ok(Self(None));
        } else if let Some(path) = store.strip_prefix("file://").filter(|path| path.starts_with('/')) {
            Arc::new(directory(path).map_err(|error| wrong(error.to_string()))?)
        } else if let Some((bucket, prefix)) = store.strip_prefix("s3://").map(bucket_and_prefix)
            && !bucket.is_empty()
        {
            let prefix = Path::parse(prefix).map_err(|error| wrong(error.to_string()))?;
            let bucket = s3(bucket, options).map_err(|error| wrong(error.to_string()))?;
            Arc::new(PrefixStore::new(bucket, prefix))
        } else {
            let forms = "must be database, file:///directory or s3://bucket/prefix";
            return Err(wrong(forms.to_owned()));
        };
        Ok(Self(Some(Store {
            url: store.trim_end_matches('/').into(),
            objects: opened,
        })))
    }

    /// All files in PostgreSQL.
    pub fn database() -> Self {
        Self(None)
    }

    /// Writes a file, over the one of an earlier attempt, and says where; `None`: it belongs into PostgreSQL.
    pub(crate) async fn put(&self, id: ImageId, variant: Variant, bytes: &[u8]) -> Result<Option<Object>, Error> {
        let Some(store) = &self.0 else {
            return Ok(None);
        };
        let object = store.object(id, variant);
        let path = Path::from(object.name.as_str());
        store.objects.put(&path, bytes.to_vec().into()).await?;
        Ok(Some(object))
    }

    /// The bytes of an object.
    pub(crate) async fn get(&self, object: &Object) -> Result<Vec<u8>, Error> {
        let read = async {
            let found = self.store_of(object)?.get(&Path::from(object.name.as_str())).await?;
            Ok(found.bytes().await?)
        };
        match read.await {
            Ok(bytes) => Ok(bytes.into()),
            Err(Error::Objects(object_store::Error::NotFound { .. })) => Err(Error::Corrupt(format!(
                "a row points to the object {}, which is not there",
                object.name
            ))),
            Err(error) => Err(error),
        }
    }

    /// Deletes an object; one that is gone already is no error.
    pub(crate) async fn delete(&self, object: &Object) -> Result<(), Error> {
        let path = Path::from(object.name.as_str());
        match self.store_of(object)?.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes this file of a picture, if an earlier attempt has left it.
    pub(crate) async fn forget(&self, id: ImageId, variant: Variant) -> Result<(), Error> {
        match &self.0 {
            Some(store) => self.delete(&store.object(id, variant)).await,
            None => Ok(()),
        }
    }

    /// Names mean nothing in another store: what is not there may well be where it was written.
    fn store_of(&self, object: &Object) -> Result<&dyn ObjectStore, Error> {
        let here = self.0.as_ref().filter(|store| *store.url == *object.store);
        let elsewhere = || {
            let set = self.0.as_ref().map_or("database", |store| &store.url);
            Error::Setting(format!(
                "files of pictures are in {}, but {SETTING} is {set}",
                object.store
            ))
        };
        here.map(|store| &*store.objects).ok_or_else(elsewhere)
    }
}

impl Store {
    fn object(&self, id: ImageId, variant: Variant) -> Object {
        Object {
            store: self.url.to_string(),
            name: name(id, variant),
        }
    }
}

/// Where it is, without anything secret.
impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(store) => write!(f, "Objects({})", store.objects),
            None => f.write_str("Objects(database)"),
        }
    }
}

/// By the day that is in the id, so that no directory has too many entries, and nothing but the id and the variant, so that
/// a repetition hits the same object.
fn name(id: ImageId, variant: Variant) -> String {
    let day = id.time().strftime("%Y-%m-%d");
    format!("{day}/{id}/{variant}")
}

/// What is acknowledged must survive a power cut, so everything is synced to disk. Directories of days disappear with their
/// last picture.
fn directory(path: &str) -> object_store::Result<LocalFileSystem> {
    let files = LocalFileSystem::new_with_prefix(path)?;
    Ok(files.with_fsync(true).with_automatic_cleanup(true))
}

fn bucket_and_prefix(place: &str) -> (&str, &str) {
    place.split_once('/').unwrap_or((place, ""))
}

fn s3(bucket: &str, options: impl IntoIterator<Item = (&'static str, String)>) -> object_store::Result<AmazonS3> {
    let retries = RetryConfig {
        max_retries: 3,
        retry_timeout: PATIENCE,
        ..RetryConfig::default()
    };
    let client = ClientOptions::new().with_timeout(PATIENCE);
    let mut builder = AmazonS3Builder::new()
        .with_retry(retries)
        .with_client_options(client)
        .with_bucket_name(bucket);
    for (option, value) in options {
        if value.starts_with("http://") {
            builder = builder.with_allow_http(true);
        }
        builder = builder.with_config(option.parse::<AmazonS3ConfigKey>()?, value);
    }
    builder.build()
}
