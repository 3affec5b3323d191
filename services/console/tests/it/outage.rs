//! While PostgreSQL is away.

use reqwest::{Method, StatusCode, header::RETRY_AFTER};
use serde_json::{Value, json};

use crate::console::{ADMINISTRATOR, Console};

#[tokio::test]
async fn the_console_waits_for_its_database_and_says_so() {
    let console = Console::start_without_database().await;
    let answer = console.request(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json::<Value>().await.unwrap()["ready"], json!(false));
    assert_eq!(
        console.request(Method::GET, "/livez").send().await.unwrap().status(),
        StatusCode::OK
    );

    let answer = console
        .request(Method::GET, "/api/v1/venues")
        .bearer_auth(ADMINISTRATOR)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[RETRY_AFTER], "2");
    assert_eq!(answer.json::<Value>().await.unwrap()["type"], "/problems/unavailable");
}
