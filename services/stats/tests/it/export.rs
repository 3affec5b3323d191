//! Raw detections as CSV, NDJSON and Parquet: what was stored is what comes.

use bytes::Bytes;
use citytrack_access::CameraLimits;
use citytrack_domain::{Batch, BoundingBox, Class, Confidence, Detection, Frame};
use citytrack_testkit::{batch, frame, person};
use jiff::Timestamp;
use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::{Field, Row},
};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use crate::stats::{Stats, json};

const HOUR: &str = "?from=2026-11-22T10:00:00Z&to=2026-11-22T11:00:00Z";
const NAMES: &str = "captured_at,received_at,venue,node,camera,frame,class,confidence,left,top,width,height,track_id";

fn at(text: &str) -> Timestamp {
    format!("2026-11-22T{text}Z").parse().unwrap()
}

fn car(confidence: f64) -> Detection {
    Detection {
        class: Class::new("car").unwrap(),
        confidence: Confidence::new(confidence).unwrap(),
        bounding_box: BoundingBox::new([0.1, 0.2, 0.3, 0.4]).unwrap(),
        track_id: None,
    }
}

fn numbered(number: i64, mut frame: Frame) -> Frame {
    frame.number = Some(number);
    frame
}

/// Frames with odd values, not in order of time, over two minutes of which neither is whole, and one much later.
fn frames() -> Vec<Frame> {
    vec![
        numbered(
            i64::MAX,
            frame("hall", at("10:01:30.5"), vec![person(0.5, Some(i64::MAX)), car(0.25)]),
        ),
        frame("door", at("10:00:20"), vec![person(0.25, None)]),
        numbered(2, frame("hall", at("10:00:20"), vec![])),
        numbered(0, frame("hall", at("10:00:20"), vec![car(1.0)])),
        frame(
            "door",
            at("10:59:59.999999"),
            vec![person(0.125, Some(0)), car(0.0), person(0.0, None)],
        ),
        frame("door", at("11:00:00"), vec![car(0.5)]),
    ]
}

async fn stored(frames: Vec<Frame>) -> (Stats, Batch) {
    let api = Stats::start("Europe/Berlin").await;
    let batch = batch(&api.north().await, at("11:00:01.000001"), frames);
    api.store(std::slice::from_ref(&batch)).await;
    (api, batch)
}

/// An export that went well.
async fn export(api: &Stats, query: &str) -> (HeaderMap, Bytes) {
    let answer = api.detections(query).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{query}");
    (answer.headers().clone(), answer.bytes().await.unwrap())
}

async fn text(api: &Stats, query: &str) -> String {
    String::from_utf8(export(api, query).await.1.into()).unwrap()
}

/// Number of rows that an export says it has, and has.
async fn rows(api: &Stats, query: &str) -> usize {
    let (headers, body) = export(api, &format!("{query}&format=ndjson")).await;
    let rows = body.split(|byte| *byte == b'\n').count() - 1;
    if query.contains("min_confidence") {
        assert_eq!(headers.get("citytrack-rows"), None, "{query}");
    } else {
        assert_eq!(headers["citytrack-rows"], rows.to_string(), "{query}");
    }
    rows
}

#[tokio::test]
async fn csv_holds_what_was_stored_in_order_of_time() {
    let (api, _) = stored(frames()).await;
    let (headers, body) = export(&api, HOUR).await;
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8");
    let name = "attachment; filename=\"detections-demo-2026-11-22T10-00Z--2026-11-22T11-00Z.csv\"";
    assert_eq!(headers["content-disposition"], name);
    assert_eq!(
        (&headers["cache-control"], &headers["citytrack-rows"]),
        (&"no-store".parse().unwrap(), &"7".parse().unwrap())
    );
    let received = "2026-11-22T11:00:01.000001Z,demo,north";
    let expected = format!(
        "{NAMES}\n\
         2026-11-22T10:00:20Z,{received},door,,person,0.9,0.25,0.25,0.125,0.5,\n\
         2026-11-22T10:00:20Z,{received},hall,0,car,1,0.1,0.2,0.3,0.4,\n\
         2026-11-22T10:01:30.5Z,{received},hall,9223372036854775807,person,0.9,0.5,0.25,0.125,0.5,9223372036854775807\n\
         2026-11-22T10:01:30.5Z,{received},hall,9223372036854775807,car,0.25,0.1,0.2,0.3,0.4,\n\
         2026-11-22T10:59:59.999999Z,{received},door,,person,0.9,0.125,0.25,0.125,0.5,0\n\
         2026-11-22T10:59:59.999999Z,{received},door,,car,0,0.1,0.2,0.3,0.4,\n\
         2026-11-22T10:59:59.999999Z,{received},door,,person,0.9,0,0.25,0.125,0.5,\n"
    );
    assert_eq!(String::from_utf8_lossy(&body), expected);
    assert_eq!(
        text(&api, "?to=2026-11-21T00:00:00Z").await,
        format!("{NAMES}\n"),
        "nothing was seen"
    );
}

