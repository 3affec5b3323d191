//! From a request to a viewer: who asks, from which page, whether there is room; and the upgrade to a WebSocket itself.

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix_codec::{Framed, FramedParts};
use actix_http::{
    ConnectionType, Request, Response,
    body::{BodySize, MessageBody},
    h1::{self, SendResponse},
    ws as protocol,
};
use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    web,
};
use bytes::BytesMut;
use citytrack_access::ViewerToken;
use citytrack_common::{Problem, http, openapi::ProblemSchema};
use citytrack_domain::{CameraPattern, Class, Slug};
use futures_util::SinkExt;
use tokio::{net::TcpStream, time::Instant};

use crate::{
    event_stream,
    guests::{Full, Guests, Place},
    protocol::SUBPROTOCOL,
    session::{Common, Session},
    socket::{Socket, Surroundings},
    subscription::Form,
    wire::{Assembler, accept_deflate},
};

/// Where viewers come.
pub(crate) const PATH: &str = "/api/v1/live";
/// The prefix of the subprotocol that carries a token, for browsers, which cannot set headers.
const TOKEN_SUBPROTOCOL: &str = "bearer.";
/// When somebody may try again for whom there was no room.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// What every viewer of the process shares.
#[derive(Clone)]
pub(crate) struct Sockets {
    pub(crate) common: Arc<Common>,
    pub(crate) around: Arc<Surroundings>,
    pub(crate) guests: Arc<Guests>,
    pub(crate) proxies: http::TrustedProxies,
}

/// A handshake that is granted.
struct Granted {
    token: Option<ViewerToken>,
    place: Place,
    subprotocol: bool,
    extension: Option<&'static str>,
}

/// The live feed
///
/// With `Upgrade: websocket` (RFC 6455) a socket, whose messages the AsyncAPI document describes; with `Accept:
/// text/event-stream` one subscription as a stream of events, asked for in the address. A browser, which cannot set headers for
/// a socket, shows its token as a second subprotocol, `bearer.<token>`, or by the first message.
#[utoipa::path(
    get,
    path = PATH,
    operation_id = "live",
    tag = "live",
    params(
        ("venue" = Slug, Query, description = "Of the stream of events, as all that follow."),
        ("camera" = Option<Vec<CameraPattern>>, Query, explode = false, description = "Only these, between commas."),
        ("class" = Option<Vec<Class>>, Query, explode = false, description = "Only these, between commas."),
        ("confidence" = Option<f64>, Query, description = "The lowest.", minimum = 0, maximum = 1),
        ("filter" = Option<String>, Query, description = "A filter as JSON, as in the message `subscribe`."),
        ("empty" = Option<bool>, Query, description = "Whether frames come of which the filter leaves nothing; else true."),
        ("backlog" = Option<bool>, Query, description = "Whether late frames come; else true."),
        ("max_rate" = Option<f64>, Query, description = "At most so many frames a second of each camera."),
        ("since" = Option<String>, Query, description = "The cursor to go on from."),
        ("Last-Event-ID" = Option<String>, Header, description = "The same; wins over `since`."),
    ),
    responses(
        (status = 101, description = "A WebSocket with the subprotocol `citytrack.v1`."),
        (status = 200, description = "Events without an end.", content((String = "text/event-stream"))),
        (status = 403, description = "The page is of a site that may not, or the token is not for this venue.",
            content((ProblemSchema = "application/problem+json"))),
        (status = 426, description = "Neither a socket nor a stream of events was asked for.",
            headers(("Upgrade" = String)), content((ProblemSchema = "application/problem+json"))),
        (status = 429, description = "As many are open with this token, or from this address, as may be.",
            headers(("Retry-After" = u32)), content((ProblemSchema = "application/problem+json"))),
    ),
)]
pub(crate) async fn live(request: HttpRequest, sockets: web::Data<Sockets>) -> Result<HttpResponse, Problem> {
    if event_stream::is_wanted(&request) {
        return event_stream::open(&request, &sockets).await;
    }
    Ok(upgrade_required())
}

fn upgrade_required() -> HttpResponse {
    let problem = Problem::new(
        StatusCode::UPGRADE_REQUIRED,
        "upgrade-required",
        "Upgrade required",
        "this is a WebSocket: ask for it with `Upgrade: websocket`; or ask for events with `Accept: text/event-stream`",
    );
    let mut answer = problem.error_response();
    let headers = answer.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    answer
}

