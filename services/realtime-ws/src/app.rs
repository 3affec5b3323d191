//! Puts the service together.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{http::Method, web};
use citytrack_access::{AdministratorToken, ViewerTokens};
use citytrack_broker::{
    Inbox, InboxMetrics, Options, Publisher, PublisherMetrics, PublisherOptions, Source,
    topology::{DETECTIONS, Topology},
};
use citytrack_common::{Lifecycle, Listener, admin, http, openapi::Document};
use citytrack_domain::Clock;
use prometheus::Registry;
use secrecy::ExposeSecret;

use crate::{
    desk::Desk,
    error::StartError,
    event_stream,
    feed::{Feed, FeedHandle},
    guests::{GuestLimits, Guests},
    handshake::{self, PATH, Sockets, live},
    history::HistoryLimits,
    hub::Hub,
    metrics::LiveMetrics,
    openapi,
    presence::{
        self, Presence,
        route::{PresenceSource, presence},
    },
    session::Common,
    settings::{LiveSettings, Settings},
    socket::Surroundings,
    venue::VenueSettings,
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
        let sockets = Sockets {
            around: Arc::new(Surroundings {
                feed: feed.clone(),
                clock: clock.clone(),
                metrics: metrics.clone(),
                stop: lifecycle.spawner().stop(),
                close_window: settings.live.close_window.into(),
            }),
            common: Arc::new(Common {
                settings: Arc::new(settings.live.clone()),
                tokens: ViewerTokens::new(&settings.viewer_secret),
                feed,
                metrics: metrics.clone(),
            }),
            guests: Guests::new(guest_limits(&settings.live)),
            proxies: settings.proxies.trusted.clone(),
        };
        admin::start(&settings.admin, registry.clone(), lifecycle).map_err(StartError::Listener)?;
        let listener = Listener::open(&settings.http).map_err(StartError::Listener)?;
        let address = listener.address();
        let presence = Presence::new(instance(&settings.live, address));
        let everywhere = presence.everywhere();
        let administrator = settings.administrator_token.as_ref().map(AdministratorToken::new);
        let source = PresenceSource {
            everywhere,
            administrator,
        };
        start_listener(listener, settings, &registry, lifecycle, sockets, source)?;
        start_feed(settings, &registry, lifecycle, presence, commands, (clock, metrics))?;
        Ok(Self { address, registry })
    }
}

fn start_listener(
    listener: Listener,
    settings: &Settings,
    registry: &Registry,
    lifecycle: &Lifecycle,
    sockets: Sockets,
    source: PresenceSource,
) -> Result<(), StartError> {
    let upgrading = Arc::new(sockets.clone());
    let document =
        Document::new(openapi::SERVICE, &openapi::openapi()).map_err(|error| StartError::Listener(error.into()))?;
    let (sockets, source) = (web::Data::new(sockets), web::Data::new(source));
    let routes = move |config: &mut web::ServiceConfig| {
        config
            .app_data(sockets.clone())
            .app_data(source.clone())
            .service(
                web::resource(PATH)
                    .route(web::get().to(live))
                    .route(web::method(Method::OPTIONS).to(event_stream::preflight))
                    .default_service(http::only("GET")),
            )
            .service(
                web::resource(format!("{PATH}/presence"))
                    .route(http::get().to(presence))
                    .default_service(http::only("GET, HEAD")),
            )
            .service(document.resource());
    };
    let upgrade = move |request, connection| handshake::upgrade(request, connection, Arc::clone(&upgrading));
    listener
        .start(&settings.http, registry, lifecycle, routes, upgrade)
        .map_err(StartError::Listener)
}

fn start_feed(
    settings: &Settings,
    registry: &Registry,
    lifecycle: &Lifecycle,
    presence: Presence,
    commands: tokio::sync::mpsc::Receiver<crate::feed::Command>,
    (clock, metrics): (Clock, LiveMetrics),
) -> Result<(), StartError> {
    let live = &settings.live;
    let (publisher, publishing) = Publisher::new(publisher(settings)?, PublisherMetrics::new(registry)?);
    let announcer = presence.announcer(publisher);
    let hub = Hub::new(live.remembered_batches.get(), venue_settings(live), metrics.clone());
    let feed = Feed::new(
        inbox(settings, presence.name(), registry)?,
        commands,
        Desk::new(hub, presence, live.unbind_after.into()),
        lifecycle.readiness().check("broker"),
        clock,
        metrics,
    );
    let spawner = lifecycle.spawner();
    spawner.spawn("feed", feed.run());
    spawner.spawn("presence", announcer.run(spawner.stop()));
    spawner.spawn("publisher", async move {
        publishing.await;
        Ok::<_, std::convert::Infallible>(())
    });
    Ok(())
}

/// Different for every instance that runs at the same time, and the same again after a restart.
fn instance(live: &LiveSettings, address: SocketAddr) -> String {
    let host = || gethostname::gethostname().to_string_lossy().into_owned();
    live.instance
        .clone()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| format!("{}:{}", host(), address.port()))
}

fn guest_limits(live: &LiveSettings) -> GuestLimits {
    GuestLimits {
        all: live.sockets.get(),
        per_token: live.sockets_per_token.get(),
        per_address: live.sockets_per_address.get(),
    }
}

fn venue_settings(live: &LiveSettings) -> VenueSettings {
    VenueSettings {
        history: HistoryLimits {
            frames: live.history.get(),
            bytes: usize::try_from(live.history_size.as_u64()).unwrap_or(usize::MAX),
            age: live.history_age.into(),
        },
        backlog_after: live.backlog_after.into(),
        snapshot_age: live.snapshot_age.into(),
        resume_timeout: live.resume_timeout.into(),
    }
}

fn connection(settings: &Settings, name: &str) -> Result<Options, StartError> {
    let broker = &settings.broker;
    let options = Options {
        url: broker.url.expose_secret().to_owned(),
        name: name.to_owned(),
        heartbeat: broker.heartbeat.into(),
        topology: DETECTIONS,
    };
    options.check()?;
    Ok(options)
}

fn inbox(settings: &Settings, instance: &str, registry: &Registry) -> Result<Inbox, StartError> {
    let live = &settings.live;
    let source = Source::Live {
        name: format!("citytrack.live.{instance}"),
        keep: live.broker_keep.into(),
        max_length: live.broker_queue.get(),
        max_bytes: live.broker_queue_size.as_u64(),
    };
    let connection = connection(settings, "realtime-ws feed")?;
    Ok(Inbox::new(
        connection,
        source,
        live.broker_prefetch.get(),
        InboxMetrics::new(registry)?,
    ))
}

/// For the few small messages about presence.
fn publisher(settings: &Settings) -> Result<PublisherOptions, StartError> {
    let Topology { exchange, .. } = DETECTIONS;
    Ok(PublisherOptions {
        connection: connection(settings, "realtime-ws presence")?,
        exchange,
        kind: presence::KIND,
        mandatory: true,
        max_waiting: 8,
        max_waiting_bytes: 1 << 20,
        max_group_bytes: 1,
        gather: Duration::ZERO,
        confirm_timeout: Duration::from_secs(5),
    })
}
