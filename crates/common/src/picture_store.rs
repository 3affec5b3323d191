//! The setting where pictures are kept, for all services that keep or show them.

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use crate::settings::SecretParser;

/// Where the files of pictures are.
#[derive(Args, Clone)]
pub struct PictureStoreSettings {
    /// Where pictures are kept: database, file:///directory (which must be there) or s3://bucket/prefix; the same for worker
    /// save, stats and console. What is written about a picture is always in PostgreSQL
    #[arg(
        id = "images-store",
        long = "images-store",
        env = "CITYTRACK_IMAGES__STORE",
        default_value = "database"
    )]
    pub store: String,
    /// S3: the server, as https://host:port or http://host:port; else that of AWS for the region
    #[arg(
        id = "images-s3-endpoint",
        long = "images-s3-endpoint",
        env = "CITYTRACK_IMAGES__S3_ENDPOINT",
        value_parser = web_address
    )]
    pub s3_endpoint: Option<String>,
    /// S3: the region
    #[arg(
        id = "images-s3-region",
        long = "images-s3-region",
        env = "CITYTRACK_IMAGES__S3_REGION",
        default_value = "us-east-1"
    )]
    pub s3_region: String,
    /// S3: the name of the access key; without one, the machine's own role is used, as AWS gives it to its instances
    #[arg(
        id = "images-s3-access-key",
        long = "images-s3-access-key",
        env = "CITYTRACK_IMAGES__S3_ACCESS_KEY",
        requires = "images-s3-secret-key"
    )]
    pub s3_access_key: Option<String>,
    /// S3: the secret of the access key
    #[arg(
        id = "images-s3-secret-key",
        long = "images-s3-secret-key",
        env = "CITYTRACK_IMAGES__S3_SECRET_KEY",
        hide_env_values = true,
        requires = "images-s3-access-key",
        value_parser = SecretParser::at_least(1)
    )]
    pub s3_secret_key: Option<SecretString>,
}

impl PictureStoreSettings {
    /// What is said about S3, under the names that its clients have for it.
    pub fn options(&self) -> impl Iterator<Item = (&'static str, String)> {
        let secret = self
            .s3_secret_key
            .as_ref()
            .map(|secret| secret.expose_secret().to_owned());
        let options = [
            ("region", Some(self.s3_region.clone())),
            ("endpoint", self.s3_endpoint.clone()),
            ("access_key_id", self.s3_access_key.clone()),
            ("secret_access_key", secret),
        ];
        options.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

fn web_address(text: &str) -> Result<String, String> {
    let is_one = text.starts_with("https://") || text.starts_with("http://");
    is_one
        .then(|| text.to_owned())
        .ok_or_else(|| "must begin with https:// or http://".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::settings::from_args;

    #[derive(Parser)]
    struct Sample {
        #[command(flatten)]
        pictures: PictureStoreSettings,
    }

    fn options(arguments: &[&str]) -> Result<Vec<(&'static str, String)>, String> {
        let sample: Sample = from_args(arguments).map_err(|error| error.to_string())?;
        Ok(sample.pictures.options().collect())
    }

    #[test]
    fn options_of_s3_are_those_that_are_set() {
        let region = ("region", "us-east-1".to_owned());
        assert_eq!(options(&[]).unwrap(), std::slice::from_ref(&region));
        let all = [
            "--images-s3-endpoint=http://s3:9000",
            "--images-s3-access-key=k",
            "--images-s3-secret-key=s",
        ];
        let rest = [
            ("endpoint", "http://s3:9000"),
            ("access_key_id", "k"),
            ("secret_access_key", "s"),
        ];
        let expected: Vec<_> = rest.map(|(name, value)| (name, value.to_owned())).into();
        assert_eq!(options(&all).unwrap(), [vec![region], expected].concat());
    }

    #[test]
    fn half_a_key_and_no_address_are_refused_by_name() {
        for (wrong, named) in [
            ("--images-s3-access-key=k", "--images-s3-secret-key"),
            ("--images-s3-secret-key=s", "--images-s3-access-key"),
            ("--images-s3-endpoint=s3:9000", "--images-s3-endpoint"),
        ] {
            let error = options(&[wrong]).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
