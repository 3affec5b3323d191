//! Settings of the ingest API.

mod images;

use std::num::NonZeroUsize;

use bytesize::ByteSize;
use citytrack_common::settings::{
    AdminSettings, BrokerSettings, DatabaseSettings, HttpSettings, LogSettings, ShutdownSettings,
};
use clap::{Args, Parser, value_parser};
use humantime::Duration;

use images::ImageSettings;

/// The write API of CityTrack, which detection nodes post to.
#[derive(Clone, Parser)]
#[command(
    name = "ingest-api", version, about,
    mut_arg("http-listen", |arg| arg.default_value("127.0.0.1:21100")),
    mut_arg("admin-listen", |arg| arg.default_value("127.0.0.1:21101")),
    // A connection with a request in hand takes some 45 kB: this many of them on two threads stay below 400 MB.
    mut_arg("http-max-connections", |arg| arg.default_value("4000")),
)]
pub struct Settings {
    /// What is accepted.
    #[command(flatten)]
    pub limits: LimitSettings,
    /// How much a node may send.
    #[command(flatten)]
    pub rate: RateSettings,
    /// How batches are handed to the broker.
    #[command(flatten)]
    pub publish: PublishSettings,
    /// Pictures.
    #[command(flatten)]
    pub images: ImageSettings,
    /// How often the node keys are compared with the database; a revoked key works that much longer at most. While the
    /// database is away the keys known last stay valid
    #[arg(
        long = "ingest-keys-interval",
        env = "CITYTRACK_INGEST__KEYS_INTERVAL",
        default_value = "1s"
    )]
    pub keys_interval: Duration,
    /// The API.
    #[command(flatten)]
    pub http: HttpSettings,
    /// The listener for operators.
    #[command(flatten)]
    pub admin: AdminSettings,
    /// PostgreSQL, for the node keys.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// RabbitMQ.
    #[command(flatten)]
    pub broker: BrokerSettings,
    /// Log lines.
    #[command(flatten)]
    pub log: LogSettings,
    /// How the process ends.
    #[command(flatten)]
    pub shutdown: ShutdownSettings,
}

impl Settings {
    /// Whether the settings fit each other.
    ///
    /// # Errors
    /// What is wrong, naming the variables.
    pub fn check(&self) -> Result<(), String> {
        // What may wait is counted in KiB.
        let (waiting, body) = (
            self.publish.max_waiting_bytes,
            self.limits.max_body.max(ByteSize::kib(1)),
        );
        if waiting < body {
            return Err(format!(
                "CITYTRACK_PUBLISH__MAX_WAITING_BYTES ({waiting}) must be at least CITYTRACK_INGEST__MAX_BODY ({body}): the largest \
                 batch would never be published"
            ));
        }
        let (waiting, picture) = (self.images.max_waiting_bytes, self.images.max_bytes);
        // What is known about a picture goes along.
        if waiting < picture + ByteSize::mib(1) {
            return Err(format!(
                "CITYTRACK_IMAGES__MAX_WAITING_BYTES ({waiting}) must be at least 1 MiB more than CITYTRACK_IMAGES__MAX_BYTES \
                 ({picture}): the largest picture would never be published"
            ));
        }
        Ok(())
    }
}

/// What a request may hold.
#[derive(Args, Clone, Debug)]
pub struct LimitSettings {
    /// Largest body of a request, before and after decompression
    #[arg(long = "ingest-max-body", env = "CITYTRACK_INGEST__MAX_BODY", default_value = "4MiB")]
    pub max_body: ByteSize,
    /// How long a client may take to send a body
    #[arg(
        long = "ingest-body-timeout",
        env = "CITYTRACK_INGEST__BODY_TIMEOUT",
        default_value = "30s"
    )]
    pub body_timeout: Duration,
    /// Bytes of bodies that may be in hand at once, as they were sent, from all nodes; one more is answered 503. A node may have a
    /// quarter of it. Bodies that are being unpacked may have four times CITYTRACK_INGEST__MAX_BODY besides
    #[arg(
        long = "ingest-max-bodies",
        env = "CITYTRACK_INGEST__MAX_BODIES",
        default_value = "32MiB"
    )]
    pub max_bodies: ByteSize,
    /// Most frames in a batch
    #[arg(
        long = "ingest-max-frames",
        env = "CITYTRACK_INGEST__MAX_FRAMES",
        default_value = "1000"
    )]
    pub max_frames: NonZeroUsize,
    /// Most detections in a frame
    #[arg(
        long = "ingest-max-detections",
        env = "CITYTRACK_INGEST__MAX_DETECTIONS",
        default_value = "500"
    )]
    pub max_detections: NonZeroUsize,
    /// How old a frame or a batch id may be. Batch ids must be remembered for longer (CITYTRACK_RETENTION__BATCHES of the
    /// worker)
    #[arg(
        long = "ingest-accept-back",
        env = "CITYTRACK_INGEST__ACCEPT_BACK",
        default_value = "7days"
    )]
    pub accept_back: Duration,
    /// How far ahead of the server's clock a frame or a batch id may be
    #[arg(
        long = "ingest-accept-ahead",
        env = "CITYTRACK_INGEST__ACCEPT_AHEAD",
        default_value = "5m"
    )]
    pub accept_ahead: Duration,
}

