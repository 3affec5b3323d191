//! One attempt to submit one batch, or one picture.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{RequestBuilder, Response, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::batch::Batch;
use crate::clock::Moment;
use crate::pictures::content_type;
use crate::refusal::{SubmitError, problem, refusal};
use crate::retry::{parse_rate_limit, parse_retry_after};
use crate::sealed::Sealed;
use crate::wire::{Accepted, AcceptedPicture};

/// The server is told who calls.
const USER_AGENT: &str = concat!("citytrack-node/", env!("CARGO_PKG_VERSION"));
/// The id of a batch, so that the server can tell live batches from backlog before it reads the body.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// What is left of the node's allowance.
const RATE_LIMIT: &str = "ratelimit";
/// No honest answer is longer.
const LONGEST_ANSWER: usize = 1024 * 1024;

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
    /// The address says more than where: HTTP would send that in the place of the key.
    #[error("the server's address must not hold a user name or a password: the node key is all that is needed")]
    Credentials,
    /// The HTTP library does not start.
    #[error("cannot set up HTTP")]
    Http(#[from] reqwest::Error),
}

/// Sends batches. Keeps its connection from one batch to the next.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Url,
    pictures: Url,
    gzip_above: usize,
}

/// The server has a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What it has.
    pub accepted: Accepted,
    /// The allowance of the node is used up: the next batch of this kind would be taken only after this time.
    pub pause: Option<Duration>,
}

impl Client {
    /// A client with connections of its own.
    ///
    /// # Errors
    /// A key or an address that cannot be right.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let endpoint = options.server;
        if !endpoint.username().is_empty() || endpoint.password().is_some() {
            return Err(ClientError::Credentials);
        }
        if !matches!(endpoint.scheme(), "http" | "https") {
            return Err(ClientError::Server(endpoint));
        }
        let of = |resource| {
            let mut url = endpoint.clone();
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().extend(["api", "v1", resource]);
            }
            url
        };
        let (endpoint, pictures) = (of("detections"), of("images"));
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
        let mut http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            // A redirect would turn the POST into a GET, and carry the key to who knows whom.
            .redirect(redirect::Policy::none())
            .timeout(options.timeout)
            .connect_timeout(options.timeout.min(Duration::from_secs(10)));
        if endpoint.scheme() == "http" {
            // Small systems may have no certificates at all. Without https there is no need for any.
            http = http.tls_certs_only([]);
        }
        let http = http.build()?;
        Ok(Self {
            http,
            endpoint,
            pictures,
            gzip_above: options.gzip_above,
        })
    }

    /// Where it sends to.
    pub fn destination(&self) -> &Url {
        &self.endpoint
    }

    /// Submits a batch, once. `Ok` means that the server has it safely and the node may forget it.
    ///
    /// # Errors
    /// Why not, and with it what to do: see [`SubmitError`].
    pub async fn submit(&self, batch: &Batch) -> Result<Accepted, SubmitError> {
        let receipt = self.send(&Sealed::new(batch, self.gzip_above)).await?;
        Ok(receipt.accepted)
    }

    /// The same with a batch that is ready to be sent.
    ///
    /// # Errors
    /// Why not, and with it what to do: see [`SubmitError`].
    pub async fn send(&self, sealed: &Sealed) -> Result<Receipt, SubmitError> {
        let mut request = self
            .http
            .post(self.endpoint.clone())
            .header(IDEMPOTENCY_KEY, sealed.id.to_string());
        if sealed.gzip {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        let answer = ask(request.body(sealed.body.clone())).await?;
        // Only the answer to this very batch lets the node forget it.
        let accepted: Option<Accepted> = serde_json::from_slice(&answer.body).ok();
        accepted
            .filter(|accepted| accepted.batch_id == sealed.id)
            .map(|accepted| Receipt {
                accepted,
                pause: answer.pause,
            })
            .ok_or(SubmitError::Strange(answer.status))
    }

    /// Submits a picture, once. `body` is what [`pictures`](crate::pictures) made for this id. Returns how long the server wants
    /// the next picture to wait.
    ///
    /// # Errors
    /// Why not, and with it what to do: see [`SubmitError`].
    pub async fn send_picture(&self, id: Uuid, body: Bytes) -> Result<Option<Duration>, SubmitError> {
        let request = self
            .http
            .post(self.pictures.clone())
            .header(IDEMPOTENCY_KEY, id.to_string())
            .header(CONTENT_TYPE, content_type(id));
        let answer = ask(request.body(body)).await?;
        let accepted: Option<AcceptedPicture> = serde_json::from_slice(&answer.body).ok();
        match accepted {
            Some(accepted) if accepted.id == id => Ok(answer.pause),
            _ => Err(SubmitError::Strange(answer.status)),
        }
    }
}

/// A success.
struct Answer {
    status: StatusCode,
    pause: Option<Duration>,
    body: Vec<u8>,
}

/// One attempt at anything.
async fn ask(request: RequestBuilder) -> Result<Answer, SubmitError> {
    let response = request.send().await?;
    let status = response.status();
    let retry_after =
        header(&response, RETRY_AFTER.as_str()).and_then(|value| parse_retry_after(value, Moment::now().utc));
    let location = header(&response, LOCATION.as_str())
        .filter(|_| status.is_redirection())
        .map(str::to_owned);
    let pause = header(&response, RATE_LIMIT).and_then(parse_rate_limit);
    let body = read(response).await?;
    if status.is_success() {
        return Ok(Answer { status, pause, body });
    }
    Err(refusal(status, problem(&body, location), retry_after))
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
                "https://example.org/tracks/",
                "https://example.org/tracks/api/v1/detections",
            ),
        ] {
            assert_eq!(client(server).unwrap().destination().as_str(), endpoint);
        }
        assert!(matches!(client("ftp://example.org"), Err(ClientError::Server(_))));
        assert!(matches!(
            client("https://u:p@example.org"),
            Err(ClientError::Credentials)
        ));
        let options = ClientOptions::new("http://a".parse().unwrap(), "two\nlines".into());
        assert!(matches!(Client::new(options), Err(ClientError::Key)));
    }

    #[test]
    fn the_key_does_not_show() {
        let options = ClientOptions::new("http://a".parse().unwrap(), "ctn_secret".into());
        assert!(!format!("{options:?} {:?}", Client::new(options.clone())).contains("secret"));
    }
}
