//! Comparisons at the edges: months, changes of the clocks, classes that were seen in one of the ranges only; and answers
//! about what was imported.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::stats::{Stats, json};

async fn ask(api: &Stats, query: &str) -> Value {
    let path = format!("/api/v1/counts?venue=demo&{query}");
    let (status, body) = json(api.request(&path).bearer_auth(api.token(&["demo"]))).await;
    assert_eq!(status, StatusCode::OK, "{query}: {body}");
    body
}

#[tokio::test]
async fn months_are_compared_with_as_many_months() {
    let api = Stats::start("Europe/Berlin").await;
    for (minute, detections) in [
        ("2026-01-20T09:00:00Z", 1),
        ("2026-02-10T09:00:00Z", 2),
        ("2026-03-10T09:00:00Z", 4),
        ("2026-04-10T09:00:00Z", 8),
    ] {
        api.minute("door", minute, 10, Some(("person", detections, 1))).await;
    }
    let body = ask(&api, "from=2026-03-01&to=2026-04-01&bucket=1mo&compare=1mo").await;
    let series = &body["compare"]["series"][0];
    assert_eq!(
        (&series["values"], &series["total"], &series["total_difference"]),
        (&json!([2]), &json!(2), &json!(2))
    );
    assert_eq!(body["compare"]["to"], body["from"]);
}

#[tokio::test]
async fn what_was_seen_in_one_range_only_was_zero_in_the_other() {
    let api = Stats::start("UTC").await;
    api.minute("door", "2026-11-22T09:10:00Z", 10, Some(("person", 30, 5)))
        .await;
    api.minute("door", "2026-11-15T09:10:00Z", 10, Some(("car", 2, 1)))
        .await;
    let range = "from=2026-11-22T09:00&to=2026-11-22T11:00&bucket=1h&compare=7d&group=class";
    let body = ask(&api, range).await;
    let [now, then] = [&body["series"], &body["compare"]["series"]].map(|series| {
        let series = series.as_array().unwrap().iter();
        series
            .map(|series| json!([series["class"], series["values"], series["total"]]))
            .collect::<Vec<_>>()
    });
    assert_eq!(now, [json!(["car", [0, null], 0]), json!(["person", [30, null], 30])]);
    assert_eq!(then, [json!(["car", [2, null], 2]), json!(["person", [0, null], 0])]);
}

#[tokio::test]
async fn totals_are_of_the_hours_that_are_compared() {
    let api = Stats::start("Europe/Berlin").await;
    // On 25 October the hour from 2 comes twice.
    for (minute, detections) in [("2026-10-25T00:10:00Z", 3), ("2026-10-25T01:10:00Z", 5)] {
        api.minute("door", minute, 10, Some(("person", detections, 1))).await;
    }
    let body = ask(&api, "from=2026-11-01T02:00&to=2026-11-01T03:00&bucket=1h&compare=7d").await;
    let series = &body["compare"]["series"][0];
    assert_eq!((&series["values"], &series["total"]), (&json!([3]), &json!(3)));
    // On 29 March it does not come at all.
    let body = ask(&api, "from=2026-04-05T02:00&to=2026-04-05T03:00&bucket=1h&compare=7d").await;
    let series = &body["compare"]["series"][0];
    assert_eq!((&series["values"], &series["total"]), (&json!([null]), &Value::Null));
}

#[tokio::test]
async fn an_answer_that_looks_ahead_is_not_kept_for_long() {
    let api = Stats::start("UTC").await;
    let caching = async |compare: &str| {
        let path = format!("/api/v1/counts?venue=demo&from=2026-11-20&to=2026-11-21&compare={compare}");
        let request = api.request(&path).bearer_auth(api.token(&["demo"]));
        request.send().await.unwrap().headers()["cache-control"].clone()
    };
    assert_eq!(caching("7d").await, "private, max-age=60");
    assert_eq!(caching("2199-01-01").await, "private, max-age=5");
}

#[tokio::test]
async fn what_was_imported_has_no_peak() {
    let api = Stats::start("UTC").await;
    let import = "insert into class (name) values ('person');
        insert into imported_count select camera.id, class.id, '2026-11-22T10:00Z', 60, 5, 1 from camera, class
        where camera.name = 'door'";
    let client = api.test.database.client().await.unwrap();
    client.batch_execute(import).await.unwrap();
    let query = "?bucket=1h&from=2026-11-22T10:00:00Z&to=2026-11-22T11:00:00Z";
    let (_, body) = json(api.counts(query)).await;
    let bucket = &body["buckets"][0];
    assert_eq!(
        (&bucket["frames"], &bucket["detections"], &bucket["peak"]),
        (&json!(0), &json!(5), &Value::Null)
    );
}

#[tokio::test]
async fn too_many_cameras_for_the_occupancy_are_told_so() {
    let api = Stats::start("UTC").await;
    let more = "insert into camera (node_id, name) select id, 'c' || n from node, generate_series(1, 1000) n";
    let client = api.test.database.client().await.unwrap();
    client.batch_execute(more).await.unwrap();
    let path = "/api/v1/occupancy/history?venue=demo";
    let (status, problem) = json(api.request(path).bearer_auth(api.token(&["demo"]))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("name fewer venues or cameras"), "{detail}");
}
