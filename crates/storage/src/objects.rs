//! Where the files of pictures are: in PostgreSQL with their rows, or in an object store beside it.

use std::{fmt, sync::Arc, time::Duration};

use citytrack_domain::{ImageId, Variant};
use futures_util::{StreamExt, TryStreamExt, stream};
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
pub struct Objects(Option<Arc<dyn ObjectStore>>);

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
        Ok(Self(Some(opened)))
    }

    /// All files in PostgreSQL.
    pub fn database() -> Self {
        Self(None)
    }

    /// Writes a file, over the one of an earlier attempt, and says under which name; `None`: it belongs into PostgreSQL.
    pub(crate) async fn put(&self, id: ImageId, variant: Variant, bytes: &[u8]) -> Result<Option<String>, Error> {
        let Some(store) = &self.0 else {
            return Ok(None);
        };
        let name = name(id, variant);
        store.put(&Path::from(name.as_str()), bytes.to_vec().into()).await?;
        Ok(Some(name))
    }

    /// A file of this name.
    pub(crate) async fn get(&self, name: &str) -> Result<Vec<u8>, Error> {
        let read = async {
            self.store()?
                .get(&Path::from(name))
                .await?
                .bytes()
                .await
                .map_err(Error::from)
        };
        match read.await {
            Ok(bytes) => Ok(bytes.into()),
            Err(Error::Objects(object_store::Error::NotFound { .. })) => Err(Error::Corrupt(format!(
                "a row points to the object {name}, which is not there"
            ))),
            Err(error) => Err(error),
        }
    }

    /// Deletes files; those that are gone already are no error.
    pub(crate) async fn delete(&self, names: impl IntoIterator<Item = &str>) -> Result<(), Error> {
        let names: Vec<_> = names.into_iter().map(|name| Ok(Path::from(name))).collect();
        let deleted = self.store()?.delete_stream(stream::iter(names).boxed());
        let failures = deleted.filter(|done| {
            let gone = matches!(done, Ok(_) | Err(object_store::Error::NotFound { .. }));
            std::future::ready(!gone)
        });
        failures.try_for_each(|_| std::future::ready(Ok(()))).await?;
        Ok(())
    }

    /// Deletes this file of a picture, if an earlier attempt has left it.
    pub(crate) async fn forget(&self, id: ImageId, variant: Variant) -> Result<(), Error> {
        match &self.0 {
            Some(_) => self.delete([name(id, variant).as_str()]).await,
            None => Ok(()),
        }
    }

    fn store(&self) -> Result<&Arc<dyn ObjectStore>, Error> {
        let missing = || Error::Setting(format!("pictures are in an object store, but {SETTING} is database"));
        self.0.as_ref().ok_or_else(missing)
    }
}

/// Where it is, without anything secret.
impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(store) => write!(f, "Objects({store})"),
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
