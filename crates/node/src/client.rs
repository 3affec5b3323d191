//! One attempt to submit one batch, and what its outcome means.

use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Response, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};

use crate::batch::Batch;
use crate::clock::Moment;
use crate::retry::parse_retry_after;
use crate::wire::{Accepted, Problem};

/// The server is told who calls.
const USER_AGENT: &str = concat!("citytrack-node/", env!("CARGO_PKG_VERSION"));
/// No honest answer is longer.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// The most characters of an answer that is no problem document that are shown.
const SHOWN_OF_ANSWER: usize = 200;

/// Where to send to, and how.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The address of CityTrack, such as `https://citytrack.example.org`.
    pub server: Url,
    /// The node key, `ctn_…`.
    pub key: SecretString,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Bodies above so many bytes are compressed.
    pub gzip_above: usize,
}

impl ClientOptions {
    /// The usual options.
    pub fn new(server: Url, key: SecretString) -> Self {
        Self {
            server,
            key,
            timeout: Duration::from_secs(30),
            gzip_above: 1024,
        }
    }
}

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The key is no key.
    #[error("the node key holds characters that no key has")]
    Key,
    /// The address is no address.
    #[error("the server's address must be http:// or https:// and a host: {0}")]
    Server(Url),
    /// The HTTP library does not start.
    #[error("cannot set up HTTP: {0}")]
    Http(#[from] reqwest::Error),
}

/// Sends batches. Keeps its connection from one batch to the next.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Url,
    gzip_above: usize,
}

/// Why a batch was not accepted this time. Each variant asks for something else to be done.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Nobody answered, or the answer was lost. Perhaps the server has the batch: try again, with the same id.
    #[error("{}", describe(.0))]
    NoAnswer(#[from] reqwest::Error),
    /// The server cannot take it now: try again later, and not before it said.
    #[error("{refusal}")]
    Busy {
        /// What it said.
        refusal: Box<Refusal>,
        /// Retry-After.
        retry_after: Option<Duration>,
    },
    /// Somebody answered who is not CityTrack (the log-in page of a network, for instance): try again later.
    #[error("answered {0}, but not as CityTrack does: is the address right?")]
    Strange(StatusCode),
    /// The batch is too large: send it in parts.
    #[error("{0}")]
    TooLarge(Box<Refusal>),
    /// Something is wrong with this batch. It will be wrong next time, too: report it, and go on with the next.
    #[error("{0}")]
    Invalid(Box<Refusal>),
    /// Something is wrong with the key or the address, so every batch would be refused: stop.
    #[error("{0}")]
    Denied(Box<Refusal>),
}

/// A server's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// Why.
    pub problem: Problem,
}

impl Client {
    /// A client with connections of its own.
    ///
    /// # Errors
    /// A key or an address that cannot be right.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let mut endpoint = options.server;
        if !matches!(endpoint.scheme(), "http" | "https") {
            return Err(ClientError::Server(endpoint));
        }
        if let Ok(mut path) = endpoint.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1", "detections"]);
        }
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", options.key.expose_secret())).map_err(|_| ClientError::Key)?;
        authorization.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, authorization),
            (
                ACCEPT,
                HeaderValue::from_static("application/json, application/problem+json"),
            ),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ]);
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            // A redirect would turn the POST into a GET, and carry the key to who knows whom.
            .redirect(redirect::Policy::none())
            .timeout(options.timeout)
            .connect_timeout(options.timeout.min(Duration::from_secs(10)))
            .build()?;
        Ok(Self {
            http,
            endpoint,
            gzip_above: options.gzip_above,
        })
    }

    /// Where it sends to, without a password that may be in the address.
    pub fn destination(&self) -> String {
        format!(
            "{}{}",
            self.endpoint.origin().ascii_serialization(),
            self.endpoint.path()
        )
    }

    /// Submits a batch, once. `Ok` means that the server has it safely and the node may forget it.
    ///
    /// # Errors
    /// Why not, and with it what to do: see [`SubmitError`].
    pub async fn submit(&self, batch: &Batch) -> Result<Accepted, SubmitError> {
        let json = encode(batch);
        let mut request = self.http.post(self.endpoint.clone());
        request = match gzip(&json).filter(|_| json.len() > self.gzip_above) {
            Some(small) => request.header(CONTENT_ENCODING, "gzip").body(small),
            None => request.body(json),
        };
        let response = request.send().await?;
        let status = response.status();
        let retry_after =
            header(&response, RETRY_AFTER.as_str()).and_then(|value| parse_retry_after(value, Moment::now().utc));
        let location = header(&response, LOCATION.as_str()).map(str::to_owned);
        let body = read(response).await?;
        if status.is_success() {
            // Only the answer to this very batch lets the node forget it.
            let accepted: Option<Accepted> = serde_json::from_slice(&body).ok();
            return accepted
                .filter(|a| a.batch_id == batch.batch_id)
                .ok_or(SubmitError::Strange(status));
        }
        Err(refusal(status, problem(&body, location), retry_after))
    }
}

