//! `GET /api/v1/counts`: groups, measures, comparisons, forms, caching.

use citytrack_access::CameraLimits;
use citytrack_domain::{Class, Clock};
use citytrack_testkit as builders;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::stats::{Stats, json};

/// What `demo` is asked for.
async fn ask(api: &Stats, query: &str) -> (StatusCode, Value) {
    let path = format!("/api/v1/counts?venue=demo&{query}");
    json(api.request(&path).bearer_auth(api.token(&["demo"]))).await
}

async fn series(api: &Stats, query: &str) -> Value {
    let (status, mut body) = ask(api, query).await;
    assert_eq!(status, StatusCode::OK, "{query}: {body}");
    body["series"].take()
}

const THREE_HOURS: &str = "from=2026-11-22T09:00:00Z&to=2026-11-22T12:00:00Z&bucket=1h";

/// Two cameras, of which one saw people and cars, through three hours.
async fn three_hours() -> Stats {
    let api = Stats::start("Europe/Berlin").await;
    api.minute("door", "2026-11-22T09:10:00Z", 10, Some(("person", 30, 5)))
        .await;
    api.minute("hall", "2026-11-22T09:20:00Z", 20, Some(("car", 2, 1)))
        .await;
    api.minute("door", "2026-11-22T11:00:00Z", 8, Some(("person", 6, 2)))
        .await;
    api.minute("hall", "2026-11-22T11:59:00Z", 5, None).await;
    api
}

#[tokio::test]
async fn groups_have_a_series_each_and_gaps_stay_gaps() {
    let api = three_hours().await;
    let one = |of: Value, values: Value, total: Value| {
        let mut series = of;
        series["values"] = values;
        series["total"] = total;
        series
    };
    let all = json!({"venue": null, "camera": null, "class": null});
    assert_eq!(
        series(&api, THREE_HOURS).await,
        json!([one(all.clone(), json!([32, null, 6]), json!(38))])
    );
    let camera = |name: &str| json!({"venue": "demo", "camera": format!("north/{name}"), "class": null});
    assert_eq!(
        series(&api, &format!("{THREE_HOURS}&group=camera")).await,
        json!([
            one(camera("door"), json!([30, null, 6]), json!(36)),
            one(camera("hall"), json!([2, null, 0]), json!(2)),
        ])
    );
    let class = |name: &str| json!({"venue": "demo", "camera": null, "class": name});
    assert_eq!(
        series(
            &api,
            &format!("{THREE_HOURS}&group=venue,class&class=person,bicycle,car")
        )
        .await,
        json!([
            one(class("car"), json!([2, null, 0]), json!(2)),
            one(class("person"), json!([30, null, 6]), json!(36)),
        ]),
        "a class that was never seen anywhere has no name here"
    );
    for (measure, values, total) in [
        ("frames", json!([30, null, 13]), json!(43)),
        ("mean_per_frame", json!([1.0667, null, 0.4615]), json!(0.8837)),
        ("peak", json!([5, null, 2]), json!(5)),
    ] {
        assert_eq!(
            series(&api, &format!("{THREE_HOURS}&measure={measure}")).await,
            json!([one(all.clone(), values, total)]),
            "{measure}"
        );
    }
}

#[tokio::test]
async fn a_comparison_is_bucket_by_bucket_with_difference_and_ratio() {
    let api = three_hours().await;
    api.minute("door", "2026-11-15T09:30:00Z", 10, Some(("person", 15, 5)))
        .await;
    api.minute("door", "2026-11-15T10:30:00Z", 10, None).await;
    api.minute("door", "2026-11-15T11:30:00Z", 10, None).await;
    let (status, body) = ask(&api, &format!("{THREE_HOURS}&compare=7d")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body["compare"],
        json!({
            "shift": "7d", "from": "2026-11-15T09:00:00Z", "to": "2026-11-15T12:00:00Z",
            "series": [{
                "venue": null, "camera": null, "class": null,
                "values": [15, 0, 0], "total": 15,
                "difference": [17, null, 6], "ratio": [2.1333, null, null],
                "total_difference": 23, "total_ratio": 2.5333,
            }],
        })
    );
    let (_, by_date) = ask(&api, &format!("{THREE_HOURS}&compare=2026-11-15")).await;
    assert_eq!(by_date["compare"], body["compare"]);
    let (_, aligned) = ask(&api, &format!("{THREE_HOURS}&compare=2026-11-14&align=weekday")).await;
    assert_eq!(aligned["compare"], body["compare"]);
}

