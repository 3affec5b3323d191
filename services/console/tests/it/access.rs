//! Who may not do what.

use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use serde_json::json;

use crate::console::{ADMINISTRATOR, Console, answer};

const USER: &str = "/api/v1/users/0197a1f0-0000-7000-8000-000000000000";
const NODE: &str = "/api/v1/nodes/0197a1f0-0000-7000-8000-000000000000";

#[tokio::test]
async fn nothing_of_the_api_is_open() {
    let console = Console::start().await;
    let [ledger, keys, uploads, key] = [
        format!("{NODE}/ledger"),
        format!("{NODE}/keys"),
        format!("{NODE}/upload-tokens"),
        format!("{NODE}/keys/0197a1f0-0000-7000-8000-000000000000"),
    ];
    let everything = [
        (Method::GET, "/api/v1/venues"),
        (Method::POST, "/api/v1/venues"),
        (Method::GET, "/api/v1/venues/demo"),
        (Method::PATCH, "/api/v1/venues/demo"),
        (Method::DELETE, "/api/v1/venues/demo"),
        (Method::GET, "/api/v1/venues/demo/nodes"),
        (Method::POST, "/api/v1/venues/demo/nodes"),
        (Method::GET, "/api/v1/venues/demo/cameras"),
        (Method::PATCH, "/api/v1/venues/demo/cameras/1"),
        (Method::GET, NODE),
        (Method::PATCH, NODE),
        (Method::DELETE, NODE),
        (Method::GET, &ledger),
        (Method::GET, &keys),
        (Method::POST, &keys),
        (Method::POST, &uploads),
        (Method::GET, "/api/v1/originals/0197a1f0-0000-7000-8000-000000000000"),
        (Method::DELETE, "/api/v1/originals/0197a1f0-0000-7000-8000-000000000000"),
        (Method::DELETE, &key),
        (Method::POST, "/api/v1/viewer-tokens"),
        (Method::GET, "/api/v1/api-tokens"),
        (Method::POST, "/api/v1/api-tokens"),
        (
            Method::DELETE,
            "/api/v1/api-tokens/0197a1f0-0000-7000-8000-000000000000",
        ),
        (Method::GET, "/api/v1/audit"),
        (Method::GET, "/api/v1/journal"),
        (Method::GET, "/api/v1/users"),
        (Method::POST, "/api/v1/users"),
        (Method::GET, USER),
        (Method::PATCH, USER),
        (Method::GET, "/api/v1/session"),
        (Method::DELETE, "/api/v1/session"),
        (Method::PUT, "/api/v1/session/password"),
    ];
    for (method, path) in everything {
        let longer = format!("Bearer {ADMINISTRATOR}!");
        let basic = format!("Basic {ADMINISTRATOR}");
        for presented in [
            None,
            Some("Bearer "),
            Some("Bearer x"),
            Some(&longer),
            Some(&basic),
            Some("Bearer a.b.c"),
        ] {
            let mut request = console.request(method.clone(), path).json(&json!({}));
            if let Some(presented) = presented {
                request = request.header(AUTHORIZATION, presented);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(
                answer.status(),
                StatusCode::UNAUTHORIZED,
                "{method} {path} {presented:?}"
            );
            assert_eq!(answer.headers()[WWW_AUTHENTICATE], "Bearer realm=\"citytrack\"");
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
        }
    }
}

#[tokio::test]
async fn a_viewer_may_change_nothing() {
    let console = Console::start().await;
    console
        .create(
            "/api/v1/venues",
            json!({"slug": "demo", "name": "Demo", "time_zone": "UTC"}),
        )
        .await;
    let issued = console
        .create("/api/v1/viewer-tokens", json!({"venues": ["demo"]}))
        .await;
    let token = issued["token"].as_str().unwrap();
    for (method, path) in [
        (Method::POST, "/api/v1/venues"),
        (Method::PATCH, "/api/v1/venues/demo"),
        (Method::DELETE, "/api/v1/venues/demo"),
        (Method::GET, "/api/v1/venues/demo/nodes"),
        (Method::POST, "/api/v1/venues/demo/nodes"),
        (Method::PATCH, "/api/v1/venues/demo/cameras/1"),
        (Method::GET, NODE),
        (Method::GET, &format!("{NODE}/ledger")),
        (Method::POST, &format!("{NODE}/upload-tokens")),
        (Method::GET, "/api/v1/originals/0197a1f0-0000-7000-8000-000000000000"),
        (Method::DELETE, "/api/v1/originals/0197a1f0-0000-7000-8000-000000000000"),
        (Method::POST, "/api/v1/viewer-tokens"),
        (Method::GET, "/api/v1/api-tokens"),
        (Method::POST, "/api/v1/api-tokens"),
        (Method::GET, "/api/v1/audit"),
        (Method::GET, "/api/v1/journal"),
    ] {
        let (status, problem) = answer(
            console
                .request(method.clone(), path)
                .bearer_auth(token)
                .json(&json!({})),
        )
        .await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::FORBIDDEN, &json!("/problems/forbidden")),
            "{method} {path}"
        );
    }
}
