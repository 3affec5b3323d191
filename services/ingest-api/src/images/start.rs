//! Puts together what takes pictures: a publisher and an inbox on connections of their own, beside those of batches.

use std::{sync::Arc, time::Duration};

use citytrack_access::UploadTokens;
use citytrack_broker::{
    Inbox, InboxMetrics, Options, Publisher, PublisherMetrics, PublisherOptions, Source, topology::IMAGES,
};
use citytrack_common::{Spawner, TaskError};
use citytrack_domain::{Clock, new_id};
use citytrack_messages::images::UPLOAD;
use citytrack_storage::{Database, DatabaseOptions};
use prometheus::Registry;
use secrecy::ExposeSecret;

use super::{Answers, ImageMetrics, Images, Receipts, Senders, receive::largest_form};
use crate::{
    body::BodyLimits, gate::Gate, keys::KeyRing, rate::Limiter, request::Limits, room::Room, settings::Settings,
    sink::Sink,
};

/// Connections that receipts are written through.
const RECEIPT_CONNECTIONS: usize = 2;
/// Answers that are handed out and not acknowledged yet, and those that wait: whoever they are for waits for seconds at most.
const PREFETCH: u16 = 32;
const ANSWERS: (u64, u64) = (1_000, 64 << 20);

/// The room that a picture takes while it comes, however little of it has come. So the room bounds their number, too: 512 in 32 MiB,
/// however slowly they are sent, which leaves connections for detections.
const LEAST_ROOM: u64 = 64 << 10;

/// Starts the tasks that pictures need. They are no part of readiness: batches are taken without them.
pub(crate) fn start(
    settings: &Settings,
    ring: KeyRing,
    limiter: Arc<Limiter>,
    limits: Limits,
    registry: &Registry,
    spawner: &Spawner,
) -> Result<Images, TaskError> {
    let metrics = ImageMetrics::new(registry)?;
    let (publisher, publishing) = Publisher::new(
        publisher_options(settings),
        PublisherMetrics::named(registry, "images")?,
    );
    spawner.spawn("publisher of pictures", async move {
        publishing.await;
        Ok::<(), TaskError>(())
    });
    let (answers, telling) = answers(settings, registry, spawner)?;
    spawner.spawn("answers about pictures", telling);
    let tokens = settings.images.viewer_secret.as_ref();
    Ok(Images {
        senders: Senders::new(ring, tokens.map(UploadTokens::new)),
        gate: gate(settings, limiter),
        sink: Sink::new(publisher),
        answers,
        receipts: Receipts {
            database: database(settings)?,
            patience: settings.images.receipt_timeout.into(),
            unwritten: metrics.without_receipt.clone(),
        },
        limits,
        header_limits: citytrack_images::Limits {
            pixels: settings.images.max_pixels.get().into(),
            ..citytrack_images::Limits::default()
        },
        max_wait: settings.images.max_wait.into(),
        clock: Clock::System,
        metrics,
    })
}

fn connection(settings: &Settings, name: &str) -> Options {
    Options {
        url: settings.broker.url.expose_secret().to_owned(),
        name: format!("citytrack ingest-api: {name}"),
        heartbeat: settings.broker.heartbeat.into(),
        topology: IMAGES,
    }
}

fn publisher_options(settings: &Settings) -> PublisherOptions {
    PublisherOptions {
        connection: connection(settings, "pictures"),
        exchange: IMAGES.exchange,
        kind: UPLOAD,
        mandatory: true,
        max_waiting: usize::try_from(settings.images.max_waiting).unwrap_or(usize::MAX),
        max_waiting_bytes: size(settings.images.max_waiting_bytes),
        // Pictures are never joined.
        max_group_bytes: 0,
        gather: Duration::ZERO,
        confirm_timeout: settings.publish.confirm_timeout.into(),
    }
}

fn answers(
    settings: &Settings,
    registry: &Registry,
    spawner: &Spawner,
) -> Result<(Answers, impl Future<Output = Result<(), TaskError>> + use<>), TaskError> {
    let instance = new_id(Clock::System.now()).simple().to_string();
    let (max_length, max_bytes) = ANSWERS;
    let own_queue = Source::Live {
        name: format!("citytrack.answers.{instance}"),
        keep: Duration::ZERO,
        max_length,
        max_bytes,
    };
    let connection = connection(settings, "answers");
    let inbox = Inbox::new(connection, own_queue, PREFETCH, InboxMetrics::new(registry)?);
    Ok(Answers::new(
        instance,
        settings.images.max_waiters,
        inbox,
        spawner.stop(),
    ))
}

fn gate(settings: &Settings, limiter: Arc<Limiter>) -> Gate {
    let (bodies, largest) = (settings.images.max_bodies, settings.images.max_bytes);
    Gate {
        limiter,
        room: Room::new(bodies.as_u64(), largest_form(size(largest)) as u64).of_at_least(LEAST_ROOM),
        body_limits: BodyLimits {
            bytes: size(largest),
            timeout: settings.limits.body_timeout.into(),
        },
    }
}

/// For receipts alone.
fn database(settings: &Settings) -> Result<Database, TaskError> {
    let patience = settings.images.receipt_timeout.into();
    Ok(Database::connect(&DatabaseOptions {
        url: settings.database.url.expose_secret().to_owned(),
        pool_size: RECEIPT_CONNECTIONS,
        wait: patience,
        statement_timeout: patience,
        read_only: false,
        application_name: "citytrack ingest-api",
    })?)
}

fn size(bytes: bytesize::ByteSize) -> usize {
    usize::try_from(bytes.as_u64()).unwrap_or(usize::MAX)
}
