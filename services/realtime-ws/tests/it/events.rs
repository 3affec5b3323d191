//! The stream of events: the same frames, for those who cannot have a WebSocket.

use std::time::Duration;

use citytrack_testkit::{eventually, person};
use jiff::SignedDuration;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::{Live, token};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

struct Events {
    answer: Response,
    unread: String,
}

/// An event: its name, its id, and its data.
type Event = (String, Option<String>, Value);

impl Events {
    /// `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| {
                let line = block
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                line.map(str::to_owned)
            };
            if let Some(data) = field("data") {
                let data: Value = serde_json::from_str(&data).unwrap();
                return Some((field("event").unwrap(), field("id"), data));
            }
        }
    }

    /// What stands before the next empty line.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                return Some(block);
            }
            let more = timeout(Duration::from_secs(10), self.answer.chunk());
            let more = more.await.expect("something within ten seconds").unwrap()?;
            self.unread.push_str(std::str::from_utf8(&more).unwrap());
        }
    }
}

fn ask(live: &Live, query: &str, token: &str) -> RequestBuilder {
    let url = format!("http://{}/api/v1/live?{query}", live.address);
    let request = reqwest::Client::new().get(url).bearer_auth(token);
    request.header("accept", "text/event-stream")
}

async fn open(request: RequestBuilder) -> Events {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let unread = String::new();
    let mut events = Events { answer, unread };
    assert_eq!(events.block().await.unwrap(), "retry: 2000");
    events
}

#[tokio::test]
async fn frames_come_as_events() {
    let live = Live::start(&[]).await;
    let query = "venue=demo&camera=entrance,north/exit&class=person&empty=false";
    let mut events = open(ask(&live, query, &token(&["demo"], HOUR))).await;
    let (name, id, subscribed) = events.next().await.unwrap();
    assert_eq!(
        (name.as_str(), id.as_deref()),
        ("subscribed", subscribed["cursor"].as_str())
    );
    let shown = [
        ("stage", vec![person(0.5, None)]),
        ("exit", vec![]),
        ("entrance", vec![person(0.5, None)]),
    ];
    live.show("demo", &shown).await;
    let (name, id, frame) = events.next().await.unwrap();
    assert_eq!((name.as_str(), id.as_deref()), ("frame", frame["cursor"].as_str()));
    assert_eq!((&frame["id"], &frame["camera"]), (&json!("1"), &json!("entrance")));
    assert!(live.metric("citytrack_live_frames_sent_total") > 0.5);
    drop(events);
    eventually("the stream is forgotten", async || {
        // A connection that is gone is noticed when something is written to it.
        live.show("demo", &[("entrance", vec![person(0.5, None)])]).await;
        let left = ["citytrack_live_sessions", "citytrack_live_subscriptions"].map(|name| live.metric(name));
        (left.iter().sum::<f64>() < 0.5).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_browser_that_comes_back_gets_what_it_missed() {
    let live = Live::start(&[]).await;
    let token = token(&["demo"], HOUR);
    let mut events = open(ask(&live, "venue=demo", &token)).await;
    events.next().await.unwrap();
    live.show("demo", &[("entrance", vec![])]).await;
    let (_, last, _) = events.next().await.unwrap();
    drop(events);
    live.show("demo", &[("exit", vec![])]).await;
    let again = ask(&live, "venue=demo&since=older", &token).header("last-event-id", last.unwrap());
    let mut events = open(again).await;
    assert_eq!(events.next().await.unwrap().2["recovered"], true);
    assert_eq!(events.next().await.unwrap().2["camera"], "exit");
}

#[tokio::test]
async fn what_cannot_be_granted_is_a_problem() {
    let live = Live::start(&[]).await;
    let token = token(&["demo"], HOUR);
    for (query, status, problem) in [
        ("", 400, "/problems/invalid-query"),
        ("venue=demo&cameras=a", 400, "/problems/invalid-query"),
        ("venue=demo&filter=person", 400, "/problems/invalid-query"),
        ("venue=demo&class=", 400, "/problems/invalid-filter"),
        ("venue=demo&since=nonsense", 400, "/problems/invalid-cursor"),
        ("venue=demo&max_rate=0", 400, "/problems/invalid-message"),
        ("venue=hall", 403, "/problems/forbidden-venue"),
    ] {
        let answer = ask(&live, query, &token).send().await.unwrap();
        assert_eq!(answer.status(), status, "{query}");
        assert_eq!(answer.json::<Value>().await.unwrap()["type"], problem, "{query}");
    }
    let stranger = ask(&live, "venue=demo", "nonsense").send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    let evil = ask(&live, "venue=demo", &token).header("origin", "https://evil.example");
    assert_eq!(evil.send().await.unwrap().status(), 403);
    assert!(live.metric("citytrack_live_sessions") < 0.5);
}

#[tokio::test]
async fn a_page_that_may_use_the_feed_is_told_so() {
    let live = Live::start(&["--live-origins", "https://friend.example"]).await;
    let request = ask(&live, "venue=demo", &token(&["demo"], HOUR)).header("origin", "https://friend.example");
    let answer = request.send().await.unwrap();
    assert_eq!(
        answer.headers()["access-control-allow-origin"],
        "https://friend.example"
    );
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let live = Live::start(&[]).await;
    let mut events = open(ask(
        &live,
        "venue=demo",
        &token(&["demo"], SignedDuration::from_secs(2)),
    ))
    .await;
    let mut names = Vec::new();
    while let Some((name, _, data)) = events.next().await {
        if name == "end" {
            assert_eq!(data, json!({"type": "end", "reason": "expired"}));
        }
        names.push(name);
    }
    assert_eq!(names.last().unwrap(), "end");
}

#[tokio::test]
async fn at_shutdown_streams_end_and_so_does_the_process() {
    let live = Live::start(&["--live-close-window", "100ms"]).await;
    let mut events = open(ask(&live, "venue=demo", &token(&["demo"], HOUR))).await;
    events.next().await.unwrap();
    live.stop.cancel();
    assert_eq!(
        events.next().await.unwrap().2,
        json!({"type": "end", "reason": "shutdown"})
    );
    assert_eq!(events.next().await, None);
    live.shut_down().await;
}

#[tokio::test]
async fn pages_of_named_sites_may_ask_with_a_token() {
    let live = Live::start(&["--live-origins", "https://other.example"]).await;
    let url = format!("http://{}/api/v1/live", live.address);
    let ask = |origin: &'static str| {
        let request = reqwest::Client::new().request(reqwest::Method::OPTIONS, &url);
        request
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization")
    };
    let named = ask("https://other.example").send().await.unwrap();
    assert_eq!(named.status(), 204);
    assert_eq!(named.headers()["access-control-allow-origin"], "https://other.example");
    assert!(
        named.headers()["access-control-allow-headers"]
            .to_str()
            .unwrap()
            .contains("authorization")
    );
    let unknown = ask("https://evil.example").send().await.unwrap();
    assert_eq!(unknown.status(), 405);
    assert!(!unknown.headers().contains_key("access-control-allow-origin"));
}
