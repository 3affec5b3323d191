//! Requests that cannot be accepted, and what they are told.

use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::console::{ADMINISTRATOR, Console, answer};

async fn post(console: &Console, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
    let request = console
        .request(Method::POST, "/api/v1/venues")
        .bearer_auth(ADMINISTRATOR);
    answer(request.header(CONTENT_TYPE, "application/json").body(body)).await
}

#[tokio::test]
async fn a_body_must_be_a_json_object_of_bounded_size() {
    let console = Console::start().await;
    let (status, problem) = post(&console, "{\"slug\": \"demo\",\n \"name\" oops}").await;
    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::BAD_REQUEST, &json!("/problems/invalid-json"))
    );
    assert_eq!((&problem["line"], &problem["column"]), (&json!(2), &json!(9)));
    assert_eq!(post(&console, "").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post(&console, vec![0xff, 0xfe]).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post(&console, "[".repeat(10_000)).await.0, StatusCode::BAD_REQUEST);

    let (status, problem) = post(&console, "[1]").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        problem["violations"],
        json!([{"pointer": "", "message": "must be an object"}])
    );
    let (status, problem) = post(&console, format!("{{\"name\": \"{}\"}}", "x".repeat(65_536))).await;
    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("/problems/too-large"))
    );

    let form = console
        .request(Method::POST, "/api/v1/venues")
        .bearer_auth(ADMINISTRATOR);
    let (status, problem) = answer(form.header(CONTENT_TYPE, "text/plain").body("{}")).await;
    assert_eq!(
        (status, &problem["detail"]),
        (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &json!("send JSON, with `Content-Type: application/json`")
        )
    );
}

#[tokio::test]
async fn bad_values_are_named_one_by_one() {
    let console = Console::start().await;
    console
        .create(
            "/api/v1/venues",
            json!({"slug": "demo", "name": "Demo", "time_zone": "UTC"}),
        )
        .await;
    console
        .create(
            "/api/v1/venues",
            json!({"slug": "gone", "name": "Gone", "time_zone": "UTC"}),
        )
        .await;
    console.admin(Method::DELETE, "/api/v1/venues/gone", None).await;
    let slug = "must be 1 to 40 characters of a-z, 0-9 and -";
    let camera = "must be 1 to 64 characters of A-Z, a-z, 0-9, _, . and -";
    let name = "must be 1 to 200 characters, not only spaces and without control characters";
    let cases = [
        (
            Method::POST,
            "/api/v1/venues",
            json!({}),
            json!({"/slug": "is missing", "/name": "is missing", "/time_zone": "is missing"}),
        ),
        (
            Method::POST,
            "/api/v1/venues",
            json!({"slug": "Old Town", "name": " ", "time_zone": "Mars/Olympus", "colour": "red"}),
            json!({"/slug": slug, "/name": name, "/time_zone": "\"Mars/Olympus\" is not a known IANA time zone, such as Europe/Berlin",
                   "/colour": "is not known here; known are name, slug, time_zone"}),
        ),
        (
            Method::POST,
            "/api/v1/venues",
            json!({"slug": 7, "name": null, "time_zone": []}),
            json!({"/slug": "must be a text", "/name": "must be a text", "/time_zone": "must be a text"}),
        ),
        (
            Method::PATCH,
            "/api/v1/venues/demo",
            json!({"slug": "new"}),
            json!({"/slug": "is not known here; known are images, name, time_zone"}),
        ),
        (
            Method::POST,
            "/api/v1/venues/demo/nodes",
            json!({"slug": "a".repeat(41), "name": "a\u{0}b"}),
            json!({"/slug": slug, "/name": name}),
        ),
        (
            Method::PATCH,
            "/api/v1/venues/demo/cameras/1",
            json!({}),
            json!({"/title": "is missing; null is possible"}),
        ),
        (
            Method::POST,
            "/api/v1/viewer-tokens",
            json!({"ttl": "8h"}),
            json!({"/venues": "is missing"}),
        ),
        (
            Method::POST,
            "/api/v1/viewer-tokens",
            json!({"venues": []}),
            json!({"/venues": "must name 1 to 100 venues"}),
        ),
        (
            Method::POST,
            "/api/v1/viewer-tokens",
            json!({"venues": "demo"}),
            json!({"/venues": "must be a list of texts"}),
        ),
        (
            Method::POST,
            "/api/v1/viewer-tokens",
            json!({"venues": ["demo", "gone", "nowhere"]}),
            json!({"/venues/1": "the venue gone is retired", "/venues/2": "there is no venue nowhere"}),
        ),
        (
            Method::POST,
            "/api/v1/viewer-tokens",
            json!({"venues": ["demo", "No"], "ttl": "31d"}),
            json!({"/venues/1": slug, "/ttl": "must be at most 30days"}),
        ),
        (
            Method::POST,
            "/api/v1/viewer-tokens",
            json!({"venues": ["demo"], "ttl": "0s"}),
            json!({"/ttl": "must be at least 1s"}),
        ),
        (
            Method::POST,
            "/api/v1/viewer-tokens",
            json!({"venues": ["demo"], "ttl": "soon"}),
            json!({"/ttl": "must be a duration such as 8h or 30m"}),
        ),
        (
            Method::POST,
            "/api/v1/viewer-tokens",
            json!({"venues": ["demo"], "cameras": ["entrance"]}),
            json!({"/cameras": "must be an object of lists"}),
        ),
        (
            Method::POST,
            "/api/v1/viewer-tokens",
            json!({"venues": ["demo"], "cameras": {"a/b": ["a/b/c"], "demo": ["entrance", "North/exit", 7]}}),
            json!({"/cameras/a~1b": slug, "/cameras/a~1b/0": camera, "/cameras/demo/1": slug, "/cameras/demo/2": "must be a text"}),
        ),
        (
            Method::POST,
            "/api/v1/viewer-tokens",
            json!({"venues": ["demo"], "cameras": {"demo": [], "nowhere": ["entrance"]}}),
            json!({"/cameras/demo": "must name a camera; leave the venue out of `cameras` to allow all of them",
                   "/cameras/nowhere": "is not among `venues`"}),
        ),
        (
            Method::POST,
            "/api/v1/viewer-tokens",
            json!({"venues": ["demo"], "cameras": {"demo": vec!["entrance"; 101]}}),
            json!({"/cameras": "must name at most 100 cameras"}),
        ),
    ];
    for (method, path, body, expected) in cases {
        let (status, problem) = console.admin(method, path, Some(body.clone())).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("/problems/invalid-request")),
            "{body}"
        );
        let violations = problem["violations"].as_array().unwrap().iter();
        let told: Value = violations
            .map(|one| (one["pointer"].as_str().unwrap().to_owned(), one["message"].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!(told, expected, "{body}");
    }
}

