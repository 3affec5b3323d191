//! How many there were over time.

use citytrack_domain::Slug;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::stats::{Stats, json};

fn history(api: &Stats, query: &str) -> RequestBuilder {
    api.request(&format!("/api/v1/occupancy/history{query}"))
        .bearer_auth(api.token(&["demo"]))
}

/// Two cameras that see people at different times: `door` in the first hour, both in the second.
async fn two_hours(api: &Stats) {
    for (camera, minute, frames, detections, peak) in [
        ("door", "2026-11-22T10:00:00Z", 10, 20, 5),
        ("door", "2026-11-22T10:30:00Z", 30, 0, 0),
        ("door", "2026-11-22T11:00:00Z", 10, 10, 2),
        ("hall", "2026-11-22T11:00:00Z", 20, 60, 4),
        ("door", "2026-11-22T11:01:00Z", 10, 30, 3),
    ] {
        api.minute(camera, minute, frames, Some(("person", detections, peak)))
            .await;
    }
}

#[tokio::test]
async fn a_venue_is_the_sum_of_its_cameras() {
    let api = Stats::start("UTC").await;
    two_hours(&api).await;
    let range = "?venue=demo&from=2026-11-22T09:00&to=2026-11-22T12:00&bucket=1h";
    let (status, body) = json(history(&api, range)).await;
    let expected = json!({
        "time_zone": "UTC", "bucket": "1h", "class": "person", "resolution": "1m",
        "edges": ["2026-11-22T09:00:00Z", "2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z"],
        "series": [{
            "venue": "demo", "camera": null,
            // 20 in 40 frames; 40 in 20 and 60 in 20.
            "mean": [null, 0.5, 5.0],
            // In one minute: 20 in 10 frames; 10 in 10 and 60 in 20.
            "peak": [null, 2.0, 4.0],
        }],
    });
    assert_eq!((status, body), (StatusCode::OK, expected));

    let (_, body) = json(history(&api, &format!("{range}&group=camera"))).await;
    let of =
        |camera: &str, mean: Value, peak: Value| json!({"venue": "demo", "camera": camera, "mean": mean, "peak": peak});
    let expected = json!([
        of("north/door", json!([null, 0.5, 2.0]), json!([null, 5.0, 3.0])),
        of("north/hall", json!([null, null, 3.0]), json!([null, null, 4.0])),
    ]);
    assert_eq!((&body["series"], &body["resolution"]), (&expected, &Value::Null));

    let (_, body) = json(history(&api, &format!("{range}&camera=hall"))).await;
    assert_eq!(body["series"][0]["mean"], json!([null, null, 3.0]));
    let (_, body) = json(history(&api, &format!("{range}&class=dog"))).await;
    assert_eq!(
        (&body["class"], &body["series"][0]["mean"], &body["series"][0]["peak"]),
        (&json!("dog"), &json!([null, 0.0, 0.0]), &json!([null, 0.0, 0.0])),
        "frames came, but no dog was seen"
    );
}

#[tokio::test]
async fn peaks_of_days_are_those_of_hours() {
    let api = Stats::start("Europe/Berlin").await;
    two_hours(&api).await;
    let (_, body) = json(history(&api, "?venue=demo&from=2026-11-21&to=2026-11-23&bucket=1d")).await;
    assert_eq!((&body["bucket"], &body["resolution"]), (&json!("1d"), &json!("1h")));
    assert_eq!(
        body["edges"],
        json!(["2026-11-20T23:00:00Z", "2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z"])
    );
    // Of the day 60 in 60 frames of one camera, 60 in 20 of the other; the highest hour is that from 11.
    let series = &body["series"][0];
    assert_eq!(
        (&series["mean"], &series["peak"]),
        (&json!([null, 4.0]), &json!([null, 5.0]))
    );

    // More minutes than can be looked at: steps are as long as buckets.
    let (_, body) = json(history(&api, "?venue=demo&from=2026-08-01&to=2026-11-23&bucket=1h")).await;
    assert_eq!(body["resolution"], json!("1h"));
    let peaks = body["series"][0]["peak"].as_array().unwrap();
    assert_eq!(
        peaks.iter().filter(|peak| !peak.is_null()).collect::<Vec<_>>(),
        [&json!(0.5), &json!(5.0)]
    );
}

#[tokio::test]
async fn it_is_told_only_to_those_who_may_see_it() {
    let api = Stats::start("UTC").await;
    two_hours(&api).await;
    let limits = [(Slug::new("demo").unwrap(), vec!["hall".parse().unwrap()])].into();
    let token = api.limited_token(&["demo"], &limits);
    let limited = |query: &str| {
        api.request(&format!("/api/v1/occupancy/history{query}"))
            .bearer_auth(&token)
    };
    let (_, body) = json(limited("?venue=demo&from=2026-11-22T11:00&to=2026-11-22T12:00")).await;
    assert_eq!(body["series"][0]["mean"], json!([3.0]), "only of the hall");
    for (query, expected) in [
        ("?venue=demo&camera=door", StatusCode::FORBIDDEN),
        ("?venue=other", StatusCode::FORBIDDEN),
        ("", StatusCode::BAD_REQUEST),
        ("?venue=demo&group=class", StatusCode::BAD_REQUEST),
        ("?venue=demo&bucket=7m", StatusCode::BAD_REQUEST),
        ("?venue=demo&measure=frames", StatusCode::BAD_REQUEST),
        ("?venue=demo&from=2026-11-23", StatusCode::BAD_REQUEST),
    ] {
        let (status, problem) = json(limited(query)).await;
        assert_eq!(status, expected, "{query}: {problem}");
    }
    let (status, _) = json(api.request("/api/v1/occupancy/history?venue=demo")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
