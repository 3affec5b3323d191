//! Puts the ingest API together.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::web;
use citytrack_broker::{Options, Publisher, PublisherMetrics, PublisherOptions, topology::DETECTIONS};
use citytrack_common::{Lifecycle, TaskError, admin, health, http, openapi::Document};
use citytrack_domain::{Clock, Window};
use citytrack_messages::SCHEMA;
use citytrack_storage::{Database, DatabaseOptions};
use secrecy::ExposeSecret;

use crate::{
    body::BodyLimits,
    gate::Gate,
    images,
    intake::Intake,
    keys::{self, KeyRing},
    metrics::IngestMetrics,
    openapi,
    rate::Limiter,
    refusals,
    request::Limits,
    room::Room,
    routes,
    settings::Settings,
    sink::Sink,
};

/// A running ingest API.
pub struct App {
    /// Where it really listens.
    pub address: SocketAddr,
}

impl App {
    /// Starts every task of the service.
    ///
    /// # Errors
    /// When an address is taken or the database URL cannot be read. Servers that are away are waited for.
    pub fn start(settings: &Settings, lifecycle: &Lifecycle) -> Result<Self, TaskError> {
        let registry = admin::registry()?;
        let spawner = lifecycle.spawner();
        let readiness = lifecycle.readiness();

        let options = publisher_options(settings);
        options
            .connection
            .check()
            .map_err(|error| format!("CITYTRACK_BROKER__URL: {error}"))?;
        let (publisher, publishing) = Publisher::new(options, PublisherMetrics::new(&registry)?);
        spawner.spawn(
            "broker status",
            health::follow(readiness.check("broker"), publisher.status(), spawner.stop()),
        );
        spawner.spawn("publisher", async move {
            publishing.await;
            Ok::<(), TaskError>(())
        });

        let ring = KeyRing::default();
        let interval: Duration = settings.keys_interval.into();
        let refresh = keys::refresh(
            ring.clone(),
            database(settings, true)?,
            interval,
            readiness.check("keys"),
            spawner.stop(),
        );
        spawner.spawn("node keys", refresh);

        let metrics = IngestMetrics::new(&registry)?;
        let (refusals, writing) =
            refusals::start(database(settings, false)?, metrics.unrecorded.clone(), spawner.stop());
        spawner.spawn("refusals", writing);

        let (limiter, limits) = (Arc::new(Limiter::new(&settings.rate)), limits(settings));
        let images = images::start(
            settings,
            ring.clone(),
            Arc::clone(&limiter),
            limits,
            &registry,
            &spawner,
        )?;
        let images = web::Data::new(images);
        let intake = web::Data::new(Intake {
            ring,
            gate: gate(settings, limiter),
            sink: Sink::new(publisher),
            limits,
            clock: Clock::System,
            refusals,
            metrics,
        });
        let document = Document::new(openapi::SERVICE, &openapi::openapi())?;
        let address = http::start(&settings.http, &registry, lifecycle, move |config| {
            config
                .app_data(intake.clone())
                .app_data(images.clone())
                .configure(routes::configure)
                .service(document.resource());
        })?;
        admin::start(&settings.admin, registry, lifecycle)?;
        Ok(Self { address })
    }
}

fn publisher_options(settings: &Settings) -> PublisherOptions {
    PublisherOptions {
        connection: Options {
            url: settings.broker.url.expose_secret().to_owned(),
            name: "citytrack ingest-api".to_owned(),
            heartbeat: settings.broker.heartbeat.into(),
            topology: DETECTIONS,
        },
        exchange: DETECTIONS.exchange,
        kind: SCHEMA,
        mandatory: true,
        max_waiting: usize::try_from(settings.publish.max_waiting).unwrap_or(usize::MAX),
        max_waiting_bytes: usize::try_from(settings.publish.max_waiting_bytes.as_u64()).unwrap_or(usize::MAX),
        max_group_bytes: usize::try_from(settings.publish.max_group.as_u64()).unwrap_or(usize::MAX),
        gather: settings.publish.gather.into(),
        confirm_timeout: settings.publish.confirm_timeout.into(),
    }
}

/// Keys are read; only refusals are written, by one task.
fn database(settings: &Settings, read_only: bool) -> Result<Database, TaskError> {
    Ok(Database::connect(&DatabaseOptions {
        url: settings.database.url.expose_secret().to_owned(),
        pool_size: if read_only {
            settings.database.pool_size.get()
        } else {
            1
        },
        wait: settings.database.wait.into(),
        statement_timeout: settings.database.statement_timeout.into(),
        read_only,
        application_name: "citytrack ingest-api",
    })?)
}

fn gate(settings: &Settings, limiter: Arc<Limiter>) -> Gate {
    let limits = &settings.limits;
    Gate {
        limiter,
        room: Room::new(limits.max_bodies.as_u64(), limits.max_body.as_u64()),
        body_limits: BodyLimits {
            bytes: usize::try_from(limits.max_body.as_u64()).unwrap_or(usize::MAX),
            timeout: limits.body_timeout.into(),
        },
    }
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        frames: settings.limits.max_frames.get(),
        detections: settings.limits.max_detections.get(),
        window: Window {
            back: settings.limits.accept_back.into(),
            ahead: settings.limits.accept_ahead.into(),
        },
    }
}
