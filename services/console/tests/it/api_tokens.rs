//! API tokens: who makes them, and what they are worth.

use citytrack_access::{Venues, ViewerTokens};
use citytrack_domain::{Clock, Slug};
use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    browser::as_sent,
    console::{Console, VIEWER_SECRET, answer},
};

const TOKENS: &str = "/api/v1/api-tokens";
const VIEWER_TOKENS: &str = "/api/v1/viewer-tokens";

async fn start() -> Console {
    let console = Console::start().await;
    for slug in ["demo", "other"] {
        let venue = json!({"slug": slug, "name": slug, "time_zone": "UTC"});
        console.create("/api/v1/venues", venue).await;
    }
    console
}

fn wanted(roles: &[(&str, &str)]) -> Value {
    json!({"name": "reports", "roles": as_sent(roles), "ttl": "90d"})
}

/// A request with an API token.
async fn with(console: &Console, token: &Value, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let request = console
        .request(method, path)
        .bearer_auth(token["token"].as_str().unwrap());
    answer(request.json(&body)).await
}

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let console = start().await;
    let made = console.create(TOKENS, wanted(&[("demo", "operator")])).await;
    let text = made["token"].as_str().unwrap();
    assert!(
        text.starts_with(made["prefix"].as_str().unwrap()) && text.len() == 3 + 8 + 1 + 43,
        "{made}"
    );
    let expected = json!({
        "id": made["id"], "name": "reports", "prefix": made["prefix"], "roles": as_sent(&[("demo", "operator")]),
        "created_at": "2026-11-22T10:00:00Z", "created_by": "administrator token", "expires_at": "2027-02-20T10:00:00Z",
        "last_used_at": null, "revoked_at": null,
    });
    let (_, listed) = console.get(TOKENS).await;
    assert_eq!(listed, json!({"api_tokens": [expected]}));

    console.clock.advance(SignedDuration::from_secs(30));
    let nodes = "/api/v1/venues/demo/nodes";
    let (status, node) = with(&console, &made, Method::POST, nodes, json!({"slug": "north"})).await;
    assert_eq!(status, StatusCode::CREATED, "{node}");
    let (_, log) = console.get("/api/v1/audit?action=node.created").await;
    assert_eq!(
        log["entries"][0]["actor"],
        json!({"kind": "api-token", "name": "reports"})
    );
    assert_eq!(
        console.get(TOKENS).await.1["api_tokens"][0]["last_used_at"],
        "2026-11-22T10:00:30Z"
    );

    let path = format!("{TOKENS}/{}", made["id"].as_str().unwrap());
    assert_eq!(
        console.admin(Method::DELETE, &path, None).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        console.admin(Method::DELETE, &path, None).await.0,
        StatusCode::NO_CONTENT
    );
    let (status, problem) = with(&console, &made, Method::GET, "/api/v1/venues", json!({})).await;
    let reason = json!("the API token is unknown, was revoked, or has expired");
    assert_eq!((status, &problem["detail"]), (StatusCode::UNAUTHORIZED, &reason));
    assert!(console.get(TOKENS).await.1["api_tokens"][0]["revoked_at"].is_string());
}