fn encode(batch: &Batch) -> Vec<u8> {
    // Cannot fail: the structs hold no maps, and numbers that JSON does not have are written as null.
    serde_json::to_vec(batch).unwrap_or_default()
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// The body, up to a limit: a node has little memory, and not every server is a friend.
async fn read(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = LONGEST_ANSWER - body.len();
        body.extend(chunk.iter().take(room));
        if chunk.len() > room {
            break;
        }
    }
    Ok(body)
}

fn problem(body: &[u8], location: Option<String>) -> Problem {
    if let Some(location) = location {
        return Problem {
            detail: format!("redirected to {location}: set the server's address to that"),
            ..Problem::default()
        };
    }
    serde_json::from_slice(body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(body);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Problem {
            detail: line.chars().take(SHOWN_OF_ANSWER).collect(),
            ..Problem::default()
        }
    })
}

fn refusal(status: StatusCode, problem: Problem, retry_after: Option<Duration>) -> SubmitError {
    let refusal = Box::new(Refusal { status, problem });
    match status.as_u16() {
        408 | 425 | 429 | 500.. => SubmitError::Busy { refusal, retry_after },
        413 => SubmitError::TooLarge(refusal),
        300..=399 | 401 | 403..=405 | 407 => SubmitError::Denied(refusal),
        _ => SubmitError::Invalid(refusal),
    }
}

/// What happened on the network, in few words: the kind of failure, and its innermost reason.
fn describe(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    match error {
        e if e.is_timeout() => "no answer in time".to_owned(),
        e if e.is_connect() => format!("cannot connect: {reason}"),
        _ => format!("connection lost: {reason}"),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem {
            kind, title, detail, ..
        } = &self.problem;
        write!(f, "{}", self.status)?;
        if !kind.is_empty() && kind != "about:blank" {
            write!(f, " ({kind})")?;
        }
        for text in [title, detail] {
            if !text.is_empty()
                && !self
                    .status
                    .canonical_reason()
                    .is_some_and(|reason| reason.eq_ignore_ascii_case(text))
            {
                write!(f, ": {text}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(server: &str) -> Result<Client, ClientError> {
        Client::new(ClientOptions::new(server.parse().unwrap(), "ctn_x".into()))
    }

    #[test]
    fn the_path_of_the_api_follows_the_servers_own() {
        for (server, endpoint) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v1/detections"),
            (
                "https://u:p@example.org/tracks/",
                "https://example.org/tracks/api/v1/detections",
            ),
        ] {
            assert_eq!(client(server).unwrap().destination(), endpoint);
        }
        assert!(matches!(client("ftp://example.org"), Err(ClientError::Server(_))));
        let options = ClientOptions::new("http://a".parse().unwrap(), "two\nlines".into());
        assert!(matches!(Client::new(options), Err(ClientError::Key)));
    }

    #[test]
    fn the_key_does_not_show() {
        let options = ClientOptions::new("http://a".parse().unwrap(), "ctn_secret".into());
        assert!(!format!("{options:?} {:?}", Client::new(options.clone())).contains("secret"));
    }

    #[test]
    fn each_status_asks_for_something_else() {
        let of = |status| refusal(StatusCode::from_u16(status).unwrap(), Problem::default(), None);
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert!(matches!(of(status), SubmitError::Busy { .. }), "{status}");
        }
        for status in [301, 307, 401, 403, 404, 405] {
            assert!(matches!(of(status), SubmitError::Denied(_)), "{status}");
        }
        for status in [400, 409, 415, 422] {
            assert!(matches!(of(status), SubmitError::Invalid(_)), "{status}");
        }
        assert!(matches!(of(413), SubmitError::TooLarge(_)));
    }

    #[test]
    fn refusals_are_told_in_one_line() {
        let told = |status: u16, body: &[u8]| {
            refusal(StatusCode::from_u16(status).unwrap(), problem(body, None), None).to_string()
        };
        let document =
            br#"{"type":"/problems/unauthorized","title":"Unauthorized","status":401,"detail":"the key was revoked"}"#;
        assert_eq!(
            told(401, document),
            "401 Unauthorized (/problems/unauthorized): the key was revoked"
        );
        assert_eq!(
            told(502, b"<h1>Bad\n Gateway</h1>"),
            "502 Bad Gateway: <h1>Bad Gateway</h1>"
        );
        assert_eq!(told(503, b""), "503 Service Unavailable");
    }
}
