//! From a GET request to a socket: who asks, whether there is room, and the upgrade itself.

use std::sync::Arc;

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use citytrack_access::{ViewerToken, ViewerTokens};
use citytrack_common::{Problem, http::bearer};
use citytrack_domain::Clock;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{
    feed::FeedHandle,
    incoming::{Incoming, Unfinished, limited},
    metrics::LiveMetrics,
    protocol::SUBPROTOCOL,
    session::Session,
    settings::LiveSettings,
    socket::{Surroundings, serve},
};

/// The prefix of the subprotocol that carries a token, for browsers, which cannot set headers.
const TOKEN_SUBPROTOCOL: &str = "bearer.";

/// What every socket of the process shares.
#[derive(Clone)]
pub(crate) struct Sockets {
    pub(crate) settings: Arc<LiveSettings>,
    pub(crate) tokens: ViewerTokens,
    pub(crate) feed: FeedHandle,
    pub(crate) clock: Clock,
    pub(crate) metrics: LiveMetrics,
    pub(crate) stop: CancellationToken,
    /// A permit for each socket that may be open.
    pub(crate) places: Arc<Semaphore>,
}

/// `GET /api/v1/live`
pub(crate) async fn live(
    request: HttpRequest,
    payload: web::Payload,
    sockets: web::Data<Sockets>,
) -> Result<HttpResponse, Problem> {
    if !request.headers().contains_key(header::UPGRADE) {
        return Ok(upgrade_required());
    }
    let offered = offered_subprotocols(&request);
    let token = authenticate(&request, &offered, &sockets)?;
    if !offered.is_empty() && !offered.contains(&SUBPROTOCOL) {
        let detail = format!("the subprotocol {SUBPROTOCOL} must be among those that are offered");
        return Err(Problem::bad_request(
            "unsupported-subprotocol",
            "Unsupported subprotocol",
            detail,
        ));
    }
    let place = Arc::clone(&sockets.places).try_acquire_owned().map_err(|_| {
        Problem::unavailable(
            "as many sockets are open as are allowed",
            std::time::Duration::from_secs(10),
        )
    })?;
    upgrade(&request, payload, &sockets, token, place).await
}

fn upgrade_required() -> HttpResponse {
    let problem = Problem::new(
        StatusCode::UPGRADE_REQUIRED,
        "upgrade-required",
        "Upgrade required",
        "this is a WebSocket: ask for it with `Upgrade: websocket`",
    );
    let mut answer = problem.error_response();
    let headers = answer.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    answer
}

fn offered_subprotocols(request: &HttpRequest) -> Vec<&str> {
    let headers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let values = headers.filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).map(str::trim);
    names.filter(|name| !name.is_empty()).collect()
}

fn authenticate(request: &HttpRequest, offered: &[&str], sockets: &Sockets) -> Result<ViewerToken, Problem> {
    let subprotocol = || offered.iter().find_map(|name| name.strip_prefix(TOKEN_SUBPROTOCOL));
    let token = bearer(request).or_else(subprotocol).ok_or_else(|| {
        Problem::unauthorized(
            "a viewer token is needed, as `Authorization: Bearer` or as a subprotocol `bearer.<token>`",
        )
    })?;
    let verified = sockets.tokens.verify(token, sockets.clock.now());
    verified.map_err(|error| Problem::unauthorized(error.to_string()))
}

async fn upgrade(
    request: &HttpRequest,
    payload: web::Payload,
    sockets: &Sockets,
    token: ViewerToken,
    place: OwnedSemaphorePermit,
) -> Result<HttpResponse, Problem> {
    let message_size = usize::try_from(sockets.settings.message_size.as_u64()).unwrap_or(usize::MAX / 2);
    let unfinished = Unfinished::default();
    let mut payload = limited(payload.into_inner(), &unfinished, message_size);
    let payload = web::Payload::from_request(request, &mut payload)
        .await
        .map_err(|_| Problem::internal())?;
    let upgraded = actix_ws::handle_with_protocols(request, payload, &[SUBPROTOCOL]);
    let (answer, writer, stream) = upgraded.map_err(|error| {
        let status = error.error_response().status();
        Problem::new(
            status,
            "invalid-handshake",
            "Not a WebSocket handshake",
            error.to_string(),
        )
    })?;
    let reader = Incoming::new(stream, unfinished, message_size);
    let settings = Arc::clone(&sockets.settings);
    let session = Session::new(settings, sockets.feed.clone(), token, Instant::now());
    let surroundings = sockets.surroundings();
    let metrics = sockets.metrics.clone();
    // A socket lives on the actix worker that accepted it, so its task cannot go through the lifecycle of the main runtime;
    // the HTTP server waits for it at shutdown, and the stop token ends it.
    actix_web::rt::spawn(async move {
        metrics.sessions.inc();
        let ending = serve(session, surroundings, writer, reader).await;
        metrics.sessions.dec();
        debug!(reason = ending.label(), "socket ended");
        drop(place);
    });
    Ok(answer)
}

impl Sockets {
    fn surroundings(&self) -> Surroundings {
        Surroundings {
            feed: self.feed.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            stop: self.stop.clone(),
            close_delay: self.settings.close_window.mul_f64(spread(self.feed.next_key())),
        }
    }
}

/// A part from 0 to 1, evenly spread over successive numbers: multiples of the golden ratio.
fn spread(number: u64) -> f64 {
    let place = u32::try_from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32).unwrap_or_default();
    f64::from(place) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_times_are_spread_evenly() {
        let mut tenths = [0; 10];
        for number in 1..=1_000 {
            let place = spread(number);
            assert!((0.0..=1.0).contains(&place));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 9")]
            let tenth = (place * 9.999) as usize;
            tenths[tenth] += 1;
        }
        assert!(tenths.iter().all(|count| (95..=105).contains(count)), "{tenths:?}");
    }
}
