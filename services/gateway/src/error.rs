//! What the gateway answers when no server can.

use std::{net::SocketAddr, time::Duration};

use actix_web::{ResponseError, body::MessageBody, http::StatusCode};
use citytrack_common::Problem;
use pingora::{
    Error, ErrorSource,
    ErrorType::{
        ConnectError, ConnectNoRoute, ConnectRefused, ConnectTimedout, ConnectionClosed, HTTPStatus, ReadError,
        ReadTimedout, WriteError, WriteTimedout,
    },
    http::ResponseHeader,
};

use crate::routes::PoolName;

/// Another server, or the same one, is most likely there again by then.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The public port cannot be opened.
    #[error("CITYTRACK_GATEWAY__LISTEN: cannot listen on {address}")]
    Listen {
        /// The address of the setting.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The runtime of the proxy cannot be started.
    #[error("cannot start the threads of the proxy")]
    Threads(#[source] std::io::Error),
    /// A metric cannot be registered.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// The proxy engine refuses.
    #[error(transparent)]
    Engine(#[from] Box<Error>),
}

/// Why a request was not answered by a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No server of the pool is healthy, or none took a connection: nothing has been sent.
    NoHealthyServer,
    /// A server was silent for too long.
    Timeout,
    /// A server went away or answered something that is not HTTP.
    BadGateway,
    /// The request head is larger than allowed.
    HeadTooLarge,
    /// The request cannot be passed on as it is.
    BadRequest,
    /// The client went away; nobody is left to answer.
    ClientGone,
    /// The gateway's own fault.
    Internal,
}

impl Failure {
    /// All failures, each at the index `failure as usize`.
    pub const ALL: [Self; 7] = [
        Self::NoHealthyServer,
        Self::Timeout,
        Self::BadGateway,
        Self::HeadTooLarge,
        Self::BadRequest,
        Self::ClientGone,
        Self::Internal,
    ];

    /// The name in logs, metrics and problem documents.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoHealthyServer => "no-healthy-server",
            Self::Timeout => "gateway-timeout",
            Self::BadGateway => "bad-gateway",
            Self::HeadTooLarge => "head-too-large",
            Self::BadRequest => "bad-request",
            Self::ClientGone => "client-gone",
            Self::Internal => "internal",
        }
    }

    /// What an error of the proxy engine means.
    pub fn of(error: &Error) -> Self {
        match (error.esource(), error.etype()) {
            (_, HTTPStatus(503)) => Self::NoHealthyServer,
            // Nothing has been sent, so this is no case of "may or may not have been carried out".
            (ErrorSource::Upstream, ConnectRefused | ConnectTimedout | ConnectNoRoute | ConnectError) => {
                Self::NoHealthyServer
            }
            (ErrorSource::Upstream, ReadTimedout | WriteTimedout) => Self::Timeout,
            (ErrorSource::Upstream, _) => Self::BadGateway,
            (ErrorSource::Downstream, WriteError | ReadError | ConnectionClosed | ReadTimedout | WriteTimedout) => {
                Self::ClientGone
            }
            (ErrorSource::Downstream, _) => Self::BadRequest,
            (ErrorSource::Internal | ErrorSource::Unset, _) => Self::Internal,
        }
    }

    /// The answer; `None` when nobody is there to read it.
    pub fn problem(self, pool: PoolName) -> Option<Problem> {
        let pool = pool.as_str();
        let problem = |status, title, detail: String| Some(Problem::new(status, self.reason(), title, detail));
        let again = |problem: Problem| problem.retry_after(RETRY_AFTER);
        match self {
            Self::NoHealthyServer => problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "No healthy server",
                format!("no server of {pool} can answer now; try again"),
            )
            .map(again),
            Self::Timeout => problem(
                StatusCode::GATEWAY_TIMEOUT,
                "Gateway timeout",
                format!("{pool} did not answer in time; the request may or may not have been carried out"),
            )
            .map(again),
            Self::BadGateway => problem(
                StatusCode::BAD_GATEWAY,
                "Bad gateway",
                format!(
                    "{pool} went away before its answer was complete; the request may or may not have been carried out"
                ),
            )
            .map(again),
            Self::HeadTooLarge => problem(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request head too large",
                "the request line and headers are larger than this gateway accepts".to_owned(),
            ),
            Self::BadRequest => problem(
                StatusCode::BAD_REQUEST,
                "Bad request",
                "this request cannot be passed on as it is".to_owned(),
            ),
            Self::ClientGone => None,
            Self::Internal => Some(Problem::internal()),
        }
    }
}

/// A problem document in the words of the proxy engine: head and body.
///
/// # Errors
/// When a header is refused, which those of problem documents are not.
pub fn document(problem: &Problem) -> pingora::Result<(ResponseHeader, Vec<u8>)> {
    let answer = problem.error_response();
    let mut head = ResponseHeader::build(answer.status().as_u16(), Some(6))?;
    for (name, value) in answer.headers() {
        head.append_header(name.as_str().to_owned(), value.as_bytes())?;
    }
    let body = answer
        .into_body()
        .try_into_bytes()
        .map(|body| body.to_vec())
        .unwrap_or_default();
    head.set_content_length(body.len())?;
    Ok((head, body))
}

#[cfg(test)]
mod tests {
    use pingora::ErrorType;

    use super::*;

    #[test]
    fn what_may_pass_asks_to_come_again() {
        for failure in [Failure::Timeout, Failure::BadGateway] {
            let (head, _) = document(&failure.problem(PoolName::Stats).unwrap()).unwrap();
            assert_eq!(head.headers["retry-after"], "1");
        }
        let problem = Failure::NoHealthyServer.problem(PoolName::Stats).unwrap();
        let (head, body) = document(&problem).unwrap();
        assert_eq!(head.status, 503);
        assert_eq!(head.headers["content-type"], "application/problem+json");
        assert_eq!(head.headers["retry-after"], "1");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["type"], "/problems/no-healthy-server");
        assert_eq!(body["detail"], "no server of stats can answer now; try again");
    }

    #[test]
    fn errors_of_the_engine_are_understood() {
        let error = |source: fn(Box<Error>) -> Box<Error>, kind: ErrorType| Failure::of(&source(Error::new(kind)));
        assert_eq!(error(Error::into_up, ReadTimedout), Failure::Timeout);
        assert_eq!(error(Error::into_up, ConnectTimedout), Failure::NoHealthyServer);
        assert_eq!(error(Error::into_up, ConnectionClosed), Failure::BadGateway);
        assert_eq!(error(Error::into_down, WriteError), Failure::ClientGone);
        assert_eq!(error(Error::into_in, HTTPStatus(503)), Failure::NoHealthyServer);
    }

    #[test]
    fn failures_are_indexed_by_their_number() {
        for (index, failure) in Failure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, index);
        }
    }
}