#[tokio::test]
async fn unique_tracks_are_counted_over_any_range() {
    let api = Stats::start("Europe/Berlin").await;
    let node = api.north().await;
    let person = |track| builders::person(0.1, Some(track));
    let frame = |camera: &str, at: &str, tracks: &[i64]| {
        builders::frame(
            camera,
            at.parse().unwrap(),
            tracks.iter().map(|track| person(*track)).collect(),
        )
    };
    let mut car = person(1);
    car.class = Class::new("car").unwrap();
    let frames = vec![
        frame("door", "2026-11-22T09:10:00Z", &[1, 2]),
        frame("door", "2026-11-22T09:50:00Z", &[2, 3]),
        frame("hall", "2026-11-22T09:55:00Z", &[1]),
        frame("door", "2026-11-22T11:05:00Z", &[3, 4, 5]),
        builders::frame("hall", "2026-11-22T11:06:00Z".parse().unwrap(), vec![car]),
    ];
    let batch = builders::batch(&node, Clock::Manual(api.clock.clone()).now(), frames);
    api.store(&[batch]).await;
    for (query, values, total) in [
        // The car has the track of a person before: one track, whose class was not sure.
        ("", json!([4, null, 4]), 6),
        ("&camera=door", json!([3, null, 3]), 5),
        ("&class=car", json!([0, null, 1]), 1),
    ] {
        let (_, body) = ask(&api, &format!("{THREE_HOURS}&measure=tracks{query}")).await;
        assert_eq!(
            (&body["series"][0]["values"], &body["series"][0]["total"]),
            (&values, &json!(total)),
            "{query}"
        );
        assert_eq!(
            body["error"],
            json!({"relative_standard_error": 0.01625, "exact_up_to": 256, "exact": true})
        );
    }
    let surer = series(&api, &format!("{THREE_HOURS}&min_confidence=0.89&group=class")).await;
    assert_eq!(
        (&surer[0]["values"], &surer[1]["values"]),
        (&json!([0, null, 1]), &json!([5, null, 3])),
        "{surer}"
    );
    let nobody = series(&api, &format!("{THREE_HOURS}&min_confidence=0.95")).await;
    assert_eq!(nobody[0]["values"], json!([0, null, 0]));
    let (status, problem) = ask(&api, "measure=tracks&min_confidence=0.5").await;
    assert_eq!(
        (status, &problem["parameter"]),
        (StatusCode::BAD_REQUEST, &json!("min_confidence"))
    );
}