/// A request that asks for an upgrade; serves the viewer to the end.
pub(crate) async fn upgrade(request: Request, connection: Framed<TcpStream, h1::Codec>, sockets: Arc<Sockets>) {
    // In memory of its own, which is free again when the socket begins: there are thousands that do nothing.
    let greeted = Box::pin(greet(request, connection, &sockets)).await;
    if let Some((io, unread, granted)) = greeted {
        let (socket, session) = sockets.begin(io, unread, granted);
        socket.serve(session, &sockets.around).await;
    }
}

/// Answers the handshake; the connection, if it is a WebSocket now.
async fn greet(
    request: Request,
    mut connection: Framed<TcpStream, h1::Codec>,
    sockets: &Sockets,
) -> Option<(TcpStream, BytesMut, Granted)> {
    let granted = match sockets.grant(&request) {
        Ok(granted) => granted,
        Err(problem) => {
            sockets.common.metrics.refused.inc();
            let answer = Response::from(problem.error_response());
            let (answer, body) = answer.into_parts();
            let mut answer = answer.set_body(body.try_into_bytes().unwrap_or_default());
            // Otherwise the client, or a proxy, would send its next request here, where nobody reads any more.
            answer.head_mut().set_connection_type(ConnectionType::Close);
            // Whether it is still there to read that is no concern of ours.
            let _ = SendResponse::new(connection, answer).await;
            return None;
        }
    };
    let answer = switching(&request, &granted);
    // The head stays in memory as long as the socket otherwise.
    drop(request);
    connection.send((answer, BodySize::None).into()).await.ok()?;
    // What is left of the HTTP connection would stay in memory as long as the socket, with a buffer of 8 KiB.
    let FramedParts { io, read_buf, .. } = connection.into_parts();
    Some((io, read_buf, granted))
}

fn switching(request: &Request, granted: &Granted) -> Response<()> {
    let mut answer = protocol::handshake_response(request.head());
    if granted.subprotocol {
        answer.insert_header((header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL));
    }
    if let Some(extension) = granted.extension {
        answer.insert_header((header::SEC_WEBSOCKET_EXTENSIONS, extension));
    }
    answer.finish().drop_body()
}

impl Sockets {
    fn grant(&self, request: &Request) -> Result<Granted, Problem> {
        if request.path() != PATH {
            return Err(Problem::not_found(format!(
                "there is no WebSocket at {}",
                request.path()
            )));
        }
        let headers = &request.head().headers;
        self.check_origin(headers)?;
        let offered = offered_subprotocols(headers);
        let shown = headers.get(header::AUTHORIZATION).and_then(http::bearer_of);
        let subprotocol = offered.iter().find_map(|name| name.strip_prefix(TOKEN_SUBPROTOCOL));
        let token = shown.or(subprotocol).map(|token| self.verify(token)).transpose()?;
        if !offered.is_empty() && !offered.contains(&SUBPROTOCOL) {
            let detail = format!("the subprotocol {SUBPROTOCOL} must be among those that are offered");
            return Err(Problem::bad_request(
                "unsupported-subprotocol",
                "Unsupported subprotocol",
                detail,
            ));
        }
        protocol::verify_handshake(request.head()).map_err(|error| {
            let status = Response::from(error).status();
            Problem::new(
                status,
                "invalid-handshake",
                "Not a WebSocket handshake",
                error.to_string(),
            )
        })?;
        let place = self.place(
            self.address(headers, request.peer_addr().map(|peer| peer.ip())),
            token.as_ref(),
        )?;
        let extensions = headers
            .get_all(header::SEC_WEBSOCKET_EXTENSIONS)
            .filter_map(|value| value.to_str().ok());
        let extension = self
            .common
            .settings
            .compression
            .then(|| accept_deflate(extensions))
            .flatten();
        let subprotocol = !offered.is_empty();
        Ok(Granted {
            token,
            place,
            subprotocol,
            extension,
        })
    }

    /// Who asks for a stream of events, if there is room.
    pub(crate) fn admit_stream(&self, request: &HttpRequest) -> Result<(ViewerToken, Place), Problem> {
        self.check_origin(request.headers())?;
        let token = http::bearer(request)
            .ok_or_else(|| Problem::unauthorized("a viewer token is needed, as `Authorization: Bearer`"))?;
        let token = self.verify(token)?;
        let address = self.address(request.headers(), request.peer_addr().map(|peer| peer.ip()));
        let place = self.place(address, Some(&token))?;
        Ok((token, place))
    }

