//! One request through the gateway: route, pick a server, pass on, try another one, account for it.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use pingora::{
    Error, ErrorSource,
    ErrorType::{
        ConnectError, ConnectNoRoute, ConnectRefused, ConnectTimedout, ConnectionClosed, Custom, HTTPStatus, ReadError,
        WriteError,
    },
    Result,
    http::{RequestHeader, ResponseHeader},
    modules::http::HttpModules,
    proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session},
    upstreams::peer::HttpPeer,
};
use prometheus::IntGauge;
use tracing::error;

use crate::{
    access_log::{AccessLog, Entry},
    client::ClientStream,
    context::{Context, Limits},
    error::{Failure, document},
    headers::{REQUEST_ID, forward, request_id},
    metrics::Metrics,
    pools::Pools,
    routes::PoolName,
    server::{Fault, Server},
    settings::Settings,
};

/// A server of the live feed has no place, and another one may.
const NO_PLACE: &str = "no place";
const EVENT_STREAM: &[u8] = b"text/event-stream";
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What the proxy engine calls back for every request.
#[derive(Clone)]
pub struct Gateway {
    pools: Arc<Pools>,
    metrics: Metrics,
    access_log: Arc<AccessLog>,
    limits: Limits,
}

impl Gateway {
    /// A gateway in front of `pools`.
    pub fn new(settings: &Settings, pools: Arc<Pools>, metrics: Metrics) -> Self {
        let access_log = Arc::new(AccessLog::new(settings.access_log.clone()));
        Self {
            pools,
            metrics,
            access_log,
            limits: Limits::from(settings),
        }
    }

    /// Answers with a problem document. `None` when there was nobody left to answer.
    async fn refuse(&self, session: &mut Session, ctx: &mut Context, failure: Failure) -> Result<Option<u16>> {
        ctx.failure = Some(failure);
        let Some(problem) = failure.problem(ctx.pool) else {
            return Ok(None);
        };
        let (mut head, body) = document(&problem)?;
        head.insert_header(REQUEST_ID, ctx.request_id.clone())?;
        let status = head.status.as_u16();
        if session.response_written().is_some() {
            // Half of an answer is out: all that can be done is to break off, which closing the connection does.
            return Ok(Some(status));
        }
        session.write_response_header(Box::new(head), false).await?;
        session.write_response_body(Some(body.into()), true).await?;
        Ok(Some(status))
    }

    /// What counts answers like this one, if it has no end.
    fn endless(&self, head: &ResponseHeader) -> Option<IntGauge> {
        let events = |content_type: &HeaderValue| content_type.as_bytes().starts_with(EVENT_STREAM);
        match head.status {
            StatusCode::SWITCHING_PROTOCOLS => Some(self.metrics.websockets.clone()),
            StatusCode::OK if head.headers.get(CONTENT_TYPE).is_some_and(events) => {
                Some(self.metrics.event_streams.clone())
            }
            _ => None,
        }
    }

    fn account(&self, session: &Session, ctx: &Context) {
        let status = session.response_written().map_or(0, |head| head.status.as_u16());
        let duration = ctx.started.elapsed();
        let metrics = self.metrics.pool(ctx.pool);
        metrics.answered((status > 0).then_some(status));
        match &ctx.endless {
            Some(gauge) => gauge.dec(),
            None => metrics.duration.observe(duration.as_secs_f64()),
        }
        if let Some(failure) = ctx.failure {
            metrics.failed(failure);
        }
        if self.access_log.wants(status) {
            let request = session.req_header();
            self.access_log.write(&Entry {
                method: request.method.as_str(),
                path: request.uri.path(),
                status,
                duration,
                pool: ctx.pool.as_str(),
                upstream: ctx.server.as_deref().map(Server::name),
                attempts: ctx.attempts,
                received: session.body_bytes_read(),
                sent: session.body_bytes_sent(),
                request_id: ctx.request_id.to_str().unwrap_or_default(),
                failure: ctx.failure.map(Failure::reason),
            });
        }
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context::new()
    }

