//! The service and `docs/realtime.md` keep to the written contract, `proto-schemas/live`. That each message of the server is
//! as written is checked wherever a test reads one (`harness::Client::next`); here all of them are provoked.

use std::collections::BTreeSet;

use citytrack_testkit::person;
use jiff::SignedDuration;
use reqwest::Response;
use serde_json::{Deserializer, Value, json};

use crate::{
    harness::{Client, Live, token},
    schemas,
};

/// What a client is told.
struct Visit {
    client: Client,
    told: Vec<Value>,
}

impl Visit {
    async fn of(live: &Live) -> Self {
        Self::with(live.client(&["demo"]).await)
    }

    fn with(client: Client) -> Self {
        let told = Vec::new();
        Self { client, told }
    }

    /// Says something, and listens until the answer has come.
    async fn ask(&mut self, message: Value, answer: &str) {
        self.client.send(&message).await;
        self.until(answer).await;
    }

    /// Listens until a message of this type, code or reason has come.
    async fn until(&mut self, word: &str) {
        loop {
            let message = self.client.next().await;
            let found = ["type", "code", "reason"].iter().any(|field| message[field] == word);
            self.told.push(message);
            if found {
                return;
            }
        }
    }
}

fn subscribe(id: &str) -> Value {
    json!({"type": "subscribe", "id": id, "venue": "demo"})
}

/// From the first token to the last wish.
async fn an_ordinary_visit() -> Vec<Value> {
    let live = Live::start(&[]).await;
    let mut visit = Visit::with(live.connect(live.request()).await.unwrap());
    visit.ask(subscribe("1"), "not-authenticated").await;
    let wrong = json!({"type": "authenticate", "token": "a.b.c"});
    visit.ask(wrong, "unauthorized").await;
    let short = token(&["demo"], SignedDuration::from_secs(50));
    visit
        .ask(json!({"type": "authenticate", "token": short}), "authenticated")
        .await;
    visit.until("expiring").await;
    visit.ask(subscribe("1"), "subscribed").await;
    live.show(
        "demo",
        &[
            ("entrance", vec![person(0.5, Some(17)), person(0.1, None)]),
            ("exit", vec![]),
        ],
    )
    .await;
    visit.until("frame").await;
    visit.until("frame").await;
    visit.ask(subscribe("2"), "subscribed").await;
    let snapshot = &visit.told.last().unwrap()["snapshot"];
    assert_eq!(snapshot.as_array().unwrap().len(), 2, "{snapshot}");
    visit
        .ask(json!({"type": "unsubscribe", "id": "1"}), "unsubscribed")
        .await;
    visit.told
}

async fn one_token_for_two() -> Vec<Value> {
    let live = Live::start(&["--live-sockets-per-token", "1"]).await;
    let token = token(&["demo"], SignedDuration::from_hours(1));
    let show = json!({"type": "authenticate", "token": token});
    let mut one = Visit::with(live.connect(live.request()).await.unwrap());
    let mut another = Visit::with(live.connect(live.request()).await.unwrap());
    one.ask(show.clone(), "authenticated").await;
    another.ask(show, "too-many-sockets").await;
    [one.told, another.told].concat()
}

async fn refusals() -> Vec<Value> {
    let live = Live::start(&["--live-subscriptions", "2"]).await;
    let mut visit = Visit::of(&live).await;
    visit.client.send_text("hello").await;
    visit.until("invalid-json").await;
    visit.ask(json!({"type": "hello"}), "unknown-type").await;
    visit.ask(json!({"type": "ping", "id": "1"}), "invalid-message").await;
    let with = |field: &str, value: Value| {
        let mut wish = subscribe("1");
        wish[field] = value;
        wish
    };
    visit.ask(with("filter", json!({"and": []})), "invalid-filter").await;
    visit.ask(with("since", json!("nowhere")), "invalid-cursor").await;
    visit.ask(with("venue", json!("other")), "forbidden-venue").await;
    visit.ask(json!({"type": "unsubscribe", "id": "1"}), "unknown-id").await;
    visit.ask(subscribe("1"), "subscribed").await;
    visit.ask(subscribe("1"), "duplicate-id").await;
    visit.ask(subscribe("2"), "subscribed").await;
    visit.ask(subscribe("3"), "too-many-subscriptions").await;
    let too_many = |visit: &Visit| {
        visit
            .told
            .last()
            .is_some_and(|told| told["code"] == "too-many-messages")
    };
    while !too_many(&visit) {
        visit.client.send(&json!({"type": "ping"})).await;
        visit.told.push(visit.client.next().await);
    }
    visit.told
}

async fn gaps() -> Vec<Value> {
    let live = Live::start(&["--live-queue", "4"]).await;
    let mut slow = Visit::with(live.narrow_client("demo").await);
    slow.ask(subscribe("1"), "subscribed").await;
    let crowd = vec![person(0.5, Some(1)); 400];
    while live.metric("citytrack_live_frames_dropped_total") < 1.0 {
        live.show("demo", &[("entrance", crowd.clone())]).await;
    }
    slow.until("slow").await;

    let mut calm = Visit::of(&live).await;
    let mut wish = subscribe("1");
    wish["max_rate"] = json!(0.1);
    calm.ask(wish, "subscribed").await;
    let empty = || ("entrance", vec![]);
    live.show("demo", &[empty(), empty(), empty()]).await;
    calm.until("rate").await;

    let mut late = Visit::of(&live).await;
    late.ask(subscribe("1"), "subscribed").await;
    live.lose_a_message("demo").await;
    late.until("overload").await;
    [slow.told, calm.told, late.told].concat()
}