/// How much a node may send to one instance, beyond which it is answered 429. A rate of 0 is no limit.
#[derive(Args, Clone, Debug)]
pub struct RateSettings {
    /// Batches a second from a node, of those made a short while ago; 0 is no limit
    #[arg(
        long = "rate-live-batches",
        env = "CITYTRACK_RATE__LIVE_BATCHES",
        default_value = "500"
    )]
    pub live_batches: u64,
    /// Bytes a second of their bodies, after decompression; 0 is no limit
    #[arg(long = "rate-live-bytes", env = "CITYTRACK_RATE__LIVE_BYTES", default_value = "4MiB")]
    pub live_bytes: ByteSize,
    /// Batches a second from a node, of those that it could not send earlier; 0 is no limit
    #[arg(
        long = "rate-backlog-batches",
        env = "CITYTRACK_RATE__BACKLOG_BATCHES",
        default_value = "1000"
    )]
    pub backlog_batches: u64,
    /// Bytes a second of their bodies, after decompression; 0 is no limit
    #[arg(
        long = "rate-backlog-bytes",
        env = "CITYTRACK_RATE__BACKLOG_BYTES",
        default_value = "8MiB"
    )]
    pub backlog_bytes: ByteSize,
    /// A batch belongs to the backlog when its id is older than this
    #[arg(long = "rate-backlog-age", env = "CITYTRACK_RATE__BACKLOG_AGE", default_value = "1m")]
    pub backlog_age: Duration,
    /// Pictures a second from a node; 0 is no limit
    #[arg(long = "rate-images", env = "CITYTRACK_RATE__IMAGES", default_value = "20")]
    pub images: u64,
    /// Bytes a second of their bodies; 0 is no limit
    #[arg(
        long = "rate-image-bytes",
        env = "CITYTRACK_RATE__IMAGE_BYTES",
        default_value = "16MiB"
    )]
    pub image_bytes: ByteSize,
    /// For how long a node that was silent may go at any speed: so many seconds' worth of each rate may come at once
    #[arg(long = "rate-burst", env = "CITYTRACK_RATE__BURST", default_value = "5s")]
    pub burst: Duration,
}

/// How batches are handed to the broker.
#[derive(Args, Clone, Debug)]
pub struct PublishSettings {
    /// Batches that may wait for the broker's confirm, 1,000,000 at most; one more is answered 503
    #[arg(
        long = "publish-max-waiting",
        env = "CITYTRACK_PUBLISH__MAX_WAITING",
        default_value = "4096",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_waiting: u32,
    /// Bytes of such batches, likewise; at least CITYTRACK_INGEST__MAX_BODY
    #[arg(
        long = "publish-max-waiting-bytes",
        env = "CITYTRACK_PUBLISH__MAX_WAITING_BYTES",
        default_value = "64MiB"
    )]
    pub max_waiting_bytes: ByteSize,
    /// Batches of a venue that arrive while a confirm is outstanding go out together, up to this size
    #[arg(
        long = "publish-max-group",
        env = "CITYTRACK_PUBLISH__MAX_GROUP",
        default_value = "128KiB"
    )]
    pub max_group: ByteSize,
    /// How long, at most, a group waits for company while at least five batches of its venue are on their way; 0s: not at
    /// all. A batch that meets a quiet venue leaves at once
    #[arg(long = "publish-gather", env = "CITYTRACK_PUBLISH__GATHER", default_value = "1ms")]
    pub gather: Duration,
    /// How long a confirm may take before the answer is 503
    #[arg(
        long = "publish-confirm-timeout",
        env = "CITYTRACK_PUBLISH__CONFIRM_TIMEOUT",
        default_value = "5s"
    )]
    pub confirm_timeout: Duration,
}

#[cfg(test)]
mod tests {
    use citytrack_common::settings::from_args;

    use super::*;

    fn settings(extra: &[&str]) -> Result<Settings, clap::Error> {
        let given = ["--database-url=postgres://x", "--broker-url=amqp://x"];
        from_args(given.iter().chain(extra))
    }

    #[test]
    fn the_largest_body_must_fit_into_what_may_wait() {
        assert_eq!(settings(&[]).unwrap().check(), Ok(()));
        let fits = settings(&["--publish-max-waiting-bytes=4MiB"]).unwrap();
        assert_eq!(fits.check(), Ok(()));
        let wrong = settings(&["--ingest-max-body=65MiB"]).unwrap().check().unwrap_err();
        assert!(
            wrong.contains("CITYTRACK_PUBLISH__MAX_WAITING_BYTES") && wrong.contains("CITYTRACK_INGEST__MAX_BODY"),
            "{wrong}"
        );
    }

    #[test]
    fn the_largest_picture_must_fit_into_what_may_wait() {
        let fits = settings(&["--images-max-waiting-bytes=9MiB"]).unwrap();
        assert_eq!(fits.check(), Ok(()));
        let wrong = settings(&["--images-max-bytes=32MiB"]).unwrap().check().unwrap_err();
        assert!(
            wrong.contains("CITYTRACK_IMAGES__MAX_WAITING_BYTES") && wrong.contains("CITYTRACK_IMAGES__MAX_BYTES"),
            "{wrong}"
        );
    }

    #[test]
    fn as_many_may_wait_as_can_be_counted() {
        assert!(settings(&["--publish-max-waiting=1000000"]).is_ok());
        for wrong in ["0", "1000001", "18446744073709551615"] {
            assert!(settings(&["--publish-max-waiting", wrong]).is_err(), "{wrong}");
        }
    }
}
