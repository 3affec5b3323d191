//! What is known about one request on its way, and what every request is measured by.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytesize::ByteSize;
use http::HeaderValue;
use prometheus::IntGauge;

use crate::{error::Failure, routes::PoolName, server::Server, settings::Settings};

/// What is checked for every request, in the form that it is needed in.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) max_header_size: ByteSize,
    pub(crate) trust_forwarded: bool,
    pub(crate) read_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) attempts: usize,
}

impl From<&Settings> for Limits {
    fn from(settings: &Settings) -> Self {
        let listener = &settings.listener;
        Self {
            max_header_size: listener.max_header_size,
            trust_forwarded: listener.trust_forwarded,
            read_timeout: listener.client_read_timeout.into(),
            write_timeout: listener.client_write_timeout.into(),
            attempts: settings.upstream.attempts.get(),
        }
    }
}

/// What is known about one request.
pub struct Context {
    pub(crate) started: Instant,
    pub(crate) pool: PoolName,
    pub(crate) server: Option<Arc<Server>>,
    pub(crate) attempts: usize,
    pub(crate) request_id: HeaderValue,
    /// It asks for a WebSocket.
    pub(crate) upgrade: bool,
    /// It got an answer without an end, which this gauge counts.
    pub(crate) endless: Option<IntGauge>,
    pub(crate) failure: Option<Failure>,
}

impl Context {
    /// That of a request which begins now.
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            pool: PoolName::Console,
            server: None,
            attempts: 0,
            request_id: HeaderValue::from_static("-"),
            upgrade: false,
            endless: None,
            failure: None,
        }
    }
}
