//! How the services are, asked of real admin listeners.

use std::net::TcpListener;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::console::{Console, answer};

#[tokio::test]
async fn services_say_how_they_are() {
    // Where the console's own admin listener will be, and where nobody is.
    let [admin, nobody] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let targets = format!("console=http://{admin},worker=http://{nobody}");
    let console = Console::start_watching(&admin.to_string(), &targets).await;
    let (status, system) = console.get("/api/v1/system").await;
    assert_eq!(
        (status, &system["configured"]),
        (StatusCode::OK, &json!(true)),
        "{system}"
    );
    let services = system["services"].as_array().unwrap();
    let [console_says, worker_says] = services.as_slice() else {
        panic!("{services:?}")
    };
    assert_eq!(
        (
            &console_says["service"],
            &console_says["target"],
            &console_says["reason"]
        ),
        (&json!("console"), &json!(format!("http://{admin}")), &Value::Null)
    );
    assert_eq!(
        (&console_says["ready"], &console_says["version"]),
        (&json!(true), &json!(env!("CARGO_PKG_VERSION")))
    );
    let started: jiff::Timestamp = console_says["started_at"].as_str().unwrap().parse().unwrap();
    assert!(started > jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(
        (&worker_says["ready"], &worker_says["reason"], &worker_says["version"]),
        (&json!(false), &json!("it cannot be reached"), &Value::Null)
    );
    let nothing = |at: &str| json!({"at": at, "p50_seconds": null, "p99_seconds": null, "count": 0});
    assert_eq!(system["event_age"], json!([nothing("store"), nothing("push")]));
}

#[tokio::test]
async fn without_targets_the_answer_says_so() {
    let console = Console::start().await;
    let (_, system) = console.get("/api/v1/system").await;
    assert_eq!(
        (&system["configured"], &system["services"]),
        (&json!(false), &json!([]))
    );
    let nobody = console.request(Method::GET, "/api/v1/system");
    assert_eq!(answer(nobody).await.0, StatusCode::UNAUTHORIZED);
}