#[tokio::test]
async fn ndjson_and_parquet_hold_the_same() {
    let (api, batch) = stored(frames()).await;
    let expected = expected(&batch);
    let (headers, body) = export(&api, &format!("{HOUR}&format=ndjson")).await;
    assert_eq!(headers["content-type"], "application/x-ndjson");
    let read: Vec<Value> = serde_json::Deserializer::from_slice(&body)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(read, expected);

    let (headers, body) = export(&api, &format!("{HOUR}&format=parquet")).await;
    assert_eq!(headers["content-type"], "application/vnd.apache.parquet");
    assert!(headers["content-disposition"].to_str().unwrap().ends_with(".parquet\""));
    let file = SerializedFileReader::new(body).unwrap();
    let rows = file.get_row_iter(None).unwrap().map(|row| as_json(&row.unwrap()));
    assert_eq!(rows.collect::<Vec<_>>(), expected);
    let (_, empty) = export(&api, "?to=2026-11-21T00:00:00Z&format=parquet").await;
    assert_eq!(
        SerializedFileReader::new(empty)
            .unwrap()
            .metadata()
            .file_metadata()
            .num_rows(),
        0
    );
}

/// The rows of the hour, from what was stored.
fn expected(batch: &Batch) -> Vec<Value> {
    let mut frames: Vec<_> = batch
        .frames
        .iter()
        .filter(|frame| frame.captured_at < at("11:00:00"))
        .collect();
    frames.sort_by_key(|frame| (frame.captured_at, &frame.camera));
    let row = |frame: &Frame, detection: &Detection| {
        let [left, top, width, height] = detection.bounding_box.parts();
        json!({
            "captured_at": frame.captured_at, "received_at": batch.received_at, "venue": "demo", "node": "north",
            "camera": frame.camera.as_str(), "frame": frame.number, "class": detection.class.as_str(),
            "confidence": single(detection.confidence.value()), "left": single(left), "top": single(top),
            "width": single(width), "height": single(height),
            "track_id": detection.track_id,
        })
    };
    let rows = frames
        .into_iter()
        .flat_map(|frame| frame.detections.iter().map(move |detection| row(frame, detection)));
    rows.collect()
}

/// 0.9 for 0.9: as 64 bits it would be 0.8999999761581421.
fn single(number: f32) -> Value {
    serde_json::from_str(&serde_json::to_string(&number).unwrap()).unwrap()
}

fn as_json(row: &Row) -> Value {
    let fields = row.get_column_iter().map(|(name, field)| {
        let value = match field {
            Field::Null => Value::Null,
            Field::Long(number) => json!(number),
            Field::Float(number) => single(*number),
            Field::Str(text) => json!(text),
            Field::TimestampMicros(micros) => json!(Timestamp::from_microsecond(*micros).unwrap()),
            other => panic!("{name}: {other}"),
        };
        (name.clone(), value)
    });
    Value::Object(fields.collect())
}

#[tokio::test]
async fn from_is_in_the_range_and_to_is_not_and_the_rows_are_known_beforehand() {
    let (api, _) = stored(frames()).await;
    for (from, to, expected) in [
        ("10:00:00", "11:00:00", 7),
        ("10:00:20", "10:01:30.5", 2),
        ("10:00:20.000001", "10:01:30.5", 0),
        ("10:00:20.000001", "10:01:30.500001", 2),
        ("10:00:19", "10:00:21", 2),
        ("10:00:20", "10:01:00", 2),
        ("10:01:00", "10:01:31", 2),
        ("10:02:00", "10:59:59", 0),
        ("10:59:59.999999", "11:00:00", 3),
        ("10:59:59", "11:00:00.000001", 4),
        ("09:00:00", "12:00:00", 8),
    ] {
        let query = format!("?from=2026-11-22T{from}Z&to=2026-11-22T{to}Z");
        assert_eq!(rows(&api, &query).await, expected, "{query}");
    }
    assert_eq!(rows(&api, "?").await, 8, "the last 24 hours");
    assert_eq!(
        rows(&api, "?from=2026-11-22T11:00&to=2026-11-22T11:30").await,
        4,
        "Berlin's time"
    );
}

#[tokio::test]
async fn filters_choose_detections() {
    let (api, _) = stored(frames()).await;
    for (filter, expected) in [
        ("camera=door", 4),
        ("camera=north/hall", 3),
        ("camera=door,hall", 7),
        ("camera=south/hall", 0),
        ("class=car", 3),
        ("class=car,person", 7),
        ("class=bicycle", 0),
        ("class=car&camera=hall", 2),
        ("min_confidence=0.9", 5),
        ("min_confidence=0.91", 1),
        ("min_confidence=0", 7),
        ("min_confidence=0.25&class=car", 2),
        ("class=car&from=2026-11-22T10:00:30Z", 2),
    ] {
        let query = if filter.contains("from") {
            format!("?to=2026-11-22T11:00:00Z&{filter}")
        } else {
            format!("{HOUR}&{filter}")
        };
        assert_eq!(rows(&api, &query).await, expected, "{query}");
    }
    let sure = text(&api, &format!("{HOUR}&min_confidence=0.95&class=car")).await;
    assert_eq!(sure.lines().count(), 2);
    assert!(sure.lines().nth(1).unwrap().contains(",hall,0,car,1,"), "{sure}");
}

