//! Who may not ask, and what cannot be asked.

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::stats::{Stats, json};

#[tokio::test]
async fn a_viewer_token_that_names_the_venue_is_needed() {
    let api = Stats::start("UTC").await;
    let path = "/api/v1/venues/demo/counts";
    for token in [
        None,
        Some(""),
        Some("x"),
        Some("administrator token of this test"),
        Some("a.b.c"),
    ] {
        let request = api.request(path);
        let answer = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{token:?}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer realm=\"citytrack\"");
    }
    let other = api.token(&["other"]);
    let (status, problem) = json(api.request(path).bearer_auth(&other)).await;
    assert_eq!(
        (status, &problem["detail"]),
        (
            StatusCode::FORBIDDEN,
            &json!("this token does not let see the venue demo")
        )
    );
    let (status, problem) = json(api.request("/api/v1/venues/other/counts").bearer_auth(other)).await;
    assert_eq!(
        (status, &problem["detail"]),
        (StatusCode::NOT_FOUND, &json!("there is no venue other"))
    );

    let token = api.token(&["demo"]);
    assert_eq!(json(api.request(path).bearer_auth(&token)).await.0, StatusCode::OK);
    api.clock.advance(SignedDuration::from_hours(1));
    let (status, problem) = json(api.request(path).bearer_auth(token)).await;
    assert_eq!(
        (status, &problem["detail"]),
        (StatusCode::UNAUTHORIZED, &json!("the viewer token has expired"))
    );
}

#[tokio::test]
async fn what_cannot_be_asked_is_explained() {
    let api = Stats::start("UTC").await;
    for (query, parameter, reason) in [
        (
            "?bucket=7m",
            "bucket",
            "bucket is \"7m\", but must be one of 1m, 5m, 15m, 30m, 1h, 1d, 1w and 1mo",
        ),
        (
            "?buckets=1m",
            "buckets",
            "there is no parameter \"buckets\" here, only from, to, bucket, camera, class, format",
        ),
        (
            "?from=now",
            "from",
            "from is \"now\", but must be a time such as 2026-11-22T10:00:00Z, or a local one such as 2026-11-22 or 2026-11-22T10:00",
        ),
        (
            "?camera=north/door/left",
            "camera",
            "camera is \"north/door/left\", but must be 1 to 64 characters of A-Z, a-z, 0-9, _, . and -",
        ),
        ("?from=2026-11-22T13:00:00Z", "from", "`from` must lie before `to`"),
        (
            "?from=2026-11-22T10:00:00Z&to=2026-11-22T10:00:00Z",
            "from",
            "`from` must lie before `to`",
        ),
        (
            "?from=2026-11-01T00:00:00Z&to=2026-11-08T00:00:00Z",
            "bucket",
            "the range holds more than 10000 buckets of 1m; take longer buckets or a shorter range",
        ),
        (
            "?from=1970-01-01T00:00:00Z&bucket=1d",
            "bucket",
            "the range holds more than 10000 buckets of 1d; take longer buckets or a shorter range",
        ),
    ] {
        let (status, problem) = json(api.counts(query)).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::BAD_REQUEST, &json!("/problems/invalid-query")),
            "{query}"
        );
        assert_eq!(
            (&problem["parameter"], &problem["detail"]),
            (&json!(parameter), &json!(reason)),
            "{query}"
        );
    }
    let (status, _) = json(api.counts("?from=2026-11-01T00:00:00Z&to=2026-11-07T22:40:00Z")).await;
    assert_eq!(status, StatusCode::OK, "10,000 minutes are not too many");
}

#[tokio::test]
async fn other_methods_and_addresses_are_refused() {
    let api = Stats::start("UTC").await;
    let request = api.counts("").build().unwrap();
    let posted = reqwest::Client::new()
        .request(Method::POST, request.url().clone())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (posted.status(), posted.headers()["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD")
    );
    let (client, request) = api.counts("").build_split();
    let mut request = request.unwrap();
    *request.method_mut() = Method::HEAD;
    let asked = client.execute(request).await.unwrap();
    assert_eq!(asked.status(), StatusCode::OK);
    assert_eq!(asked.headers()["content-type"], "application/json");
    assert_eq!(asked.bytes().await.unwrap().len(), 0);
    assert_eq!(json(api.request("/api/v1/venues/demo")).await.0, StatusCode::NOT_FOUND);
    let nowhere = api
        .request("/api/v1/venues/No%20Slug/counts")
        .bearer_auth(api.token(&["demo"]));
    assert_eq!(json(nowhere).await.0, StatusCode::NOT_FOUND);
}
