//! The journal by way of the API: what is noted, found again, and by whom.

use citytrack_domain::Slug;
use citytrack_storage::journal::{JournalWriter, Note};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::console::{Console, answer};

const JOURNAL: &str = "/api/v1/journal";
const IMAGE: &str = "0197a1f0-0000-7000-8000-000000000000";

fn note(venue: Option<&str>, key: &str, minute: u8) -> Note {
    Note {
        at: format!("2026-11-22T10:{minute:02}:00Z").parse().unwrap(),
        exchange: "citytrack.detections".to_owned(),
        routing_key: key.to_owned(),
        kind: Some("citytrack.detections.v1".to_owned()),
        message_id: Some(format!("9f86d081884c7d65-{minute}")),
        image: None,
        size: 1_234,
        trace_id: None,
        venue: venue.map(|venue| Slug::new(venue).unwrap()),
    }
}

fn picture(minute: u8) -> Note {
    Note {
        exchange: "citytrack.images".to_owned(),
        kind: Some("citytrack.images.upload.v1".to_owned()),
        image: IMAGE.parse().ok(),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        ..note(Some("demo"), "images.uploaded.demo", minute)
    }
}

/// A console with four entries in its journal.
async fn console() -> Console {
    let console = Console::start().await;
    let notes = [
        note(Some("demo"), "detections.demo", 1),
        note(None, "live.presence", 2),
        picture(3),
        note(Some("other"), "detections.other", 4),
    ];
    JournalWriter::new(console.test.database.clone())
        .write(&notes)
        .await
        .unwrap();
    console
}

fn ids(page: &Value) -> Vec<i64> {
    let entries = page["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn entries_tell_what_is_known_about_a_message() {
    let console = console().await;
    let (status, page) = console.get(&format!("{JOURNAL}?image={IMAGE}")).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let entry = json!({
        "id": 3,
        "at": "2026-11-22T10:03:00Z",
        "exchange": "citytrack.images",
        "routing_key": "images.uploaded.demo",
        "type": "citytrack.images.upload.v1",
        "message_id": "9f86d081884c7d65-3",
        "image_id": IMAGE,
        "size": 1_234,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "venue": "demo",
    });
    assert_eq!(
        page,
        json!({"enabled": true, "entries": [entry], "newest": 4, "next": null})
    );
}

#[tokio::test]
async fn entries_are_filtered_and_followed() {
    let console = console().await;
    for (query, expected) in [
        ("", vec![4, 3, 2, 1]),
        ("?venue=demo", vec![3, 1]),
        ("?exchange=citytrack.detections", vec![4, 2, 1]),
        ("?key=detections.*", vec![4, 1]),
        ("?key=images.%23", vec![3]),
        ("?except=live.*", vec![4, 3, 1]),
        ("?key=*.demo&except=images.%23", vec![1]),
        ("?type=citytrack.images.upload.v1", vec![3]),
        ("?from=2026-11-22T10:02:00Z&to=2026-11-22T10:04:00Z", vec![3, 2]),
        ("?after=2", vec![4, 3]),
        ("?before=2", vec![1]),
        ("?after=1&before=4", vec![3, 2]),
    ] {
        let (status, page) = console.get(&format!("{JOURNAL}{query}")).await;
        assert_eq!((status, ids(&page)), (StatusCode::OK, expected), "{query}");
    }
    // Where nothing is found it is known all the same from where on to follow.
    let (_, nothing) = console.get(&format!("{JOURNAL}?key=no.such&after=1")).await;
    assert_eq!((ids(&nothing), &nothing["newest"]), (vec![], &json!(4)));
    let (_, first) = console.get(&format!("{JOURNAL}?limit=3")).await;
    assert_eq!((ids(&first), &first["next"]), (vec![4, 3, 2], &json!(2)));
    let (_, second) = console.get(&format!("{JOURNAL}?limit=3&before=2")).await;
    assert_eq!((ids(&second), &second["next"]), (vec![1], &Value::Null));
    for wrong in [
        "?limit=0",
        "?limit=1001",
        "?venue=A",
        "?image=7",
        "?from=yesterday",
        "?key=%00",
        "?except=%00",
        "?who=me",
    ] {
        let (status, problem) = console.get(&format!("{JOURNAL}{wrong}")).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::BAD_REQUEST, &json!("/problems/invalid-query")),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_journal_that_nobody_writes_is_not_enabled() {
    let console = Console::start().await;
    let (status, page) = console.get(JOURNAL).await;
    assert_eq!(
        (status, page),
        (
            StatusCode::OK,
            json!({"enabled": false, "entries": [], "newest": 0, "next": null})
        )
    );
}

#[tokio::test]
async fn an_operator_of_a_venue_sees_what_is_about_it_and_others_see_nothing() {
    let console = console().await;
    for slug in ["demo", "other"] {
        let venue = json!({"slug": slug, "name": slug, "time_zone": "UTC"});
        console.create("/api/v1/venues", venue).await;
    }
    let operator = console
        .signed_in("olga", &[("demo", "operator"), ("other", "viewer")])
        .await;
    let (status, page) = operator.get(JOURNAL).await;
    assert_eq!((status, ids(&page)), (StatusCode::OK, vec![3, 1]));
    assert_eq!(operator.get(&format!("{JOURNAL}?venue=demo")).await.1, page);
    let elsewhere = operator.get(&format!("{JOURNAL}?venue=other")).await.0;
    assert_eq!(elsewhere, StatusCode::FORBIDDEN);
    let everywhere = console.signed_in("otto", &[("*", "operator")]).await;
    assert_eq!(ids(&everywhere.get(JOURNAL).await.1), [4, 3, 2, 1]);
    let viewer = console.signed_in("vera", &[("*", "viewer")]).await;
    assert_eq!(viewer.get(JOURNAL).await.0, StatusCode::FORBIDDEN);
    let nobody = console.request(Method::GET, JOURNAL);
    assert_eq!(answer(nobody).await.0, StatusCode::UNAUTHORIZED);
}
