//! Counts as JSON and CSV.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::stats::{Stats, json};

#[tokio::test]
async fn counts_as_json() {
    let api = Stats::start("Europe/Berlin").await;
    api.minute("door", "2026-11-22T10:00:00Z", 1_500, Some(("person", 359, 8)))
        .await;
    api.minute("door", "2026-11-22T10:02:00Z", 25, None).await;
    let query = "?from=2026-11-22T10:00:10Z&to=2026-11-22T10:02:10Z&bucket=1m";
    let (status, body) = json(api.counts(query)).await;
    let buckets = json!([
        {"start": "2026-11-22T10:00:00Z", "end": "2026-11-22T10:01:00Z", "frames": 1500, "detections": 359, "peak": 8},
        {"start": "2026-11-22T10:01:00Z", "end": "2026-11-22T10:02:00Z", "frames": 0, "detections": null, "peak": null},
        {"start": "2026-11-22T10:02:00Z", "end": "2026-11-22T10:03:00Z", "frames": 25, "detections": 0, "peak": 0},
    ]);
    let expected = json!({
        "venue": "demo", "time_zone": "Europe/Berlin", "bucket": "1m", "from": "2026-11-22T10:00:00Z",
        "to": "2026-11-22T10:03:00Z", "camera": null, "class": null, "buckets": buckets,
    });
    assert_eq!((status, body), (StatusCode::OK, expected));

    let (_, body) = json(api.counts("?bucket=1h&camera=north/door,window&class=car")).await;
    assert_eq!(
        (&body["camera"], &body["class"]),
        (&json!("north/door,window"), &json!("car"))
    );
    let seen: Vec<&Value> = body["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|bucket| bucket["frames"] != 0)
        .collect();
    let hour = json!({"start": "2026-11-22T10:00:00Z", "end": "2026-11-22T11:00:00Z", "frames": 1525, "detections": 0, "peak": 0});
    assert_eq!(seen, [&hour], "frames came, but no car was seen");
}

#[tokio::test]
async fn without_parameters_it_is_the_last_day_by_minutes() {
    let api = Stats::start("UTC").await;
    api.minute("hall", "2026-11-22T12:00:00Z", 10, Some(("person", 4, 1)))
        .await;
    let answer = api.counts("").send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "private, max-age=5");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (&body["bucket"], &body["from"], &body["to"]),
        (
            &json!("1m"),
            &json!("2026-11-21T12:00:00Z"),
            &json!("2026-11-22T12:01:00Z")
        )
    );
    let buckets = body["buckets"].as_array().unwrap();
    assert_eq!((buckets.len(), &buckets[1_440]["detections"]), (1_441, &json!(4)));

    let closed = api
        .counts("?from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z&bucket=1d")
        .send()
        .await
        .unwrap();
    assert_eq!(closed.headers()["cache-control"], "private, max-age=60");
}

#[tokio::test]
async fn days_are_those_of_the_venue() {
    let api = Stats::start("Pacific/Auckland").await;
    api.minute("door", "2026-09-26T11:59:00Z", 1, Some(("person", 1, 1)))
        .await;
    api.minute("door", "2026-09-26T12:00:00Z", 1, Some(("person", 2, 2)))
        .await;
    api.minute("door", "2026-09-27T10:59:00Z", 1, Some(("person", 3, 3)))
        .await;
    api.minute("door", "2026-09-27T11:00:00Z", 1, Some(("person", 4, 4)))
        .await;
    let (_, body) = json(api.counts("?bucket=1d&from=2026-09-26T12:00:00Z&to=2026-09-27T11:00:00Z")).await;
    let day = json!({"start": "2026-09-26T12:00:00Z", "end": "2026-09-27T11:00:00Z", "frames": 2, "detections": 5, "peak": 3});
    assert_eq!(body["buckets"], json!([day]), "a day of 23 hours");
}

#[tokio::test]
async fn counts_as_csv() {
    let api = Stats::start("UTC").await;
    api.minute("door", "2026-11-22T10:00:00Z", 1_500, Some(("person", 359, 8)))
        .await;
    let query = "?from=2026-11-22T10:00:00Z&to=2026-11-22T10:02:00Z";
    let answer = api.counts(query).header("accept", "text/csv").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(
        answer.headers()["content-disposition"],
        "attachment; filename=\"counts-demo-1m.csv\""
    );
    let vary: Vec<_> = answer
        .headers()
        .get_all("vary")
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    assert!(vary.join(",").contains("accept, authorization"), "{vary:?}");
    let expected = "start,end,frames,detections,peak\n\
                    2026-11-22T10:00:00Z,2026-11-22T10:01:00Z,1500,359,8\n\
                    2026-11-22T10:01:00Z,2026-11-22T10:02:00Z,0,,\n";
    assert_eq!(answer.text().await.unwrap(), expected);
}

#[tokio::test]
async fn accept_decides_the_format() {
    let api = Stats::start("UTC").await;
    let json = "application/json";
    let csv = "text/csv; charset=utf-8";
    for (accept, expected) in [
        ("*/*", json),
        ("application/json", json),
        ("application/*", json),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", json),
        ("text/*", csv),
        ("application/json;q=0.5, text/csv", csv),
        ("text/csv;q=0, */*", json),
    ] {
        let answer = api.counts("?bucket=1d").header("accept", accept).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], expected, "{accept}");
    }
    let answer = api
        .counts("?bucket=1d")
        .header("accept", "image/png, text/csv;q=0")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_ACCEPTABLE);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_token_may_count_only_some_cameras() {
    let api = Stats::start("UTC").await;
    for (camera, frames, detections) in [("door", 10, 4), ("hall", 20, 7)] {
        let seen = Some(("person", detections, 1));
        api.minute(camera, "2026-11-22T10:00:00Z", frames, seen).await;
    }
    let limit = |venue: &str, camera: &str| {
        let limits = [(venue.parse().unwrap(), vec![camera.parse().unwrap()])];
        api.limited_token(&["demo", "other"], &limits.into())
    };
    let ask = async |token: &str, query: &str| {
        let path = format!("/api/v1/venues/demo/counts?from=2026-11-22T10:00:00Z&to=2026-11-22T10:01:00Z{query}");
        json(api.request(&path).bearer_auth(token)).await
    };

    let door = limit("demo", "north/door");
    for query in ["", "&camera=door", "&camera=north/door", "&class=person"] {
        let (_, body) = ask(&door, query).await;
        let bucket = &body["buckets"][0];
        assert_eq!(
            (&bucket["frames"], &bucket["detections"]),
            (&json!(10), &json!(4)),
            "{query}"
        );
        assert_eq!(body["camera"], "north/door", "which were counted is told");
    }
    for camera in ["hall", "north/hall", "door,hall", "south/door", "nowhere"] {
        let (status, problem) = ask(&door, &format!("&camera={camera}")).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::FORBIDDEN, &json!("/problems/forbidden"))
        );
        let last = camera.rsplit(',').next().unwrap();
        let reason = format!("this token does not let see the camera {last} of demo");
        assert_eq!(problem["detail"], reason);
    }

    let (_, body) = ask(&limit("demo", "nowhere"), "").await;
    assert_eq!(body["buckets"][0]["frames"], 0, "a camera that was not seen yet");
    let (_, body) = ask(&limit("other", "door"), "").await;
    assert_eq!(body["buckets"][0]["frames"], 30, "a limit on another venue");
    assert_eq!(body["camera"], Value::Null);
}
