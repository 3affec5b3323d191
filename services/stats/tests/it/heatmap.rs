//! Where people stand.

use citytrack_domain::{BoundingBox, Class, Detection, Slug};
use citytrack_storage::rollup;
use citytrack_testkit::{batch, frame, person};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::stats::{Stats, json};

/// Feet in the middle of a cell of the grid.
fn standing(class: &str, column: u32, row: u32) -> Detection {
    let (x, y) = ((f64::from(column) + 0.5) / 32.0, (f64::from(row) + 0.5) / 18.0);
    Detection {
        class: Class::new(class).unwrap(),
        bounding_box: BoundingBox::new([x - 0.01, y - 0.02, 0.02, 0.02]).unwrap(),
        ..person(0.1, None)
    }
}

async fn store(api: &Stats, camera: &str, at: &str, detections: Vec<Detection>) {
    let at = at.parse().unwrap();
    let batch = batch(&api.north().await, at, vec![frame(camera, at, detections)]);
    api.store(&[batch]).await;
}

fn heatmap(api: &Stats, query: &str) -> RequestBuilder {
    api.request(&format!("/api/v1/venues/demo/heatmap{query}"))
        .bearer_auth(api.token(&["demo"]))
}

/// The cells that are not empty: column, row, count.
fn cells(body: &Value) -> Vec<(usize, usize, u64)> {
    let cells = body["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 576);
    let counts = cells.iter().map(|count| count.as_u64().unwrap()).enumerate();
    counts
        .filter(|(_, count)| *count > 0)
        .map(|(place, count)| (place % 32, place / 32, count))
        .collect()
}

#[tokio::test]
async fn foot_points_of_a_camera_by_range_and_class() {
    let api = Stats::start("Europe/Berlin").await;
    store(&api, "door", "2026-11-22T09:59:59Z", vec![standing("person", 0, 0)]).await;
    let here = vec![
        standing("person", 3, 2),
        standing("person", 3, 2),
        standing("dog", 31, 17),
    ];
    store(&api, "door", "2026-11-22T10:00:00Z", here).await;
    store(&api, "hall", "2026-11-22T10:10:00Z", vec![standing("person", 9, 9)]).await;
    // What is folded and what is not are added up.
    rollup::fold(&api.test.database).await.unwrap();
    store(&api, "door", "2026-11-22T10:59:59Z", vec![standing("person", 3, 2)]).await;

    let (status, body) = json(heatmap(
        &api,
        "?camera=door&from=2026-11-22T11:20&to=2026-11-22T10:30:00Z",
    ))
    .await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(cells(&body), [(3, 2, 3), (31, 17, 1)]);
    let mut rest = body.clone();
    rest["cells"].take();
    let expected = json!({
        "venue": "demo", "camera": "north/door", "class": null,
        "from": "2026-11-22T10:00:00Z", "to": "2026-11-22T11:00:00Z",
        "columns": 32, "rows": 18, "cells": null, "max": 3, "total": 4,
    });
    assert_eq!(rest, expected, "the range is widened to full hours");

    let (_, body) = json(heatmap(&api, "?camera=north/door&class=dog")).await;
    assert_eq!((cells(&body), &body["class"]), (vec![(31, 17, 1)], &json!("dog")));
    let (_, body) = json(heatmap(&api, "?camera=door&class=dog,person")).await;
    assert_eq!((cells(&body).len(), &body["total"]), (3, &json!(5)));
    let (_, body) = json(heatmap(&api, "?camera=door&class=unicorn")).await;
    assert_eq!((cells(&body), &body["max"]), (vec![], &json!(0)));
}

#[tokio::test]
async fn as_a_picture() {
    let api = Stats::start("UTC").await;
    store(&api, "door", "2026-11-22T10:00:00Z", vec![standing("person", 3, 2)]).await;
    let closed = "?camera=door&from=2026-11-22T10:00:00Z&to=2026-11-22T11:00:00Z";
    for answer in [
        heatmap(&api, &format!("{closed}&format=png")).send().await.unwrap(),
        heatmap(&api, closed)
            .header("accept", "image/png")
            .send()
            .await
            .unwrap(),
    ] {
        assert_eq!(answer.status(), StatusCode::OK);
        let headers = answer.headers();
        assert_eq!(headers["content-type"], "image/png");
        assert_eq!(headers["cache-control"], "private, max-age=60");
        assert_eq!(
            headers["content-disposition"],
            "attachment; filename=\"heatmap-demo-north-door-20261122T10.png\""
        );
        let tag = headers["etag"].clone();
        let bytes = answer.bytes().await.unwrap();
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{bytes:?}");
        let again = heatmap(&api, &format!("{closed}&format=png")).header("if-none-match", tag);
        assert_eq!(again.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
    }
    let open = heatmap(&api, "?camera=door&format=json").send().await.unwrap();
    assert_eq!(open.headers()["cache-control"], "private, max-age=5");
}

#[tokio::test]
async fn it_is_of_one_camera_that_may_be_seen() {
    let api = Stats::start("UTC").await;
    store(&api, "hall", "2026-11-22T11:00:00Z", vec![standing("person", 5, 5)]).await;
    let (status, problem) = json(heatmap(&api, "")).await;
    assert_eq!(
        (status, &problem["parameter"]),
        (StatusCode::BAD_REQUEST, &json!("camera"))
    );
    assert_eq!(
        problem["detail"],
        json!("a heatmap is of one camera, and 2 are meant: north/door, north/hall")
    );
    for (query, expected) in [
        ("?camera=window", StatusCode::NOT_FOUND),
        ("?camera=door&format=gif", StatusCode::BAD_REQUEST),
        ("?camera=door&bucket=1h", StatusCode::BAD_REQUEST),
        ("?camera=door&from=2026-11-23", StatusCode::BAD_REQUEST),
        ("?camera=door&from=1999-01-01", StatusCode::BAD_REQUEST),
        ("?camera=door&camera=hall", StatusCode::BAD_REQUEST),
    ] {
        let (status, problem) = json(heatmap(&api, query)).await;
        assert_eq!(status, expected, "{query}: {problem}");
    }
    let limits = [(Slug::new("demo").unwrap(), vec!["hall".parse().unwrap()])].into();
    let token = api.limited_token(&["demo"], &limits);
    let limited = |query: &str| {
        api.request(&format!("/api/v1/venues/demo/heatmap{query}"))
            .bearer_auth(&token)
    };
    let (status, body) = json(limited("")).await;
    assert_eq!(
        (status, cells(&body)),
        (StatusCode::OK, vec![(5, 5, 1)]),
        "the only one that may be seen"
    );
    assert_eq!(json(limited("?camera=door")).await.0, StatusCode::FORBIDDEN);
    let other = api.request("/api/v1/venues/other/heatmap").bearer_auth(&token);
    assert_eq!(json(other).await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        json(api.request("/api/v1/venues/demo/heatmap")).await.0,
        StatusCode::UNAUTHORIZED
    );
}