    /// No modules: the default one is for compression, which is the services' business.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        if let Some(client) = session.stream().and_then(ClientStream::of) {
            client.head_is_complete();
        }
        let request = session.req_header();
        ctx.pool = PoolName::of(request.uri.path());
        ctx.request_id = request_id(request);
        ctx.upgrade = session.is_upgrade_req();
        // Without time-outs for WebSockets: silence is normal there, and TCP keep-alive notices dead peers.
        session.set_read_timeout((!ctx.upgrade).then_some(self.limits.read_timeout));
        session.set_write_timeout(Some(self.limits.write_timeout));
        let size = session
            .as_http1()
            .map_or(0, |session| session.get_headers_raw_bytes().len());
        if size as u64 > self.limits.max_header_size.as_u64() {
            self.refuse(session, ctx, Failure::HeadTooLarge).await?;
            return Ok(true);
        }
        ctx.server = self.pools.get(ctx.pool).pick();
        if ctx.server.is_none() {
            self.refuse(session, ctx, Failure::NoHealthyServer).await?;
            return Ok(true);
        }
        Ok(false)
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
        if ctx.attempts > 0 {
            self.metrics.pool(ctx.pool).retries.inc();
            ctx.server = self.pools.get(ctx.pool).pick();
        }
        ctx.attempts += 1;
        let Some(server) = &ctx.server else {
            return Err(Error::new_in(HTTPStatus(503)));
        };
        let mut peer = Box::new(server.peer().clone());
        // Silence is normal there, and TCP keep-alive notices dead servers.
        if ctx.upgrade || PoolName::may_be_silent(session.req_header().uri.path()) {
            peer.options.read_timeout = None;
        }
        Ok(peer)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        request.insert_header(REQUEST_ID, ctx.request_id.clone())?;
        forward(request, client_address(session), self.limits.trust_forwarded)
    }

    /// A server of the live feed that is full, or about to stop, answers 503. Another one may have a place, and asking it
    /// does no harm.
    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        head: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let no_place = ctx.pool == PoolName::RealtimeWs && head.status == StatusCode::SERVICE_UNAVAILABLE;
        let harmless = session.req_header().method.is_safe();
        if no_place && harmless && ctx.attempts < self.limits.attempts && self.pools.get(ctx.pool).has_choice() {
            return Err(Error::new_up(Custom(NO_PLACE)));
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        _session: &mut Session,
        head: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        head.insert_header(REQUEST_ID, ctx.request_id.clone())?;
        if ctx.endless.is_none() {
            ctx.endless = self.endless(head).inspect(IntGauge::inc);
        }
        Ok(())
    }

    /// Nothing has been sent, so another server may have the request, whatever it is. The one that does not answer is no
    /// longer healthy until a health check finds it so. After a time-out only a healthy server is tried: going round the
    /// slow ones would only make the client wait.
    fn fail_to_connect(&self, _: &mut Session, _: &HttpPeer, ctx: &mut Context, mut error: Box<Error>) -> Box<Error> {
        // Other errors are the gateway's own (no file descriptor left, no local port): no server is to blame for those.
        if let ConnectRefused | ConnectTimedout | ConnectNoRoute | ConnectError = error.etype() {
            let timed_out = *error.etype() == ConnectTimedout;
            if let Some(server) = &ctx.server {
                let reason = error.etype().as_str().to_owned();
                server.failed(Fault { reason, timed_out });
            }
            error.set_retry(!timed_out || self.pools.get(ctx.pool).has_healthy());
        }
        error
    }

    /// The request has been sent, at least in part, and the connection broke before an answer. Another server may have it
    /// only if doing it twice does no harm and all of it is still at hand.
    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        ctx: &mut Context,
        _reused: bool,
    ) -> Box<Error> {
        let request = session.req_header();
        // Of the services only ingest-api heeds the key: at the others a POST done twice would be done twice.
        let keyed = ctx.pool == PoolName::IngestApi && request.headers.contains_key(&IDEMPOTENCY_KEY);
        let repeatable = request.method.is_idempotent() || keyed;
        let broke = *error.esource() == ErrorSource::Upstream
            && matches!(error.etype(), ConnectionClosed | ReadError | WriteError);
        let unanswered = session.response_written().is_none();
        let failed = broke || *error.etype() == Custom(NO_PLACE);
        let retry = failed && repeatable && unanswered && !session.as_ref().retry_buffer_truncated();
        error.set_retry(retry);
        error
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Context) -> FailToProxy {
        let failure = Failure::of(error);
        if matches!(failure, Failure::Timeout | Failure::BadGateway | Failure::Internal) {
            error!(
                pool = ctx.pool.as_str(),
                upstream = ctx.server.as_deref().map(Server::name),
                attempts = ctx.attempts,
                request.id = ctx.request_id.to_str().unwrap_or_default(),
                reason = failure.reason(),
                %error,
                "request failed"
            );
        }
        // The connection may be in any state: do not use it again.
        session.set_keepalive(None);
        // Fails when the client is gone, and then nobody misses the answer.
        let status = self.refuse(session, ctx, failure).await.ok().flatten();
        FailToProxy {
            error_code: status.unwrap_or(0),
            can_reuse_downstream: false,
        }
    }

    async fn logging(&self, session: &mut Session, _error: Option<&Error>, ctx: &mut Context) {
        self.account(session, ctx);
    }

    /// Failures are logged above, without the query string that pingora's own line would have.
    fn suppress_error_log(&self, _session: &Session, _ctx: &Context, _error: &Error) -> bool {
        true
    }

    /// Retries are counted, and the server that caused them is logged once.
    fn suppress_proxy_warn_log(&self, _: &Session, _: &Context, _: &Error, _: ProxyWarnLogContext) -> bool {
        true
    }

    fn request_summary(&self, session: &Session, _ctx: &Context) -> String {
        let request = session.req_header();
        format!("{} {}", request.method, request.uri.path())
    }
}

fn client_address(session: &Session) -> Option<IpAddr> {
    session.client_addr()?.as_inet().map(std::net::SocketAddr::ip)
}