#[tokio::test]
async fn conflicts_say_what_is_in_the_way() {
    let console = Console::start().await;
    let venue = json!({"slug": "demo", "name": "Demo", "time_zone": "UTC"});
    console.create("/api/v1/venues", venue.clone()).await;
    let node = console
        .create("/api/v1/venues/demo/nodes", json!({"slug": "north"}))
        .await;
    let refused = async |method, path: &str, body: &Value| {
        let (status, problem) = console.admin(method, path, Some(body.clone())).await;
        assert_eq!(status, StatusCode::CONFLICT);
        problem["detail"].as_str().unwrap().to_owned()
    };
    let north = json!({"slug": "north"});
    assert_eq!(
        refused(Method::POST, "/api/v1/venues", &venue).await,
        "there is a venue demo already"
    );
    assert_eq!(
        refused(Method::POST, "/api/v1/venues/demo/nodes", &north).await,
        "the venue demo has a node north already"
    );
    console.admin(Method::DELETE, "/api/v1/venues/demo", None).await;
    assert_eq!(
        refused(Method::POST, "/api/v1/venues", &venue).await,
        "demo is the slug of a retired venue, and stays taken"
    );
    assert_eq!(
        refused(Method::PATCH, "/api/v1/venues/demo", &json!({"name": "x"})).await,
        "the venue demo is retired"
    );
    assert_eq!(
        refused(Method::POST, "/api/v1/venues/demo/nodes", &north).await,
        "the venue demo is retired"
    );
    let keys = format!("/api/v1/nodes/{}/keys", node["id"].as_str().unwrap());
    assert_eq!(
        refused(Method::POST, &keys, &json!({})).await,
        "the venue demo is retired"
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_other_methods_are_named() {
    let console = Console::start().await;
    let nobody = "0197a1f0-0000-7000-8000-000000000000";
    for path in [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/venue",
        "/api/v2/venues",
        "/api/v1/venues/",
        "/api/v1/venues/nowhere",
        "/api/v1/venues/No%20Slug",
        "/api/v1/venues/%ff",
        "/api/v1/venues/nowhere/nodes",
        "/api/v1/venues/nowhere/cameras",
        "/api/v1/nodes/7",
        &format!("/api/v1/nodes/{nobody}"),
        &format!("/api/v1/nodes/{nobody}/keys"),
    ] {
        let (status, problem) = console.get(path).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::NOT_FOUND, &json!("/problems/not-found")),
            "{path}"
        );
    }
    for path in [
        format!("/api/v1/nodes/{nobody}/keys/{nobody}"),
        format!("/api/v1/nodes/{nobody}/keys/x"),
    ] {
        assert_eq!(
            console.admin(Method::DELETE, &path, None).await.0,
            StatusCode::NOT_FOUND
        );
    }
    for (path, allow) in [
        ("/api/v1/venues", "GET, HEAD, POST"),
        ("/api/v1/venues/demo", "GET, HEAD, PATCH, DELETE"),
        ("/api/v1/venues/demo/cameras", "GET, HEAD"),
        ("/api/v1/nodes/x/keys/y", "DELETE"),
        ("/api/v1/viewer-tokens", "POST"),
    ] {
        let answer = console
            .request(Method::PUT, path)
            .bearer_auth(ADMINISTRATOR)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.headers()["allow"], allow);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    for query in ["retired=perhaps", "retird=true"] {
        let (status, problem) = console.get(&format!("/api/v1/venues?{query}")).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::BAD_REQUEST, &json!("/problems/invalid-query")),
            "{query}"
        );
    }
}

#[tokio::test]
async fn control_characters_in_parameters_are_refused() {
    let console = Console::start().await;
    let venue = json!({"slug": "demo", "name": "Demo", "time_zone": "UTC"});
    console.create("/api/v1/venues", venue).await;
    for parameter in ["actor", "action"] {
        let (status, problem) = console.get(&format!("/api/v1/audit?{parameter}=%00")).await;
        assert_eq!(
            (status, &problem["parameter"]),
            (StatusCode::BAD_REQUEST, &json!(parameter))
        );
    }
    let import = console.request(Method::POST, "/api/v1/venues/demo/imports?node=centre&file=%00");
    let import = import.bearer_auth(ADMINISTRATOR).header(CONTENT_TYPE, "text/csv");
    let (status, problem) = answer(import.body("time,north\n")).await;
    assert_eq!(
        (status, &problem["parameter"]),
        (StatusCode::BAD_REQUEST, &json!("file"))
    );
}
