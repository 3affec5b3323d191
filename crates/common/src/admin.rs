//! What operators ask a process: `/livez`, `/readyz`, `/metrics`.

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, web};
use prometheus::{IntGauge, Opts, Registry, TextEncoder, process_collector::ProcessCollector};
use serde_json::json;

use crate::{
    health::Readiness,
    http,
    lifecycle::{Lifecycle, TaskError},
    metrics,
    problem::Problem,
    settings::AdminSettings,
};

/// All crates of CityTrack have it in common.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A registry that already knows the process (memory, CPU, open files) and its version.
///
/// # Errors
/// When the process collector cannot be registered.
pub fn registry() -> Result<Registry, prometheus::Error> {
    let registry = Registry::new();
    registry.register(Box::new(ProcessCollector::for_self()))?;
    let build =
        Opts::new("citytrack_build_info", "The version that this process is of").const_label("version", VERSION);
    metrics::add(&registry, IntGauge::with_opts(build)?)?.set(1);
    Ok(registry)
}

/// `/livez` and `/readyz`, for the main listener too, where the gateway asks.
pub fn health_routes(readiness: Readiness) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config
            .app_data(web::Data::new(readiness))
            .route("/livez", http::get().to(livez))
            .route("/readyz", http::get().to(readyz));
    }
}

/// Starts the admin listener.
///
/// # Errors
/// When the address cannot be listened on.
pub fn start(settings: &AdminSettings, registry: Registry, lifecycle: &Lifecycle) -> Result<(), TaskError> {
    let listener = TcpListener::bind(settings.listen)
        .map_err(|error| format!("CITYTRACK_ADMIN__LISTEN: cannot listen on {}: {error}", settings.listen))?;
    let readiness = lifecycle.readiness();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(registry.clone()))
            .configure(health_routes(readiness.clone()))
            .route("/metrics", http::get().to(metrics))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)?
    .run();
    http::spawn(&lifecycle.spawner(), "admin listener", server);
    Ok(())
}

async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "live": true }))
}

async fn readyz(readiness: web::Data<Readiness>) -> HttpResponse {
    let (ready, checks) = readiness.report();
    let mut answer = if ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    answer.json(json!({ "ready": ready, "checks": checks }))
}

async fn metrics(registry: web::Data<Registry>) -> Result<HttpResponse, Problem> {
    let text = TextEncoder::new()
        .encode_to_string(&registry.gather())
        .map_err(|error| {
            tracing::error!(%error, "cannot encode the metrics");
            Problem::internal()
        })?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}
