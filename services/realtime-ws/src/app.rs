//! Puts the service together.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::web;
use citytrack_access::ViewerTokens;
use citytrack_broker::{Inbox, InboxMetrics, Options, Source, topology::DETECTIONS};
use citytrack_common::{Lifecycle, admin, http};
use citytrack_domain::Clock;
use prometheus::Registry;
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;

use crate::{
    desk::Desk,
    error::StartError,
    feed::{Feed, FeedHandle},
    handshake::{Sockets, live},
    hub::Hub,
    metrics::LiveMetrics,
    settings::Settings,
};

/// The running service.
pub struct App {
    /// The address that is really listened on.
    pub address: SocketAddr,
    /// Everything that is measured.
    pub registry: Registry,
}

impl App {
    /// Opens the listeners and starts the feed; all of it ends with `lifecycle`.
    ///
    /// # Errors
    /// When a listener cannot be opened.
    pub fn start(settings: &Settings, clock: Clock, lifecycle: &Lifecycle) -> Result<Self, StartError> {
        let registry = admin::registry()?;
        let metrics = LiveMetrics::new(&registry)?;
        let (feed, commands) = FeedHandle::new();
        let hub = Hub::new(settings.live.remembered_batches.get(), metrics.clone());
        let worker = Feed::new(
            inbox(settings, &registry)?,
            commands,
            Desk::new(hub, settings.live.unbind_after.into()),
            lifecycle.readiness().check("broker"),
            clock.clone(),
            metrics.clone(),
        );
        let sockets = web::Data::new(Sockets {
            settings: Arc::new(settings.live.clone()),
            tokens: ViewerTokens::new(&settings.viewer_secret),
            feed,
            clock,
            metrics,
            stop: lifecycle.spawner().stop(),
            places: Arc::new(Semaphore::new(settings.live.sockets.get() as usize)),
        });
        let routes = move |config: &mut web::ServiceConfig| {
            config.app_data(sockets.clone()).service(
                web::resource("/api/v1/live")
                    .route(web::get().to(live))
                    .default_service(http::only("GET")),
            );
        };
        admin::start(&settings.admin, registry.clone(), lifecycle).map_err(StartError::Listener)?;
        let address = http::start(&settings.http, &registry, lifecycle, routes).map_err(StartError::Listener)?;
        lifecycle.spawner().spawn("feed", worker.run());
        Ok(Self { address, registry })
    }
}

fn inbox(settings: &Settings, registry: &Registry) -> Result<Inbox, StartError> {
    let broker = &settings.broker;
    let options = Options {
        url: broker.url.expose_secret().to_owned(),
        name: "realtime-ws feed".to_owned(),
        heartbeat: broker.heartbeat.into(),
        topology: DETECTIONS,
    };
    options.check()?;
    let source = Source::Live {
        name: String::new(),
        keep: Duration::ZERO,
        max_length: settings.live.broker_queue.get(),
        max_bytes: settings.live.broker_queue_size.as_u64(),
    };
    let prefetch = settings.live.broker_prefetch.get();
    Ok(Inbox::new(options, source, prefetch, InboxMetrics::new(registry)?))
}
