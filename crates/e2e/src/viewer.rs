//! A viewer, as a browser is one: it reads, remembers its cursor, and comes back with it.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use crate::{Seen, Told, seen::ID};

/// The longest that anything may take until a viewer hears of it: restarts and timeouts of services included.
const PATIENCE: Duration = Duration::from_secs(20);
const PROTOCOL: &str = "citytrack.v1";
/// How a viewer shows its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenBy {
    /// As everything that can set headers.
    Header,
    /// As a browser, which cannot: `bearer.…` beside the protocol.
    Subprotocol,
    /// As the first message.
    Message,
}

/// One socket with one subscription that is written down (`1`); there may be others.
pub struct Viewer {
    /// Where its next socket opens, `host:port`: the gateway or an instance.
    pub address: String,
    token: String,
    token_by: TokenBy,
    /// The subscription, without `since`.
    wish: Value,
    /// A browser on a bad line: the network takes only little ahead of what is read.
    narrow: bool,
    socket: Option<WebSocketStream<TcpStream>>,
    seen: Seen,
}

impl Viewer {
    /// A viewer with an open socket and no subscription yet.
    pub async fn open(address: &str, token: &str) -> Self {
        Self::open_as(address, token, TokenBy::Header, false).await
    }

    /// The same with as little room in the network as there can be, so that the server notices soon when it does not read.
    pub async fn open_narrow(address: &str, token: &str) -> Self {
        Self::open_as(address, token, TokenBy::Header, true).await
    }

    /// The same with its token shown in this way.
    pub async fn open_by(token_by: TokenBy, address: &str, token: &str) -> Self {
        Self::open_as(address, token, token_by, false).await
    }

    /// A viewer that watches a whole venue.
    pub async fn watch(address: &str, token: &str, venue: &str) -> Self {
        let mut viewer = Self::open(address, token).await;
        viewer.subscribe(json!({ "venue": venue })).await;
        viewer
    }

    async fn open_as(address: &str, token: &str, token_by: TokenBy, narrow: bool) -> Self {
        let mut viewer = Self {
            address: address.to_owned(),
            token: token.to_owned(),
            token_by,
            wish: Value::Null,
            narrow,
            socket: None,
            seen: Seen::default(),
        };
        viewer.connect().await.expect("a socket opens");
        viewer
    }

    async fn connect(&mut self) -> Result<(), Error> {
        let mut request = format!("ws://{}/api/v1/live", self.address).into_client_request()?;
        let protocols = match self.token_by {
            TokenBy::Subprotocol => format!("{PROTOCOL}, bearer.{}", self.token),
            TokenBy::Header | TokenBy::Message => PROTOCOL.to_owned(),
        };
        let headers = request.headers_mut();
        headers.insert("Sec-WebSocket-Protocol", protocols.parse().unwrap());
        if self.token_by == TokenBy::Header {
            headers.insert("Authorization", format!("Bearer {}", self.token).parse().unwrap());
        }
        let socket = TcpSocket::new_v4()?;
        if self.narrow {
            socket.set_recv_buffer_size(4096)?;
        }
        let address: SocketAddr = self.address.parse().expect("host:port");
        let (socket, answer) = client_async(request, socket.connect(address).await?).await?;
        assert_eq!(answer.headers()["Sec-WebSocket-Protocol"], PROTOCOL);
        self.socket = Some(socket);
        if self.token_by == TokenBy::Message {
            let message = json!({ "type": "authenticate", "token": self.token });
            self.send(&message).await?;
        }
        Ok(())
    }

    /// What it has been shown until now.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// What it has been shown, at the end.
    pub fn into_seen(self) -> Seen {
        self.seen
    }

    /// Sends any message.
    pub async fn send(&mut self, message: &Value) -> Result<(), Error> {
        let socket = self.socket.as_mut().ok_or(Error::AlreadyClosed)?;
        socket.send(Message::text(message.to_string())).await
    }

    /// Asks for the subscription that is written down, with these members, and waits until it is in force.
    pub async fn subscribe(&mut self, mut wish: Value) -> Told {
        (wish["type"], wish["id"]) = ("subscribe".into(), ID.into());
        self.send(&wish).await.unwrap();
        wish.as_object_mut().unwrap().remove("since");
        self.wish = wish;
        self.hears("subscribed").await
    }