#[tokio::test]
async fn a_token_may_what_its_roles_say_until_it_expires() {
    let console = start().await;
    let viewer = console.create(TOKENS, wanted(&[("demo", "viewer")])).await;
    let everywhere = console.create(TOKENS, wanted(&[("*", "viewer")])).await;
    let get = async |token, path| with(&console, token, Method::GET, path, json!({})).await;
    let (_, seen) = get(&viewer, "/api/v1/venues").await;
    assert_eq!(seen["venues"].as_array().unwrap().len(), 1);
    assert_eq!(get(&viewer, "/api/v1/venues/other").await.0, StatusCode::FORBIDDEN);
    assert_eq!(get(&viewer, "/api/v1/venues/demo/nodes").await.0, StatusCode::FORBIDDEN);
    assert_eq!(get(&everywhere, "/api/v1/venues/other").await.0, StatusCode::OK);
    for path in ["/api/v1/users", "/api/v1/audit", "/api/v1/api-tokens"] {
        assert_eq!(get(&everywhere, path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    console.clock.advance(SignedDuration::from_hours(90 * 24));
    assert_eq!(get(&viewer, "/api/v1/venues/demo").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nobody_gives_a_token_more_than_they_have() {
    let console = start().await;
    let all = console.create(TOKENS, wanted(&[("*", "admin")])).await;
    let admin = console
        .signed_in("dora", &[("demo", "admin"), ("other", "operator")])
        .await;
    for (roles, expected) in [
        (&[("demo", "admin")][..], StatusCode::CREATED),
        (&[("demo", "viewer"), ("other", "viewer")], StatusCode::FORBIDDEN),
        (&[("*", "viewer")], StatusCode::FORBIDDEN),
    ] {
        let (status, answer) = admin.ask(Method::POST, TOKENS, wanted(roles)).await;
        assert_eq!(status, expected, "{roles:?}: {answer}");
    }
    let operator = console.signed_in("emil", &[("*", "operator")]).await;
    let asked = operator.ask(Method::POST, TOKENS, wanted(&[("demo", "viewer")])).await;
    assert_eq!(asked.0, StatusCode::FORBIDDEN);
    // Not even an admin's token makes others, which might outlive it.
    let asked = with(&console, &all, Method::POST, TOKENS, wanted(&[("demo", "viewer")])).await;
    assert_eq!(asked.0, StatusCode::FORBIDDEN);

    let (_, seen) = admin.get(TOKENS).await;
    let [own] = &seen["api_tokens"].as_array().unwrap()[..] else {
        panic!("{seen}")
    };
    assert_eq!(own["created_by"], "dora");
    let path = |token: &Value| format!("{TOKENS}/{}", token["id"].as_str().unwrap());
    assert_eq!(
        admin.ask(Method::DELETE, &path(&all), json!({})).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        admin.ask(Method::DELETE, &path(own), json!({})).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        with(&console, &all, Method::GET, TOKENS, json!({})).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_viewer_token_of_few_minutes() {
    let console = start().await;
    let token = console
        .create(
            TOKENS,
            json!({"name": "wall", "roles": as_sent(&[("demo", "viewer")]), "ttl": "1h"}),
        )
        .await;
    let exchange = async |body| with(&console, &token, Method::POST, VIEWER_TOKENS, body).await;
    let (status, viewer) = exchange(json!({"venues": ["demo"]})).await;
    assert_eq!(
        (status, &viewer["expires_at"]),
        (StatusCode::CREATED, &json!("2026-11-22T10:15:00Z"))
    );
    let now = Clock::Manual(console.clock.clone()).now();
    let verified = ViewerTokens::new(&VIEWER_SECRET.into())
        .verify(viewer["token"].as_str().unwrap(), now)
        .unwrap();
    assert_eq!(verified.venues, Venues::Named(vec![Slug::new("demo").unwrap()]));
    let (status, problem) = exchange(json!({"venues": ["demo"], "ttl": "1h"})).await;
    assert_eq!(
        (status, &problem["violations"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/ttl"))
    );
    assert_eq!(exchange(json!({"venues": ["other"]})).await.0, StatusCode::FORBIDDEN);

    console.clock.advance(SignedDuration::from_mins(50));
    let (_, viewer) = exchange(json!({"venues": ["demo"]})).await;
    assert_eq!(
        viewer["expires_at"], "2026-11-22T11:00:00Z",
        "not longer than the token itself"
    );
    let (_, log) = console.get("/api/v1/audit?action=viewer-token").await;
    assert_eq!(log["entries"], json!([]), "an exchange passes nothing on");
    // A user who is a viewer has a token of their own, and may pass none on.
    let viewer = console.signed_in("fred", &[("demo", "viewer")]).await;
    let asked = viewer
        .ask(Method::POST, VIEWER_TOKENS, json!({"venues": ["demo"]}))
        .await;
    assert_eq!(asked.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_cannot_be_made_is_explained() {
    let console = start().await;
    for (body, pointer) in [
        (json!({"name": "x"}), "/roles"),
        (json!({"name": "x", "roles": []}), "/roles"),
        (
            json!({"name": "x", "roles": [{"venue": "demo", "role": "king"}]}),
            "/roles/0",
        ),
        (json!({"name": "", "roles": as_sent(&[("*", "viewer")])}), "/name"),
        (
            json!({"name": "x", "roles": as_sent(&[("*", "viewer")]), "ttl": "366d"}),
            "/ttl",
        ),
    ] {
        let (status, problem) = console.admin(Method::POST, TOKENS, Some(body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert_eq!(problem["violations"][0]["pointer"], pointer, "{problem}");
    }
    let nowhere = wanted(&[("nowhere", "viewer")]);
    let (status, problem) = console.admin(Method::POST, TOKENS, Some(nowhere)).await;
    assert_eq!(
        (status, &problem["detail"]),
        (StatusCode::NOT_FOUND, &json!("there is no venue nowhere"))
    );
    for id in ["0197a1f0-0000-7000-8000-000000000000", "x"] {
        let (status, _) = console.admin(Method::DELETE, &format!("{TOKENS}/{id}"), None).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_token_makes_no_rights_that_outlive_it() {
    let console = start().await;
    let token = console.create(TOKENS, wanted(&[("*", "admin")])).await;
    let user = console.user("anna", &[("demo", "viewer")]).await;
    let path = format!("/api/v1/users/{}", user["id"].as_str().unwrap());
    let new = json!({"name": "boris", "password": "correct horse battery"});
    for (method, path, body) in [
        (Method::POST, "/api/v1/users", new),
        (Method::PATCH, &path, json!({"password": "correct horse battery"})),
        (Method::PATCH, &path, json!({"roles": as_sent(&[("*", "admin")])})),
        (Method::PATCH, &path, json!({"disabled": true})),
    ] {
        let (status, problem) = with(&console, &token, method.clone(), path, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("API token"), "{detail}");
    }
    assert_eq!(console.get(&path).await.1["roles"], user["roles"]);
}

#[tokio::test]
async fn whether_there_is_a_token_is_not_told() {
    let console = start().await;
    let there = console.create(TOKENS, wanted(&[("other", "viewer")])).await;
    let anna = console.signed_in("anna", &[("demo", "admin")]).await;
    let texts = [there["id"].as_str().unwrap(), "019a0000-0000-7000-8000-000000000000"].map(async |id| {
        let (status, problem) = anna.ask(Method::DELETE, &format!("{TOKENS}/{id}"), json!({})).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        problem.to_string().replace(id, "…")
    });
    let [hidden, none] = texts;
    assert_eq!(hidden.await, none.await);
}
