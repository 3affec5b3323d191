//! The live feed as Server-Sent Events, read with a plain HTTP client.

use std::time::Duration;

use citytrack_testkit::eventually;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// One event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Its name, `event:`.
    pub name: String,
    /// `id:`, where to go on.
    pub id: Option<String>,
    /// `data:`
    pub data: Value,
}

/// An open stream.
pub struct EventStream {
    answer: Response,
    read: String,
}

impl EventStream {
    /// Opens a stream; `query` is what follows the question mark. The header `Last-Event-ID` is sent when there is one. Asks
    /// again, as browsers do, while there is nobody to serve it.
    pub async fn open(address: &str, token: &str, query: &str, last: Option<&str>) -> Self {
        let mut request = Client::new()
            .get(format!("http://{address}/api/v1/live?{query}"))
            .bearer_auth(token)
            .header("Accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let answer = eventually("a stream opens", async || {
            let answer = request.try_clone()?.send().await.unwrap();
            (answer.status() != StatusCode::SERVICE_UNAVAILABLE).then_some(answer)
        })
        .await;
        assert_eq!(answer.status(), StatusCode::OK);
        let kind = answer.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        Self {
            answer,
            read: String::new(),
        }
    }

    /// The next event; none when the stream has ended. Comments and `retry` are passed over.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.read.find("\n\n") {
                let rest = self.read.split_off(end + 2);
                let event = parse(&std::mem::replace(&mut self.read, rest));
                if event.is_some() {
                    return event;
                }
            }
            let chunk = timeout(PATIENCE, self.answer.chunk()).await.expect("an event in time");
            // Our lines are ASCII but for names, which JSON escapes or keeps whole; tests use plain ones.
            self.read += std::str::from_utf8(&chunk.ok()??).unwrap();
        }
    }

    /// The next event of this name.
    pub async fn hears(&mut self, name: &str) -> Event {
        loop {
            let event = self
                .next()
                .await
                .unwrap_or_else(|| panic!("the stream ended before {name}"));
            if event.name == name {
                return event;
            }
        }
    }
}

/// An event of its lines; none when they name no event.
fn parse(block: &str) -> Option<Event> {
    let mut event = Event::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("event", name)) => name.clone_into(&mut event.name),
            Some(("id", id)) => event.id = Some(id.to_owned()),
            Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
            _ => {}
        }
    }
    (!event.name.is_empty()).then_some(event)
}