#[tokio::test]
async fn a_token_may_export_only_its_cameras() {
    let (api, _) = stored(frames()).await;
    let limits: CameraLimits = [("demo".parse().unwrap(), vec!["north/hall".parse().unwrap()])].into();
    let token = api.limited_token(&["demo", "other"], &limits);
    let ask = |path: &str| api.request(&format!("/api/v1/venues/{path}")).bearer_auth(&token);
    let all = ask(&format!("demo/detections{HOUR}")).send().await.unwrap();
    assert_eq!(all.headers()["citytrack-rows"], "3");
    let all = all.text().await.unwrap();
    assert_eq!(all.lines().count(), 4);
    assert!(!all.contains("door"), "{all}");
    let (status, problem) = json(ask(&format!("demo/detections{HOUR}&camera=door"))).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(problem["detail"], "this token does not let see the camera door of demo");
    assert_eq!(json(ask("third/detections")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(json(ask("other/detections")).await.0, StatusCode::NOT_FOUND);
    let nobody = api.request("/api/v1/venues/demo/detections");
    assert_eq!(json(nobody).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_older_than_the_oldest_frame_is_not_expected() {
    let (api, _) = stored(frames()).await;
    // Counted once; the frames were dropped.
    api.minute("door", "2026-11-20T10:00:00Z", 25, Some(("person", 100, 9)))
        .await;
    assert_eq!(
        rows(&api, "?from=2026-11-20T00:00:00Z&to=2026-11-22T11:00:00Z").await,
        7
    );
    assert_eq!(
        rows(&api, "?from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z").await,
        0
    );
}

#[tokio::test]
async fn the_format_is_asked_for_by_name_or_by_accept() {
    let (api, _) = stored(frames()).await;
    let ask = async |format: &str, accept: Option<&str>| {
        let mut request = api.detections(&format!("{HOUR}{format}"));
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        request.send().await.unwrap()
    };
    for (format, accept, expected) in [
        ("", None, "text/csv; charset=utf-8"),
        ("", Some("*/*"), "text/csv; charset=utf-8"),
        ("", Some("application/x-ndjson"), "application/x-ndjson"),
        (
            "",
            Some("text/csv;q=0.5, application/vnd.apache.parquet"),
            "application/vnd.apache.parquet",
        ),
        ("&format=ndjson", Some("text/csv"), "application/x-ndjson"),
        ("&format=parquet", Some("image/png"), "application/vnd.apache.parquet"),
    ] {
        let answer = ask(format, accept).await;
        assert_eq!(answer.headers()["content-type"], expected, "{format} {accept:?}");
    }
    let refused = ask("", Some("image/png, text/csv;q=0")).await;
    assert_eq!(refused.status(), StatusCode::NOT_ACCEPTABLE);
    let problem: Value = refused.json().await.unwrap();
    let reason = "this comes as text/csv, application/x-ndjson or application/vnd.apache.parquet; the parameter format chooses, too";
    assert_eq!(problem["detail"], reason);
}

#[tokio::test]
async fn what_cannot_be_exported_is_explained() {
    let api = Stats::start("UTC").await;
    for (query, parameter, reason) in [
        (
            "?form=csv",
            "form",
            "there is no parameter \"form\" here, only from, to, camera, class, min_confidence, format",
        ),
        (
            "?format=json",
            "format",
            "format is \"json\", but must be one of csv, ndjson and parquet",
        ),
        ("?format=csv&format=csv", "format", "format is given more than once"),
        (
            "?min_confidence=60",
            "min_confidence",
            "min_confidence is \"60\", but must be a number from 0 to 1",
        ),
        (
            "?min_confidence=NaN",
            "min_confidence",
            "min_confidence is \"NaN\", but must be a number from 0 to 1",
        ),
        ("?from=2026-11-22T13:00:00Z", "from", "`from` must lie before `to`"),
        (
            "?class=Person",
            "class",
            "class is \"Person\", but must be 1 to 64 characters of a-z, 0-9, _, . and -",
        ),
    ] {
        let (status, problem) = json(api.detections(query)).await;
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
}

#[tokio::test]
async fn head_tells_what_would_come_without_reading_it() {
    let (api, _) = stored(frames()).await;
    let (client, request) = api.detections(&format!("{HOUR}&format=parquet")).build_split();
    let mut request = request.unwrap();
    *request.method_mut() = Method::HEAD;
    let answer = client.execute(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/vnd.apache.parquet");
    assert!(answer.headers().contains_key("content-disposition"));
    assert_eq!(answer.bytes().await.unwrap().len(), 0);
    let posted = reqwest::Client::new().post(api.detections("").build().unwrap().url().clone());
    let posted = posted.send().await.unwrap();
    assert_eq!(
        (posted.status(), &posted.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD".parse().unwrap())
    );
}