#[tokio::test]
async fn the_same_comes_as_tables() {
    let api = three_hours().await;
    let get = async |query: &str, accept: &str| {
        let path = format!("/api/v1/counts?venue=demo&{THREE_HOURS}{query}");
        let request = api.request(&path).bearer_auth(api.token(&["demo"]));
        let answer = request.header("accept", accept).send().await.unwrap();
        let header = |name| {
            answer
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        (
            header("content-type").unwrap(),
            header("content-disposition"),
            answer.bytes().await.unwrap(),
        )
    };
    let (kind, name, csv) = get("&format=csv&group=camera&camera=door", "*/*").await;
    assert_eq!(kind, "text/csv; charset=utf-8");
    assert_eq!(
        name.unwrap(),
        "attachment; filename=\"counts-detections-2026-11-22T09-00Z.csv\""
    );
    assert_eq!(
        String::from_utf8(csv.to_vec()).unwrap(),
        "start,end,venue,camera,class,value\n\
         2026-11-22T09:00:00Z,2026-11-22T10:00:00Z,demo,north/door,,30\n\
         2026-11-22T10:00:00Z,2026-11-22T11:00:00Z,demo,north/door,,\n\
         2026-11-22T11:00:00Z,2026-11-22T12:00:00Z,demo,north/door,,6\n"
    );
    let (kind, _, ndjson) = get("&compare=7d", "application/x-ndjson").await;
    assert_eq!(kind, "application/x-ndjson");
    let first: Value = serde_json::from_slice(ndjson.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!((&first["value"], &first["ratio"]), (&json!(32.0), &Value::Null));
    let (kind, _, parquet) = get("&format=parquet", "*/*").await;
    assert_eq!(kind, "application/vnd.apache.parquet");
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    assert_eq!(get("", "text/html, application/json;q=0.5").await.0, "application/json");
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let api = three_hours().await;
    let token = api.token(&["demo"]);
    let path = format!("/api/v1/counts?venue=demo&{THREE_HOURS}");
    let first = api.request(&path).bearer_auth(&token).send().await.unwrap();
    let tag = first.headers()["etag"].clone();
    assert_eq!(first.headers()["cache-control"], "private, max-age=60");
    let again = async || {
        let request = api.request(&path).bearer_auth(&token).header("if-none-match", &tag);
        request.send().await.unwrap()
    };
    let same = again().await;
    assert_eq!(
        (same.status(), &same.headers()["etag"]),
        (StatusCode::NOT_MODIFIED, &tag)
    );
    assert!(same.bytes().await.unwrap().is_empty());
    // A late frame corrects the past.
    api.minute("door", "2026-11-22T10:00:00Z", 1, None).await;
    assert_eq!(again().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn only_what_may_be_seen_is_counted() {
    let api = three_hours().await;
    let path = format!("/api/v1/counts?{THREE_HOURS}&venue=");
    let status = async |venues: &str, token: &str| {
        let (status, _) = json(api.request(&format!("{path}{venues}")).bearer_auth(token)).await;
        status
    };
    assert_eq!(status("demo,other", &api.token(&["demo"])).await, StatusCode::FORBIDDEN);
    assert_eq!(
        status("demo,other", &api.token(&["demo", "other"])).await,
        StatusCode::NOT_FOUND
    );
    let limits: CameraLimits = [("demo".parse().unwrap(), vec!["door".parse().unwrap()])].into();
    let token = api.limited_token(&["demo"], &limits);
    let (_, body) = json(api.request(&format!("{path}demo&group=camera")).bearer_auth(&token)).await;
    let cameras: Vec<&Value> = body["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|series| &series["camera"])
        .collect();
    assert_eq!(cameras, ["north/door"]);
    assert_eq!(status("demo&camera=hall", &token).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_cannot_be_asked_is_named() {
    let api = Stats::start("UTC").await;
    for (query, parameter) in [
        ("measure=people", "measure"),
        ("group=node", "group"),
        ("compare=soon", "compare"),
        ("compare=0d", "compare"),
        ("align=weekday", "align"),
        ("align=month&compare=7d", "align"),
        ("min_confidence=2", "min_confidence"),
        ("min_confidence=NaN", "min_confidence"),
        ("time_zone=Mars/Olympus", "time_zone"),
        ("format=xml", "format"),
        ("from=2026-11-22T12:00:00Z&to=2026-11-22T11:00:00Z", "from"),
        ("from=1990-01-01&bucket=1m", "bucket"),
        ("limit=7", "limit"),
    ] {
        let (status, problem) = ask(&api, query).await;
        assert_eq!(
            (status, &problem["parameter"]),
            (StatusCode::BAD_REQUEST, &json!(parameter)),
            "{query}: {problem}"
        );
    }
    let request = api.request("/api/v1/counts").bearer_auth(api.token(&["demo"]));
    let (_, problem) = json(request).await;
    assert_eq!(
        problem["detail"],
        "venue is missing; it names one or more venues between commas"
    );
}
