//! Settings of pictures.

use std::num::NonZeroU32;

use bytesize::ByteSize;
use citytrack_access::MIN_SECRET_LENGTH;
use citytrack_common::settings::SecretParser;
use clap::{Args, value_parser};
use humantime::Duration;
use secrecy::SecretString;

/// What a picture may be, and how pictures are handed to the broker.
#[derive(Args, Clone)]
pub struct ImageSettings {
    /// Largest picture, in bytes as it was sent. One more byte is answered 413 before it is read
    #[arg(
        long = "images-max-bytes",
        env = "CITYTRACK_IMAGES__MAX_BYTES",
        default_value = "8MiB"
    )]
    pub max_bytes: ByteSize,
    /// Most pixels of a picture, by what its head claims. The worker refuses more than 50,000,000 in any case
    #[arg(
        long = "images-max-pixels",
        env = "CITYTRACK_IMAGES__MAX_PIXELS",
        default_value = "50000000"
    )]
    pub max_pixels: NonZeroU32,
    /// Bytes of pictures that may be in hand at once, from all nodes, beside those of batches; one more is answered 503. Each takes
    /// 64 KiB or more, so this bounds their number, too. A node may have a quarter of it, and always one form with the largest picture
    #[arg(
        id = "images-max-bodies",
        long = "images-max-bodies",
        env = "CITYTRACK_IMAGES__MAX_BODIES",
        default_value = "32MiB"
    )]
    pub max_bodies: ByteSize,
    /// Pictures that may wait for the broker's confirm; one more is answered 503
    #[arg(
        id = "images-max-waiting",
        long = "images-max-waiting",
        env = "CITYTRACK_IMAGES__MAX_WAITING",
        default_value = "256",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_waiting: u32,
    /// Bytes of such pictures, likewise; at least 1 MiB more than CITYTRACK_IMAGES__MAX_BYTES
    #[arg(
        id = "images-max-waiting-bytes",
        long = "images-max-waiting-bytes",
        env = "CITYTRACK_IMAGES__MAX_WAITING_BYTES",
        default_value = "32MiB"
    )]
    pub max_waiting_bytes: ByteSize,
    /// Longest time that an upload may wait for its result (`?wait=`)
    #[arg(long = "images-max-wait", env = "CITYTRACK_IMAGES__MAX_WAIT", default_value = "30s")]
    pub max_wait: Duration,
    /// Uploads that may wait for their results at once; one more is answered 202 at once
    #[arg(
        long = "images-max-waiters",
        env = "CITYTRACK_IMAGES__MAX_WAITERS",
        default_value = "256"
    )]
    pub max_waiters: usize,
    /// How long the answer may be held up by PostgreSQL, which notes that a picture was received; without the note it is answered all
    /// the same
    #[arg(
        long = "images-receipt-timeout",
        env = "CITYTRACK_IMAGES__RECEIPT_TIMEOUT",
        default_value = "250ms"
    )]
    pub receipt_timeout: Duration,
    /// Key that upload tokens of the console are signed with, at least 32 characters; the same as there. Without it only node keys are
    /// taken
    #[arg(
        long = "viewer-secret",
        env = "CITYTRACK_VIEWER__SECRET",
        hide_env_values = true,
        value_parser = SecretParser::at_least(MIN_SECRET_LENGTH)
    )]
    pub viewer_secret: Option<SecretString>,
}
