//! The service understands what `proto-schemas/live` lets clients say, and refuses everything else.

use serde_json::{Value, json};

use crate::{harness::Live, schemas};

/// What clients may say, beside what needs a real cursor.
fn good() -> Vec<Value> {
    let filters = [
        json!({"camera": {"in": ["entrance", "north/Exit_1.left"]}}),
        json!({"class": {"in": ["person", "person"]}}),
        json!({"confidence": {"min": 0}}),
        json!({"confidence": {"min": 1.0}}),
        json!({"and": [{"or": [{"not": {"class": {"in": ["a.b_c-1"]}}}]}, {"confidence": {"min": 0.25}}]}),
    ];
    let options = [
        json!({}),
        json!({"empty": false, "backlog": false}),
        json!({"max_rate": 0.1}),
        json!({"max_rate": 1000}),
        json!({"id": "i".repeat(64)}),
    ];
    let others = [
        json!({"type": "ping"}),
        json!({"type": "unsubscribe", "id": "1"}),
        json!({"type": "authenticate", "token": "a.b.c"}),
    ];
    let filters = filters.map(|filter| with(&json!({"filter": filter})));
    others
        .into_iter()
        .chain(filters)
        .chain(options.map(|option| with(&option)))
        .collect()
}

/// What they may not.
fn bad() -> Vec<Value> {
    let filters = [
        json!(null),
        json!([]),
        json!({}),
        json!({"cameras": ["entrance"]}),
        json!({"and": []}),
        json!({"or": {"class": {"in": ["a"]}}}),
        json!({"not": [{"class": {"in": ["a"]}}]}),
        json!({"not": {}}),
        json!({"class": {"in": ["a"]}, "camera": {"in": ["a"]}}),
        json!({"class": ["a"]}),
        json!({"class": {"in": []}}),
        json!({"class": {"in": ["A"]}}),
        json!({"class": {"in": [1]}}),
        json!({"class": {"in": ["a"], "min": 1}}),
        json!({"camera": {"in": ["a/b/c"]}}),
        json!({"camera": {"in": ["North/entrance"]}}),
        json!({"camera": {"in": [""]}}),
        json!({"confidence": {"min": 1.1}}),
        json!({"confidence": {"min": -0.1}}),
        json!({"confidence": {"min": "0.5"}}),
        json!({"confidence": {}}),
    ];
    let options = [
        json!({"id": ""}),
        json!({"id": "i".repeat(65)}),
        json!({"id": 1}),
        json!({"id": null}),
        json!({"venue": "Demo"}),
        json!({"venue": null}),
        json!({"empty": null}),
        json!({"backlog": "yes"}),
        json!({"max_rate": 0}),
        json!({"max_rate": -1}),
        json!({"max_rate": 1000.5}),
        json!({"max_rate": "5"}),
        json!({"max_rate": null}),
        json!({"since": ""}),
        json!({"since": "a b"}),
        json!({"since": 7}),
        json!({"since": null}),
        json!({"camera": "entrance"}),
        json!({"type": "Subscribe"}),
    ];
    let others = [
        json!(null),
        json!([]),
        json!("ping"),
        json!({}),
        json!({"type": null}),
        json!({"type": "frame"}),
        json!({"type": "ping", "id": "1"}),
        json!({"type": "subscribe", "id": "1"}),
        json!({"type": "subscribe", "venue": "demo"}),
        json!({"type": "unsubscribe"}),
        json!({"type": "unsubscribe", "id": 1}),
        json!({"type": "unsubscribe", "id": ""}),
        json!({"type": "unsubscribe", "id": "1", "venue": "demo"}),
        json!({"type": "authenticate"}),
        json!({"type": "authenticate", "token": ""}),
        json!({"type": "authenticate", "token": null}),
        json!({"type": "authenticate", "token": "a.b.c", "id": "1"}),
    ];
    let filters = filters.map(|filter| with(&json!({"filter": filter})));
    others
        .into_iter()
        .chain(filters)
        .chain(options.map(|option| with(&option)))
        .collect()
}

/// A `subscribe` with these fields.
fn with(fields: &Value) -> Value {
    let mut wish = json!({"type": "subscribe", "id": "1", "venue": "demo"});
    wish.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    wish
}

#[tokio::test]
async fn the_service_understands_what_is_written_and_nothing_else() {
    let live = Live::start(&[]).await;
    let mut client = live.client(&["demo"]).await;
    client.send(&with(&json!({}))).await;
    let cursor = client.next().await["cursor"].clone();
    for message in [good(), vec![with(&json!({"since": cursor}))]].concat() {
        assert!(schemas::allow(&message), "{message} is not written");
        let answer = answer(&live, &message).await;
        let understood = [Value::Null, json!("unauthorized"), json!("unknown-id")];
        assert!(understood.contains(&answer["code"]), "{message} → {answer}");
    }
    for message in bad() {
        assert!(!schemas::allow(&message), "{message} is written");
        let answer = answer(&live, &message).await;
        assert_eq!(answer["type"], "error", "{message} → {answer}");
    }
}

async fn answer(live: &Live, message: &Value) -> Value {
    let mut client = live.client(&["demo"]).await;
    client.send(message).await;
    client.next().await
}