/// Somebody whose filter lets nothing through, while the history goes back a second.
async fn a_quiet_filter() -> Vec<Value> {
    let live = Live::start(&["--live-history-age", "1s"]).await;
    let mut visit = Visit::of(&live).await;
    let mut wish = subscribe("1");
    wish["filter"] = json!({"camera": {"in": ["cellar"]}});
    visit.ask(wish, "subscribed").await;
    live.show("demo", &[("entrance", vec![])]).await;
    visit.until("cursor").await;
    visit.told
}

async fn a_broker_that_is_silent() -> Vec<Value> {
    let (live, network) = Live::behind_a_network(&["--live-subscribe-timeout", "300ms"]).await;
    let mut visit = Visit::of(&live).await;
    network.freeze();
    visit.ask(subscribe("1"), "unavailable").await;
    network.heal();
    visit.told
}

/// Two streams of events: one until its token ends, one until the service does.
async fn events() -> Vec<Value> {
    let live = Live::start(&[]).await;
    let (short, long) = (stream(&live, 3).await, stream(&live, 3600).await);
    live.show("demo", &[("entrance", vec![person(0.5, None)])]).await;
    let short = events_of(short).await;
    assert_eq!(short.last().unwrap(), &json!({"type": "end", "reason": "expired"}));
    live.stop.cancel();
    let long = events_of(long).await;
    assert_eq!(long.last().unwrap(), &json!({"type": "end", "reason": "shutdown"}));
    [short, long].concat()
}

async fn stream(live: &Live, seconds: i64) -> Response {
    let address = format!("http://{}/api/v1/live?venue=demo", live.address);
    let stream = reqwest::Client::new()
        .get(address)
        .header("accept", "text/event-stream");
    let token = token(&["demo"], SignedDuration::from_secs(seconds));
    let stream = stream.bearer_auth(token).send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    stream
}

/// The messages in a stream that has come to its end.
async fn events_of(stream: Response) -> Vec<Value> {
    let text = stream.text().await.unwrap();
    let field = |event: &str, name: &str| {
        let mut lines = event.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value.to_owned())
    };
    let mut told = Vec::new();
    for event in text.split("\n\n") {
        let Some(data) = field(event, "data") else { continue };
        let message: Value = serde_json::from_str(&data).unwrap();
        schemas::check(&message);
        assert_eq!(field(event, "event").as_deref(), message["type"].as_str(), "{event}");
        assert_eq!(field(event, "id").as_deref(), message["cursor"].as_str(), "{event}");
        told.push(message);
    }
    told
}

#[tokio::test]
async fn everything_that_the_server_says_is_written_and_all_that_is_written_is_said() {
    let one_by_one = async {
        [
            an_ordinary_visit().await,
            one_token_for_two().await,
            refusals().await,
            a_quiet_filter().await,
        ]
        .concat()
    };
    let told = tokio::join!(one_by_one, gaps(), a_broker_that_is_silent(), events());
    let told = [told.0, told.1, told.2, told.3].concat();
    let said = |field: &str| {
        told.iter()
            .filter_map(|message| message[field].as_str())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(said("type"), BTreeSet::from_iter(schemas::server_messages()));
    assert_eq!(said("code"), BTreeSet::from_iter(schemas::values("error", "code")));
    let reasons = ["gap", "end"]
        .map(|message| schemas::values(message, "reason"))
        .concat();
    assert_eq!(said("reason"), BTreeSet::from_iter(reasons));
}

const DOCUMENT: &str = include_str!("../../../../docs/realtime.md");

#[test]
fn the_document_names_every_error() {
    let (_, errors) = DOCUMENT.split_once("\n## Errors\n").unwrap();
    let (errors, _) = errors.split_once("\n## ").unwrap();
    let rows = errors.lines().filter_map(|line| line.strip_prefix("| `")).skip(1);
    let codes = rows.map(|row| row.split('`').next().unwrap()).collect::<BTreeSet<_>>();
    assert_eq!(codes, BTreeSet::from_iter(schemas::values("error", "code")));
}

#[test]
fn the_examples_of_the_documents_are_right_and_there_is_one_of_each_message() {
    // Blocks of code and code in a line begin and end with such a mark; some blocks hold several messages.
    let document = include_str!("../../../../docs/realtime.md");
    let pieces = document
        .split('`')
        .map(|piece| piece.strip_prefix("json\n").unwrap_or(piece).trim());
    let mut shown = BTreeSet::new();
    for piece in pieces.filter(|piece| piece.starts_with(r#"{"type""#)) {
        for example in Deserializer::from_str(piece).into_iter::<Value>() {
            let example = example.unwrap_or_else(|error| panic!("{piece}: {error}"));
            assert!(schemas::know(&example), "{example}");
            shown.insert(example["type"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(shown, schemas::messages().into_iter().map(ToOwned::to_owned).collect());
}
