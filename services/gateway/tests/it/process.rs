//! The program itself: its settings, its log and its end.

use std::{
    net::{SocketAddr, TcpListener},
    process::{Output, Stdio},
};

use reqwest::Client;
use tokio::process::{Child, Command};

use crate::{
    backend::Backend,
    fixture::{DEADLINE, pool, until},
};

fn gateway() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn terminate(child: Child) -> Output {
    let pid = child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .await
            .unwrap()
            .success()
    );
    tokio::time::timeout(DEADLINE, child.wait_with_output())
        .await
        .expect("the gateway ends")
        .unwrap()
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_end_and_logs_no_secret() {
    let backend = Backend::start("a").await;
    let (listen, admin) = (free_address(), free_address());
    let child = gateway()
        .env("CITYTRACK_GATEWAY__LISTEN", listen.to_string())
        .env("CITYTRACK_ADMIN__LISTEN", admin.to_string())
        .env("CITYTRACK_GATEWAY__POOLS__CONSOLE", pool(&[&backend]))
        .env("CITYTRACK_GATEWAY__POOLS__INGEST_API", "") // by default it would find one that runs on this machine
        .env("CITYTRACK_LOG__LEVEL", "trace")
        .spawn()
        .unwrap();
    let client = Client::new();
    let ready = async || {
        client
            .get(format!("http://{admin}/readyz"))
            .send()
            .await
            .is_ok_and(|r| r.status() == 200)
    };
    until("readiness", ready).await;

    let get = client.get(format!("http://{listen}/some/path?token=secret-query"));
    let get = get
        .header("Authorization", "Bearer secret-header")
        .header("Sec-WebSocket-Protocol", "bearer.secret-protocol");
    assert_eq!(get.send().await.unwrap().status(), 200);
    let missing = client.get(format!("http://{listen}/api/v1/detections?token=secret-query"));
    assert_eq!(missing.bearer_auth("secret-header").send().await.unwrap().status(), 503);
    until("the request to be counted", async || {
        let metrics = client
            .get(format!("http://{admin}/metrics"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        metrics.contains(r#"citytrack_gateway_requests_total{class="2xx",pool="console"} 1"#)
    })
    .await;

    let output = terminate(child).await;
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(!log.contains("secret"), "{log}");
    let line = log
        .lines()
        .find(|line| line.contains("/some/path"))
        .expect("a line in the access log");
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["http.method"], "GET");
    assert_eq!(line["http.status"], 200);
    assert_eq!(line["pool"], "console");
    assert_eq!(line["upstream"], backend.address.to_string());
    assert!(line["request.id"].is_string());
}

#[tokio::test]
async fn a_bad_setting_is_named() {
    let output = gateway()
        .env("CITYTRACK_GATEWAY__POOLS__STATS", "nonsense")
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("CITYTRACK_GATEWAY__POOLS__STATS"), "{log}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = gateway()
        .env("CITYTRACK_GATEWAY__LISTEN", taken.local_addr().unwrap().to_string())
        .env("CITYTRACK_ADMIN__LISTEN", free_address().to_string())
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("CITYTRACK_GATEWAY__LISTEN"), "{log}");
}
