//! Subscribers: each has a socket of its own, as a browser has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;

use super::matching::{Matcher, Message, is_type};
use super::seen::Seen;
use crate::ledger::Ledger;
use crate::plan::{Dialect, Plan};
use crate::target::Target;

type Socket = WebSocketStream<TcpStream>;

const WELCOME_WITHIN: Duration = Duration::from_secs(10);

/// Where the live feed is, and what to ask it for.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub(crate) target: Target,
    pub(crate) dialect: Dialect,
    pub(crate) venue: String,
    pub(crate) token: Option<String>,
}

impl Feed {
    /// Connects, and subscribes where the API wants that; returns when messages will come.
    async fn open(&self) -> Result<Socket> {
        let mut request = format!("ws://{}{}", self.target.host, self.target.path).into_client_request()?;
        if let Some(token) = &self.token {
            request
                .headers_mut()
                .insert("Authorization", format!("Bearer {token}").parse()?);
        }
        let (mut socket, _) = client_async(request, self.target.connect().await?)
            .await
            .context("live feed")?;
        if self.dialect == Dialect::Citytrack {
            let subscribe = serde_json::json!({"type": "subscribe", "id": "1", "venue": self.venue});
            socket.send(Frame::text(subscribe.to_string())).await?;
            match timeout(WELCOME_WITHIN, socket.next())
                .await
                .context("no answer to subscribe")?
            {
                Some(Ok(Frame::Text(text))) if is_type(&text, "subscribed") => {}
                answer => bail!("subscribing failed: {answer:?}"),
            }
        }
        Ok(socket)
    }
}

/// The sockets of all subscribers.
pub(crate) struct Subscribers {
    tasks: JoinSet<Result<Seen>>,
}

/// Opens `count` sockets and reads them until `stop`. `received` counts the parts that came or were
/// left out, over all of them.
pub(crate) async fn subscribe(
    feed: &Feed,
    count: u32,
    plan: Plan,
    ledger: &Arc<Ledger>,
    received: &Arc<AtomicU64>,
    stop: &CancellationToken,
) -> Result<Subscribers> {
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let reader = Reader {
            plan,
            ledger: ledger.clone(),
            received: received.clone(),
            seen: Seen::new()?,
        };
        tasks.spawn(reader.run(feed.open().await?, stop.clone()));
    }
    Ok(Subscribers { tasks })
}

impl Subscribers {
    /// What each of them saw, when they have stopped.
    pub(crate) async fn join(mut self) -> Result<Vec<Seen>> {
        let mut all = Vec::new();
        while let Some(seen) = self.tasks.join_next().await {
            all.push(seen??);
        }
        Ok(all)
    }
}

struct Reader {
    plan: Plan,
    ledger: Arc<Ledger>,
    received: Arc<AtomicU64>,
    seen: Seen,
}

impl Reader {
    async fn run(mut self, mut socket: Socket, stop: CancellationToken) -> Result<Seen> {
        let mut matcher = Matcher::new(self.plan);
        loop {
            let frame = tokio::select! {
                biased;
                frame = socket.next() => frame,
                () = stop.cancelled() => break,
            };
            let at = Instant::now();
            match frame {
                Some(Ok(Frame::Text(text))) => matcher.read(&text, |message| self.note(message, at)),
                Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
                Some(Ok(Frame::Binary(_))) => self.note(Message::Malformed, at),
                _ => {
                    self.seen.cut_off = !stop.is_cancelled();
                    return Ok(self.seen);
                }
            }
        }
        let _ = timeout(Duration::from_secs(1), socket.close(None)).await; // manners: nothing depends on it
        Ok(self.seen)
    }

    fn note(&mut self, message: Message, at: Instant) {
        if let Message::Gap(dropped) = message {
            self.received.fetch_add(dropped, Relaxed); // will not come: nobody should wait for it
        }
        if self.seen.note(message, at, &self.plan, &self.ledger) {
            self.received.fetch_add(1, Relaxed);
        }
    }
}