    /// The next message, written down; `Err` is how the socket was closed. Waits for both without end.
    pub async fn next(&mut self) -> Result<(Told, String), Option<u16>> {
        while let Some(socket) = &mut self.socket {
            let code = match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let told: Told = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                    self.seen.note(&told);
                    return Ok((told, text.to_string()));
                }
                Some(Ok(Message::Close(frame))) => frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => None,
            };
            self.seen.closed.push(code);
            self.socket = None;
            return Err(code);
        }
        Err(None)
    }

    /// Reads until a message of this type. An error that was not asked for fails the test.
    pub async fn hears(&mut self, kind: &str) -> Told {
        self.hears_json(kind).await.0
    }

    /// The same with the whole text of the message.
    pub async fn hears_json(&mut self, kind: &str) -> (Told, Value) {
        let heard = async {
            loop {
                match self.next().await {
                    Ok((told, text)) if told.kind == kind => return (told, serde_json::from_str(&text).unwrap()),
                    Ok((told, text)) => assert_ne!(told.kind, "error", "{text}"),
                    Err(code) => panic!("closed ({code:?}) before {kind}"),
                }
            }
        };
        let heard = timeout(PATIENCE, heard).await;
        heard.unwrap_or_else(|_| panic!("no {kind} within {PATIENCE:?}"))
    }

    /// Reads until it has seen enough.
    pub async fn sees(&mut self, what: &str, mut enough: impl FnMut(&Seen) -> bool) {
        let seeing = async {
            while !enough(&self.seen) {
                if let Err(code) = self.next().await {
                    panic!("closed ({code:?}) before: {what}");
                }
            }
        };
        let seeing = timeout(PATIENCE, seeing).await;
        assert!(seeing.is_ok(), "waited {PATIENCE:?} for: {what}: {:?}", self.seen);
    }

    /// Reads until it has seen so many frames more than now.
    pub async fn sees_more(&mut self, frames: usize) {
        let wanted = self.seen.count() + frames;
        self.sees(&format!("{wanted} frames"), |seen| seen.count() >= wanted)
            .await;
    }

    /// Reads everything that was sent to it until now: what the server says before it answers a ping.
    pub async fn catches_up(&mut self) {
        self.send(&json!({ "type": "ping" })).await.unwrap();
        self.hears("pong").await;
    }

    /// Reads until the server closes the socket.
    pub async fn hears_the_end(&mut self) -> Option<u16> {
        let end = async { while self.next().await.is_ok() {} };
        timeout(PATIENCE, end).await.expect("the server closes the socket");
        *self.seen.closed.last().expect("it was open")
    }

    /// Forgets which frames it has seen, but not where it stands: for what follows from here on.
    pub fn forget(&mut self) {
        self.seen.frames.clear();
        self.seen.snapshot.clear();
        self.seen.gaps.clear();
    }

    /// Breaks off without a word, as a browser whose network is gone.
    pub fn leave(&mut self) {
        self.socket = None;
    }

    /// Comes back with its cursor, once, to where `address` says; the answer is `subscribed` or an error.
    async fn try_return(&mut self) -> Result<Told, String> {
        self.connect().await.map_err(|error| error.to_string())?;
        let mut wish = self.wish.clone();
        wish["since"] = self.seen.cursor.clone().expect("a cursor").into();
        self.send(&wish).await.map_err(|error| error.to_string())?;
        loop {
            match self.next().await {
                Ok((told, _)) if told.kind == "subscribed" => return Ok(told),
                // What the service could not do in time it may do next time. Anything else will not change.
                Ok((told, text)) if told.kind == "error" => {
                    assert_eq!(told.code, "unavailable", "{text}");
                    return Err(text);
                }
                Ok(_) => {}
                Err(code) => return Err(format!("closed: {code:?}")),
            }
        }
    }

    /// Comes back with its cursor as a browser does: again and again, after a little while that differs between viewers.
    pub async fn come_back(&mut self, jitter: Duration) -> Told {
        let coming = async {
            loop {
                tokio::time::sleep(jitter).await;
                if let Ok(subscribed) = self.try_return().await {
                    return subscribed;
                }
            }
        };
        timeout(PATIENCE, coming).await.expect("a socket in time")
    }
}
