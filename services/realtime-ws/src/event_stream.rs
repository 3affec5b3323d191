//! The feed as server-sent events (HTML Living Standard, 9.2), for those who cannot have a WebSocket: one subscription, asked
//! for in the address.

use std::{convert::Infallible, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use citytrack_common::Problem;

use crate::{
    ending::Ending,
    feed::Command,
    handshake::Sockets,
    protocol::{ErrorCode, Subscribe},
    session::Session,
    socket::Surroundings,
    subscription::Form,
};

/// The id of the only subscription.
const ID: &str = "1";
/// How long a client waits before it connects again, in milliseconds.
const RETRY: &str = "retry: 2000\n\n";
/// Bytes that are handed over at once.
const CHUNK: usize = 64 << 10;

/// What is asked for in the address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    venue: String,
    camera: Option<String>,
    class: Option<String>,
    confidence: Option<f64>,
    filter: Option<String>,
    #[serde(default = "yes")]
    empty: bool,
    #[serde(default = "yes")]
    backlog: bool,
    since: Option<String>,
    max_rate: Option<f64>,
}

fn yes() -> bool {
    true
}

impl Query {
    /// The subscription that a socket would ask for.
    fn subscribe(self, last_event: Option<&str>) -> Result<Subscribe, String> {
        let filter = self.filter()?;
        Ok(Subscribe {
            id: ID.to_owned(),
            venue: self.venue,
            filter,
            empty: self.empty,
            backlog: self.backlog,
            since: last_event.map(ToOwned::to_owned).or(self.since),
            max_rate: self.max_rate,
        })
    }

    fn filter(&self) -> Result<Option<Value>, String> {
        let mut parts = Vec::new();
        for (field, names) in [("camera", &self.camera), ("class", &self.class)] {
            if let Some(names) = names {
                let names: Vec<&str> = names.split(',').collect();
                parts.push(json!({field: {"in": names}}));
            }
        }
        if let Some(min) = self.confidence {
            parts.push(json!({"confidence": {"min": min}}));
        }
        if let Some(filter) = &self.filter {
            parts.push(serde_json::from_str(filter).map_err(|error| format!("`filter` is not JSON: {error}"))?);
        }
        // One alone stays as it is: what an error says about its place is right then.
        Ok(match parts.len() {
            0 | 1 => parts.pop(),
            _ => Some(json!({"and": parts})),
        })
    }
}

/// Whether the client asks for a stream of events.
pub(crate) fn is_wanted(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT);
    let mut accepted = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    accepted.any(|kind| {
        kind.split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
    })
}

/// Answers with the stream.
pub(crate) async fn open(request: &HttpRequest, sockets: &Sockets) -> Result<HttpResponse, Problem> {
    let (token, place) = sockets.admit_stream(request)?;
    let last_event = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
    let query = web::Query::<Query>::from_query(request.query_string()).map_err(|error| invalid(error.to_string()))?;
    let wanted = query
        .into_inner()
        .subscribe(last_event.filter(|id| !id.is_empty()))
        .map_err(invalid)?;
    let mut session = Session::new(
        Arc::clone(&sockets.common),
        Form::EventStream,
        Some(token),
        place,
        Instant::now(),
    );
    let command = session
        .subscribe_for(wanted, Instant::now())
        .map_err(|refusal| match refusal.code {
            ErrorCode::ForbiddenVenue => Problem::new(
                StatusCode::FORBIDDEN,
                "forbidden-venue",
                "Forbidden venue",
                refusal.message,
            ),
            code => Problem::bad_request(code.as_str(), "Invalid query", refusal.message),
        })?;
    let around = Arc::clone(&sockets.around);
    around.feed.send(command).await;
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"));
    if let Some(origin) = sockets.allowed_origin(request) {
        answer
            .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin))
            .insert_header((header::VARY, "origin"));
    }
    Ok(answer.streaming(events(Viewer::new(session, around))))
}

/// What a browser asks before a page of another site may ask for the stream with a token (Fetch Standard, CORS-preflight).
pub(crate) async fn preflight(request: HttpRequest, sockets: web::Data<Sockets>) -> Result<HttpResponse, Problem> {
    let origin = sockets
        .allowed_origin(&request)
        .ok_or_else(|| Problem::method_not_allowed("GET"))?;
    Ok(HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, last-event-id"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .insert_header((header::VARY, "origin"))
        .finish())
}

fn invalid(detail: String) -> Problem {
    Problem::bad_request("invalid-query", "Invalid query", detail)
}

/// One who is served. When the stream is dropped, because the client is gone, the feed is told.
struct Viewer {
    session: Session,
    around: Arc<Surroundings>,
    /// The end of it all, once that is near.
    end: Option<Ending>,
    alarm: Instant,
    stopping: bool,
}

impl Viewer {
    fn new(mut session: Session, around: Arc<Surroundings>) -> Self {
        around.metrics.sessions.inc();
        session.output.push(Bytes::from_static(RETRY.as_bytes()), false);
        let alarm = session.next_alarm(Instant::now(), around.clock.now());
        Self {
            session,
            around,
            end: None,
            alarm,
            stopping: false,
        }
    }

    /// The next part of the stream; `None` at its end.
    async fn next(&mut self) -> Option<Bytes> {
        while self.session.output.is_empty() {
            if self.end.is_some() {
                return None;
            }
            self.wait().await;
        }
        self.session.progressed(Instant::now());
        Some(self.chunk())
    }

    async fn wait(&mut self) {
        tokio::select! {
            () = self.session.outbox.filled() => self.session.collect(Instant::now(), self.around.clock.now()),
            () = sleep_until(self.alarm) => self.on_alarm().await,
            () = self.around.stop.cancelled(), if !self.stopping => {
                self.stopping = true;
                self.alarm = Instant::now() + self.around.close_delay();
                self.session.close_at(self.alarm);
            }
        }
    }

    async fn on_alarm(&mut self) {
        let (now, clock) = (Instant::now(), self.around.clock.now());
        match self.session.on_alarm(now, clock) {
            Ok(commands) => {
                let refused = !commands.is_empty();
                for command in commands {
                    self.around.feed.send(command).await;
                }
                // The only subscription could not be put in force; there is nothing to wait for.
                self.end = refused.then_some(Ending::Client);
            }
            Err(ending) => {
                self.session.say_end(ending, now);
                self.end = Some(ending);
            }
        }
        self.alarm = self.session.next_alarm(now, clock);
    }

    fn chunk(&mut self) -> Bytes {
        let Some((first, is_frame)) = self.session.output.pop() else {
            return Bytes::new();
        };
        self.around.metrics.sent.inc_by(u64::from(is_frame));
        if self.session.output.is_empty() {
            return first;
        }
        let mut chunk = first.to_vec();
        while chunk.len() < CHUNK
            && let Some((next, is_frame)) = self.session.output.pop()
        {
            chunk.extend_from_slice(&next);
            self.around.metrics.sent.inc_by(u64::from(is_frame));
        }
        chunk.into()
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let left: Vec<Command> = self.session.leave().collect();
        let feed = self.around.feed.clone();
        actix_web::rt::spawn(async move {
            for command in left {
                feed.send(command).await;
            }
        });
        let ending = self.end.unwrap_or(Ending::Client);
        self.around.metrics.closed.with_label_values(&[ending.label()]).inc();
        self.around.metrics.sessions.dec();
    }
}

fn events(viewer: Viewer) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(viewer, |mut viewer| async move {
        viewer.next().await.map(|chunk| (Ok(chunk), viewer))
    })
}

#[cfg(test)]
mod tests;
