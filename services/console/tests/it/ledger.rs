//! The loss ledger of a node.

use citytrack_domain::{Batch, StreamPosition};
use citytrack_storage::{
    batches::BatchWriter,
    ledger::{self, Reason, Refusal},
};
use citytrack_testkit::{batch, demo_node, frame};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::console::{ADMINISTRATOR, Console};

fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn the_ledger_of_a_node_says_what_is_missing() {
    let console = Console::start().await;
    let database = &console.test.database;
    let source = demo_node(database).await;
    let path = format!("/api/v1/nodes/{}/ledger", source.id);
    let (status, empty) = console.get(&path).await;
    let nothing =
        json!({"received": 0, "stored": 0, "duplicate": 0, "late": 0, "refused": 0, "reused": 0, "missing": 0});
    assert_eq!(
        (status, &empty["totals"], &empty["streams"]),
        (StatusCode::OK, &nothing, &json!([]))
    );
    assert_eq!(
        (&empty["last_received_at"], &empty["refusals"]),
        (&Value::Null, &json!([]))
    );

    let (older, newer) = (Uuid::now_v7(), Uuid::now_v7());
    let numbered = |stream, seq, minutes| {
        let at = noon() + SignedDuration::from_mins(minutes);
        Batch {
            position: Some(StreamPosition { stream, seq }),
            ..batch(&source, at, vec![frame("door", at, vec![])])
        }
    };
    let repeated = numbered(older, 1, 1);
    let batches = [repeated.clone(), repeated, numbered(older, 4, 2), numbered(newer, 0, 3)];
    BatchWriter::new(database.clone()).insert(&batches).await.unwrap();
    let position = StreamPosition { stream: older, seq: 7 };
    let refusals = [
        Refusal::new(source.id, Some(position), Reason::DeadLetter, "no such thing", noon()),
        Refusal::new(source.id, None, Reason::Unreadable, "not JSON", noon()),
    ];
    ledger::refuse(database, &refusals).await.unwrap();

    let (_, told) = console.get(&path).await;
    told["as_of"].as_str().unwrap().parse::<Timestamp>().unwrap();
    let stream = |stream: Uuid, highest: i64, figures: [i64; 4], ranges: Value, first: &str, last: &str| {
        let [stored, duplicate, refused, missing] = figures;
        json!({"stream": stream, "highest": highest, "received": stored + duplicate + refused, "stored": stored,
               "duplicate": duplicate, "late": 0, "refused": refused, "reused": 0, "missing": missing,
               "missing_ranges": ranges, "settled_below": 0, "first_received_at": first, "last_received_at": last})
    };
    let ranges = json!([{"from": 0, "to": 0}, {"from": 2, "to": 3}, {"from": 5, "to": 6}]);
    let (second, third) = ("2026-11-22T12:02:00Z", "2026-11-22T12:03:00Z");
    let newest = stream(newer, 0, [1, 0, 0, 0], json!([]), third, third);
    let expected = json!({
        "node": source.id, "as_of": told["as_of"], "last_received_at": third,
        "totals": {"received": 6, "stored": 3, "duplicate": 1, "late": 0, "refused": 2, "reused": 0, "missing": 5},
        "refusals": [
            {"reason": "dead_letter", "batches": 1, "last_at": "2026-11-22T12:00:00Z", "last_detail": "no such thing"},
            {"reason": "unreadable", "batches": 1, "last_at": "2026-11-22T12:00:00Z", "last_detail": "not JSON"},
        ],
        "streams_total": 2,
        "streams": [newest, stream(older, 7, [2, 1, 1, 5], ranges, "2026-11-22T12:00:00Z", second)],
    });
    assert_eq!(told, expected);

    let (_, short) = console.get(&format!("{path}?limit=1")).await;
    assert_eq!(
        (&short["streams"], &short["totals"]),
        (&json!([newest]), &told["totals"])
    );
}

#[tokio::test]
async fn only_a_known_node_and_a_sensible_limit_are_answered() {
    let console = Console::start().await;
    let source = demo_node(&console.test.database).await;
    let path = format!("/api/v1/nodes/{}/ledger", source.id);
    for wrong in ["limit=0", "limit=201", "limit=-1", "limit=many", "limits=1"] {
        let (status, problem) = console.get(&format!("{path}?{wrong}")).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::BAD_REQUEST, &json!("/problems/invalid-query")),
            "{wrong}"
        );
    }
    let nobody = format!("/api/v1/nodes/{}/ledger", Uuid::nil());
    for unknown in [nobody.as_str(), "/api/v1/nodes/north/ledger"] {
        assert_eq!(console.get(unknown).await.0, StatusCode::NOT_FOUND, "{unknown}");
    }
    let post = console.request(Method::POST, &path).bearer_auth(ADMINISTRATOR);
    let answer = post.send().await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD".parse().unwrap())
    );
}
