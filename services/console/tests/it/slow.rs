//! Bodies that come slowly, and what somebody may still do when they are there.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use citytrack_testkit::eventually;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::console::{ADMINISTRATOR, Console, answer};

const FILE: &str = "time,north\n2025-06-01 10:00,7\n";
/// Another file, to ask whether there is a place for it.
const OTHER: &str = "time,north\n2025-06-02 10:00,1\n";
const IMPORTS: &str = "/api/v1/venues/demo/imports?node=centre";

async fn start(further: &[(&str, &str)]) -> Console {
    let console = Console::start_set(further).await;
    let venue = json!({"slug": "demo", "name": "Demo", "time_zone": "UTC"});
    console.create("/api/v1/venues", venue).await;
    console
}

/// A request whose body of `length` bytes begins with `part`, and does not go on yet.
fn begin(console: &Console, path: &str, token: &str, (kind, length, part): (&str, usize, &str)) -> TcpStream {
    let mut stream = TcpStream::connect(console.address().strip_prefix("http://").unwrap()).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         content-type: {kind}\r\ncontent-length: {length}\r\n\r\n{part}"
    )
    .unwrap();
    stream
}

/// The status of the answer.
async fn status(mut stream: TcpStream) -> StatusCode {
    let read = tokio::task::spawn_blocking(move || {
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        String::from_utf8(head[9..].to_vec()).unwrap()
    });
    read.await.unwrap().parse().unwrap()
}

async fn import(console: &Console) -> (StatusCode, Value) {
    let request = console.request(Method::POST, IMPORTS).bearer_auth(ADMINISTRATOR);
    answer(request.header("content-type", "text/csv").body(OTHER)).await
}

/// Waits until so many imports hold a place: each of them copies into PostgreSQL.
async fn until_running(console: &Console, imports: i64) {
    let client = console.test.database.client().await.unwrap();
    let running = "select count(*) from pg_stat_activity
                   where datname = current_database() and state = 'active' and query like 'copy import_cell%'";
    eventually("so many imports run", async || {
        let running: i64 = client.query_one(running, &[]).await.unwrap().get(0);
        (running == imports).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_json_body_has_to_come_in_time() {
    let console = start(&[("--body-timeout", "100ms")]).await;
    let stalled = begin(
        &console,
        "/api/v1/venues",
        ADMINISTRATOR,
        ("application/json", 100, "{\"slug\":"),
    );
    assert_eq!(status(stalled).await, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn an_import_is_given_up_when_it_stalls_or_takes_too_long() {
    for setting in ["--import-max-silence", "--import-max-time"] {
        let console = start(&[(setting, "100ms")]).await;
        let stalled = begin(&console, IMPORTS, ADMINISTRATOR, ("text/csv", 1000, FILE));
        assert_eq!(status(stalled).await, StatusCode::REQUEST_TIMEOUT, "{setting}");
        let (status, report) = import(&console).await;
        assert_eq!((status, &report["stored"]), (StatusCode::OK, &json!(1)), "{report}");
    }
}

#[tokio::test]
async fn only_so_many_files_are_imported_at_once() {
    let console = start(&[("--import-max-concurrent", "1")]).await;
    let (first, rest) = FILE.split_at(20);
    let mut stalled = begin(&console, IMPORTS, ADMINISTRATOR, ("text/csv", FILE.len(), first));
    until_running(&console, 1).await;
    let request = console.request(Method::POST, IMPORTS).bearer_auth(ADMINISTRATOR);
    let refused = request
        .header("content-type", "text/csv")
        .body(OTHER)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "10");
    stalled.write_all(rest.as_bytes()).unwrap();
    assert_eq!(status(stalled).await, StatusCode::OK);
    // The place is free a moment after the answer.
    eventually("there is room again", async || {
        (import(&console).await.0 == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_loses_the_right_during_an_import_changes_nothing() {
    let console = start(&[("--import-max-concurrent", "1")]).await;
    let wanted = json!({"name": "counts", "roles": [{"venue": "demo", "role": "operator"}]});
    let token = console.create("/api/v1/api-tokens", wanted).await;
    let (first, rest) = FILE.split_at(20);
    let kind = ("text/csv", FILE.len(), first);
    let mut stalled = begin(&console, IMPORTS, token["token"].as_str().unwrap(), kind);
    until_running(&console, 1).await;
    let path = format!("/api/v1/api-tokens/{}", token["id"].as_str().unwrap());
    assert_eq!(
        console.admin(Method::DELETE, &path, None).await.0,
        StatusCode::NO_CONTENT
    );
    stalled.write_all(rest.as_bytes()).unwrap();
    assert_eq!(status(stalled).await, StatusCode::UNAUTHORIZED);
    let entries = console.get("/api/v1/audit?actor=counts&action=import").await.1;
    assert_eq!(entries["entries"], json!([]));
}
