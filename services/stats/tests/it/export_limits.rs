//! Exports that take long: what they take from others, and what becomes of them.

use std::io::Read as _;

use citytrack_testkit::{batch, eventually, frame, person};
use parquet::file::reader::{FileReader, SerializedFileReader};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::stats::Stats;

/// Frames a second of the camera, and detections in each.
const RATE: (i32, i32) = (25, 20);
/// So many rows are more than what sockets hold between two programs.
const ROWS: i32 = 300_000;
const LONG: &str = "?from=2026-11-22T00:01:00Z&to=2026-11-22T12:00:00Z";

/// A read API with settings, and many detections from a minute past midnight on.
async fn busy(more: &[(&str, &str)]) -> Stats {
    let api = Stats::start_with("UTC", more).await;
    // Makes the day and the class.
    let midnight = "2026-11-22T00:00:00Z".parse().unwrap();
    let first = frame("door", midnight, vec![person(0.5, None)]);
    api.store(&[batch(&api.north().await, midnight, vec![first])]).await;
    let (rate, seen) = RATE;
    let frames = ROWS / seen;
    let minutes = format!(
        "insert into frame select (select id from camera where name = 'door'), number,
                timestamptz '2026-11-22 00:01Z' + number * interval '1 second' / {rate}, timestamptz '2026-11-22Z', 640, 480,
                array_fill((select id from class), array[{seen}]), array_fill(0.5::real, array[{seen}]),
                array_fill(0.25::real, array[4 * {seen}]), array_fill(number, array[{seen}])
         from generate_series(0, {frames} - 1) as number;
         insert into camera_minute select camera_id, date_trunc('minute', captured_at), count(*), count(*) * {seen}, {seen}
         from frame where captured_at >= '2026-11-22 00:01Z' group by 1, 2"
    );
    let client = api.test.database.client().await.unwrap();
    client.batch_execute(&minutes).await.unwrap();
    api
}

/// Begins an export and reads the first of it.
async fn begin(api: &Stats, query: &str) -> Response {
    let mut answer = api.detections(query).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.chunk().await.unwrap().is_some());
    answer
}

/// Transactions that the read API has in PostgreSQL.
async fn transactions(api: &Stats) -> i64 {
    let client = api.test.database.client().await.unwrap();
    let count = "select count(*) from pg_stat_activity
                 where application_name = 'citytrack stats' and datname = current_database() and xact_start is not null";
    client.query_one(count, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_rows_come_in_every_format() {
    let api = busy(&[]).await;
    let rows = 5 * 60 * RATE.0 * RATE.1;
    let ask = |format: &str| {
        let minutes = "?from=2026-11-22T00:03:00Z&to=2026-11-22T00:08:00Z";
        api.detections(&format!("{minutes}&format={format}")).send()
    };
    for (format, names) in [("csv", 1), ("ndjson", 0)] {
        let answer = ask(format).await.unwrap();
        assert_eq!(answer.headers()["citytrack-rows"], rows.to_string());
        let body = answer.bytes().await.unwrap();
        let lines = body.split(|byte| *byte == b'\n').count() - 1;
        assert_eq!(lines, usize::try_from(rows).unwrap() + names);
    }
    let body = ask("parquet").await.unwrap().bytes().await.unwrap();
    let file = SerializedFileReader::new(body).unwrap();
    assert_eq!(file.metadata().file_metadata().num_rows(), i64::from(rows));
    let groups = usize::try_from(rows).unwrap().div_ceil(32_768);
    assert_eq!(file.metadata().num_row_groups(), groups);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_compressed_on_its_way_for_those_who_like_it() {
    let api = busy(&[]).await;
    let ask = |format: &str| {
        api.detections(&format!("{LONG}&format={format}"))
            .header("accept-encoding", "gzip, zstd")
    };
    let mut answer = ask("csv").send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "zstd");
    assert_eq!(answer.headers()["citytrack-rows"], ROWS.to_string());
    let mut body = answer.chunk().await.unwrap().unwrap().to_vec();
    assert_eq!(
        transactions(&api).await,
        1,
        "it comes while PostgreSQL is still being read"
    );
    while let Some(chunk) = answer.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    let mut text = String::new();
    zstd::Decoder::new(body.as_slice())
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text.lines().count(), usize::try_from(ROWS).unwrap() + 1);
    assert!(body.len() * 5 < text.len());
    let parquet = ask("parquet").send().await.unwrap();
    assert!(
        parquet
            .headers()
            .get("content-encoding")
            .is_none_or(|encoding| encoding == "identity")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_allowed_run_at_once_and_who_leaves_makes_room() {
    let api = busy(&[("--export-max-concurrent", "1")]).await;
    let first = begin(&api, LONG).await;
    let refused = api.detections(LONG).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "15");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(
        problem["detail"],
        json!("1 exports are running already, which is as many as may")
    );
    assert_eq!(transactions(&api).await, 1);
    assert_eq!(
        api.counts("").send().await.unwrap().status(),
        StatusCode::OK,
        "counts are not in the way"
    );

    drop(first);
    eventually("the query of the client that left ends", async || {
        (transactions(&api).await == 0).then_some(())
    })
    .await;
    let next = api.detections(LONG).send().await.unwrap();
    assert_eq!(next.status(), StatusCode::OK);
    assert!(next.bytes().await.is_ok(), "it comes as a whole");
    eventually("a whole export makes room, too", async || {
        let again = api.detections("?to=2026-11-21T00:00:00Z").send().await.unwrap();
        again.status().is_success().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_nothing_can_be_sent_makes_room() {
    let api = busy(&[("--export-max-concurrent", "1")]).await;
    // Nothing is found for as long as somebody else holds the table.
    let mut locker = api.test.database.client().await.unwrap();
    let lock = locker.transaction().await.unwrap();
    let waiting = api.detections(LONG);
    let mut asking = Box::pin(waiting.send());
    lock.batch_execute("lock table camera_minute in access exclusive mode")
        .await
        .unwrap();
    eventually("the export waits", async || {
        let answer = tokio::time::timeout(std::time::Duration::from_millis(50), &mut asking).await;
        assert!(answer.is_err(), "no answer without the table");
        (transactions(&api).await == 1).then_some(())
    })
    .await;
    drop(asking);
    eventually("the query of the client that left ends", async || {
        (transactions(&api).await == 0).then_some(())
    })
    .await;
    drop(lock);
    let next = api.detections("?to=2026-11-21T00:00:00Z").send().await.unwrap();
    assert_eq!(next.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_does_not_look_whole() {
    let api = busy(&[]).await;
    for query in ["", "&format=ndjson", "&format=parquet"] {
        let answer = begin(&api, &format!("{LONG}{query}")).await;
        let client = api.test.database.client().await.unwrap();
        let everybody = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                         where application_name = 'citytrack stats' and xact_start is not null and datname = current_database()";
        let ended: i64 = client.query_one(everybody, &[]).await.unwrap().get(0);
        assert_eq!(ended, 1);
        assert!(answer.bytes().await.is_err(), "{query}: the answer has no end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_takes_too_long_breaks_off() {
    let api = busy(&[("--export-time-limit", "2s")]).await;
    let mut answer = api.detections(LONG).send().await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    eventually("PostgreSQL or the read API gives up", async || {
        (transactions(&api).await == 0).then_some(())
    })
    .await;
    assert!(answer.bytes().await.is_err(), "the answer has no end");
}
