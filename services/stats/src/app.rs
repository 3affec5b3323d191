//! Puts the read API together.

use std::net::SocketAddr;

use actix_web::{FromRequest, Handler, Responder, dev::HttpServiceFactory, middleware::Compress, web};
use citytrack_access::ViewerTokens;
use citytrack_common::{Lifecycle, TaskError, admin, http, openapi::Document};
use citytrack_domain::Clock;
use citytrack_storage::{Database, DatabaseOptions, Objects};
use secrecy::ExposeSecret;

use crate::{
    api_tokens::ApiTokens, counts, database, export, heatmap, images, occupancy, openapi, settings::Settings,
    venue_counts,
};

/// The running read API.
#[derive(Clone, Copy, Debug)]
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
}

impl App {
    /// Opens the listeners and starts the tasks. PostgreSQL may come later.
    ///
    /// # Errors
    /// When a listener cannot be opened or the address of the database cannot be read.
    pub fn start(settings: &Settings, clock: Clock, lifecycle: &Lifecycle) -> Result<Self, TaskError> {
        let registry = admin::registry()?;
        let database = Database::connect(&database_options(settings))?;
        let spawner = lifecycle.spawner();
        let check = lifecycle.readiness().check("database");
        spawner.spawn("database", database::watch(database.clone(), check, spawner.stop()));

        let api_tokens = web::Data::new(ApiTokens::new(database.clone()));
        let database = web::Data::new(database);
        let objects = web::Data::new(Objects::open(&settings.pictures.store, settings.pictures.options())?);
        let clock = web::Data::new(clock);
        let viewers = web::Data::new(ViewerTokens::new(&settings.viewer_secret));
        let patience = web::Data::new(settings.occupancy.patience());
        let exports = web::Data::new(export::Exports::new(&settings.export));
        let limits = web::Data::new(settings.answer.limits());
        let document = Document::new(openapi::SERVICE, &openapi::openapi())?;
        let address = http::start_reading(&settings.http, &registry, lifecycle, move |config| {
            config
                .app_data(database.clone())
                .app_data(objects.clone())
                .app_data(clock.clone())
                .app_data(viewers.clone())
                .app_data(api_tokens.clone())
                .app_data(patience.clone())
                .app_data(exports.clone())
                .app_data(limits.clone())
                .service(reading("/api/v1/counts", counts::get))
                .service(reading("/api/v1/venues/{venue}/counts", venue_counts::get))
                .service(reading("/api/v1/venues/{venue}/detections", export::get))
                .service(reading("/api/v1/venues/{venue}/heatmap", heatmap::get))
                .service(picture("/api/v1/images/{id}", images::get))
                .service(reading("/api/v1/images/{id}/details", images::details))
                .service(reading("/api/v1/venues/{venue}/images", images::list))
                .service(reading("/api/v1/occupancy", occupancy::now))
                .service(reading("/api/v1/occupancy/history", occupancy::history::history))
                .service(document.resource());
        })?;
        admin::start(&settings.admin, registry, lifecycle)?;
        Ok(Self { address })
    }
}

/// What is only read, compressed for whoever takes it.
fn reading<F, A>(path: &str, handler: F) -> impl HttpServiceFactory + use<F, A>
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .wrap(Compress::default())
        .route(http::get().to(handler))
        .default_service(http::only("GET, HEAD"))
}

/// What cannot be compressed further, and must not be, as parts of it may be asked for.
fn picture<F, A>(path: &str, handler: F) -> impl HttpServiceFactory + use<F, A>
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(http::get().to(handler))
        .default_service(http::only("GET, HEAD"))
}

fn database_options(settings: &Settings) -> DatabaseOptions {
    DatabaseOptions {
        url: settings.database.url.expose_secret().to_owned(),
        pool_size: settings.database.pool_size.get(),
        wait: settings.database.wait.into(),
        statement_timeout: settings.database.statement_timeout.into(),
        read_only: true,
        application_name: "citytrack stats",
    }
}