    /// Checks a viewer token.
    pub(crate) fn verify(&self, token: &str) -> Result<ViewerToken, Problem> {
        let verified = self.common.tokens.verify(token, self.around.clock.now());
        verified.map_err(|error| Problem::unauthorized(error.to_string()))
    }

    fn address(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
        http::client_address(headers, peer, &self.proxies)
    }

    fn place(&self, address: Option<IpAddr>, token: Option<&ViewerToken>) -> Result<Place, Problem> {
        let refuse = |full| {
            let detail = match full {
                Full::House => return Problem::unavailable("as many sockets are open as are allowed", RETRY_AFTER),
                Full::Token(limit) => format!("{limit} sockets are open with this token; no more are allowed"),
                Full::Address(limit) => format!("{limit} sockets are open from this address; no more are allowed"),
            };
            let title = "Too many sockets";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-sockets", title, detail).retry_after(RETRY_AFTER)
        };
        let mut place = self.guests.enter(address).map_err(refuse)?;
        if let Some(token) = token {
            place.show(token.fingerprint).map_err(refuse)?;
        }
        Ok(place)
    }

    /// Pages of other sites may not use the feed with what they find in a browser, unless the settings name them.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(());
        };
        let origin = origin.to_str().unwrap_or("(not text)");
        if is_own(origin, headers) || self.is_named(origin) {
            return Ok(());
        }
        let detail = format!("pages of {origin} may not use this feed; CITYTRACK_LIVE__ORIGINS names those that may");
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden-origin",
            "Forbidden origin",
            detail,
        ))
    }

    fn is_named(&self, origin: &str) -> bool {
        let named = &self.common.settings.origins;
        named
            .iter()
            .any(|named| named == "*" || (!named.is_empty() && named.eq_ignore_ascii_case(origin)))
    }

    /// The origin to name in the answer, when its pages may read it although they are of another site.
    pub(crate) fn allowed_origin(&self, request: &HttpRequest) -> Option<HeaderValue> {
        let origin = request.headers().get(header::ORIGIN)?;
        self.is_named(origin.to_str().ok()?).then(|| origin.clone())
    }

    fn begin(&self, io: TcpStream, unread: BytesMut, granted: Granted) -> (Socket, Session) {
        let settings = &self.common.settings;
        let message_size = usize::try_from(settings.message_size.as_u64()).unwrap_or(usize::MAX / 2);
        let compressed = granted.extension.is_some();
        let form = if compressed { Form::Compressed } else { Form::WebSocket };
        let socket = Socket::new(io, unread, Assembler::new(message_size, compressed));
        let common = Arc::clone(&self.common);
        let session = Session::new(common, form, granted.token, granted.place, Instant::now());
        (socket, session)
    }
}

fn offered_subprotocols(headers: &HeaderMap) -> Vec<&str> {
    let headers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let values = headers.filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).map(str::trim);
    names.filter(|name| !name.is_empty()).collect()
}

/// Whether the page is of the site that the feed is reached by.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let host = ["x-forwarded-host", "host"].iter().find_map(|name| headers.get(*name));
    let (Some((_, of_page)), Some(Ok(host))) = (origin.split_once("://"), host.map(HeaderValue::to_str)) else {
        return false;
    };
    host.eq_ignore_ascii_case(of_page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_the_same_host_is_of_the_same_site() {
        let own = |origin: &str, headers: &[(&str, &str)]| {
            let mut all = HeaderMap::new();
            for (name, value) in headers {
                let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
                all.insert(name, HeaderValue::from_str(value).unwrap());
            }
            is_own(origin, &all)
        };
        let here = [("host", "city.example:8443")];
        assert!(own("https://city.example:8443", &here) && own("https://City.Example:8443", &here));
        for origin in [
            "https://city.example",
            "https://evil.example:8443",
            "null",
            "",
            "city.example:8443",
        ] {
            assert!(!own(origin, &here), "{origin}");
        }
        let behind = [("host", "10.0.0.7:8081"), ("x-forwarded-host", "city.example")];
        assert!(
            own("https://city.example", &behind),
            "what the browser was asked for counts"
        );
        assert!(!own("http://10.0.0.7:8081", &behind));
        assert!(!own("https://city.example", &[]));
    }
}
