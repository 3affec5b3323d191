//! The main listener of a service: an actix server that lives and ends with the process.

use std::{
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use actix_web::{
    App, Error, HttpRequest, HttpResponse, HttpServer, Route,
    body::MessageBody,
    dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse},
    guard,
    http::header::{AUTHORIZATION, HeaderValue},
    middleware::{Next, from_fn},
    web,
};
use prometheus::{HistogramOpts, HistogramVec, Registry};
use socket2::SockRef;

pub use crate::forwarded::{TrustedProxies, came_over_tls, client_address};
use crate::{
    admin,
    health::Readiness,
    lifecycle::{Lifecycle, Spawner, TaskError},
    metrics,
    problem::Problem,
    settings::HttpSettings,
    unread,
};

/// A peer that leaves data unacknowledged for so long is gone.
const STUCK_PEER: Duration = Duration::from_secs(20);

/// Starts the listener with `routes`, `/livez` and `/readyz`, request metrics and problem documents for whatever is not
/// found. Returns the address that is really listened on.
///
/// # Errors
/// When the address cannot be listened on or the metrics cannot be registered.
pub fn start<F>(
    settings: &HttpSettings,
    registry: &Registry,
    lifecycle: &Lifecycle,
    routes: F,
) -> Result<SocketAddr, TaskError>
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    serve(settings, registry, lifecycle, Leaving::Finishes, routes)
}

/// Like [`start`], for a service that only reads: what a client asked for that has left is given up at once.
///
/// # Errors
/// Those of [`start`].
pub fn start_reading<F>(
    settings: &HttpSettings,
    registry: &Registry,
    lifecycle: &Lifecycle,
    routes: F,
) -> Result<SocketAddr, TaskError>
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    serve(settings, registry, lifecycle, Leaving::GivesUp, routes)
}

/// What becomes of a request whose client closes its side of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaving {
    /// It is done to its end, and the answer is sent if it can be.
    Finishes,
    /// It is dropped.
    GivesUp,
}

fn serve<F>(
    settings: &HttpSettings,
    registry: &Registry,
    lifecycle: &Lifecycle,
    leaving: Leaving,
    routes: F,
) -> Result<SocketAddr, TaskError>
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let listener = bind(settings)?;
    let address = listener.local_addr()?;
    let metrics = HttpMetrics::new(registry)?;
    let readiness = lifecycle.readiness();
    let server = HttpServer::new(move || app(&metrics, &readiness, routes.clone()))
        .workers(settings.workers.get())
        .max_connections(settings.max_connections.get())
        .keep_alive(Duration::from(settings.keep_alive))
        .client_request_timeout(settings.head_timeout.into())
        .h1_allow_half_closed(leaving == Leaving::Finishes)
        .disable_signals()
        .shutdown_timeout(3600) // the lifecycle's own deadline is the one that counts
        .listen(listener)?
        .run();
    spawn(&lifecycle.spawner(), "http listener", server);
    Ok(address)
}

/// Opens the main listener.
pub(crate) fn bind(settings: &HttpSettings) -> Result<TcpListener, TaskError> {
    let listener = TcpListener::bind(settings.listen)
        .map_err(|error| format!("CITYTRACK_HTTP__LISTEN: cannot listen on {}: {error}", settings.listen))?;
    tune(&listener)?;
    Ok(listener)
}

/// What every service serves beside its own `routes`.
pub(crate) fn app<F>(
    metrics: &HttpMetrics,
    readiness: &Readiness,
    routes: F,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<F>>,
        Error = Error,
        InitError = (),
    > + use<F>,
>
where
    F: FnOnce(&mut web::ServiceConfig),
{
    App::new()
        .app_data(web::Data::new(metrics.clone()))
        .configure(admin::health_routes(readiness.clone()))
        .configure(routes)
        .default_service(web::to(not_found))
        .wrap(from_fn(observe))
        .wrap(from_fn(unread::hold))
}

/// What every accepted connection inherits: small writes leave at once, and a peer that takes nothing for a while is cut
/// off (actix waits for it for ever, and so would a shutdown).
fn tune(listener: &TcpListener) -> std::io::Result<()> {
    let socket = SockRef::from(listener);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(STUCK_PEER))
}

/// Runs `server` until the process stops, then lets requests in hand finish.
pub(crate) fn spawn(spawner: &Spawner, name: &'static str, server: Server) {
    let handle = server.handle();
    let stop = spawner.stop();
    spawner.spawn(name, async move {
        let mut server = std::pin::pin!(server);
        tokio::select! {
            ended = &mut server => return ended,
            () = stop.cancelled() => {}
        }
        let ((), ended) = tokio::join!(handle.stop(true), server);
        ended
    });
}

/// The token of `Authorization: Bearer <token>`, if there is one.
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    request.headers().get(AUTHORIZATION).and_then(bearer_of)
}

/// The token in the value of an `Authorization` header.
pub fn bearer_of(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A route for GET and HEAD; to HEAD the server sends no body, whatever the handler returns.
pub fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// What a resource answers to other methods than those it has: `.default_service(only("GET, HEAD, POST"))`.
pub fn only(allow: &'static str) -> Route {
    web::to(move || std::future::ready(Err::<HttpResponse, _>(Problem::method_not_allowed(allow))))
}

async fn not_found(request: HttpRequest) -> Result<&'static str, Problem> {
    Err(Problem::not_found(format!("there is nothing at {}", request.path())))
}

#[derive(Clone)]
pub(crate) struct HttpMetrics {
    duration: HistogramVec,
}

impl HttpMetrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let duration = HistogramVec::new(
            HistogramOpts::new(
                "citytrack_http_request_duration_seconds",
                "Time from the head of a request to the head of its answer, by route, method and status",
            )
            .buckets(vec![
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
            ]),
            &["route", "method", "status"],
        )?;
        metrics::add(registry, duration).map(|duration| Self { duration })
    }
}

/// Counts and times every request.
async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let metrics = request.app_data::<web::Data<HttpMetrics>>().cloned();
    let response = next.call(request).await?;
    if let Some(metrics) = metrics {
        // The pattern, not the path: paths have no end of values.
        let pattern = response.request().match_pattern();
        let status = response.status();
        let labels = [
            pattern.as_deref().unwrap_or("other"),
            method_label(response.request()),
            status.as_str(),
        ];
        metrics
            .duration
            .with_label_values(&labels)
            .observe(started.elapsed().as_secs_f64());
    }
    Ok(response)
}

/// Methods are free text on the wire; metrics need a closed set.
fn method_label(request: &HttpRequest) -> &'static str {
    match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}
