//! Pictures by way of the console: their settings, originals, and tokens to send them.

use citytrack_access::UploadTokens;
use citytrack_domain::Clock;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::console::{ADMINISTRATOR, Console, PEOPLE, VIEWER_SECRET, answer};

const DEMO: &str = "/api/v1/venues/demo";
const PICTURE: &str = "0197a1f0-0000-7000-8000-000000000001";

/// A console with the venues `demo` and `other`, and the id of the node `north` of `demo`.
async fn console() -> (Console, String) {
    prepared(Console::start().await).await
}

async fn prepared(console: Console) -> (Console, String) {
    for slug in ["demo", "other"] {
        let venue = json!({"slug": slug, "name": slug, "time_zone": "UTC"});
        console.create("/api/v1/venues", venue).await;
    }
    let node = console.create(&format!("{DEMO}/nodes"), json!({"slug": "north"})).await;
    let id = node["id"].as_str().unwrap().to_owned();
    (console, id)
}

/// A picture of `north`, taken at nine, whose original is kept until noon.
async fn picture(console: &Console, node: &str) {
    let client = console.test.database.client().await.unwrap();
    let statements = format!(
        "update venue set image_originals = '7 days';
         insert into image (id, venue, node_id, captured_at, received_at, media_type, bytes, width, height, state, original_until)
         values ('{PICTURE}', 'demo', '{node}', '2026-11-22T09:00:00Z', '2026-11-22T09:00:00Z', 'image/png', 8, 640, 480, 'ready',
                 '2026-11-22T12:00:00Z');
         insert into image_variant
         values ('{PICTURE}', 'original', 'image/png', 640, 480, 8, sha256('ORIGINAL'), 'ORIGINAL', null)"
    );
    client.batch_execute(&statements).await.unwrap();
}

/// How an administrator's question for the original is answered.
async fn seen(console: &Console) -> StatusCode {
    let path = format!("/api/v1/originals/{PICTURE}");
    let request = console.request(Method::GET, &path).bearer_auth(ADMINISTRATOR);
    request.send().await.unwrap().status()
}

async fn entries(console: &Console, action: &str) -> Vec<Value> {
    let (_, page) = console.get(&format!("/api/v1/audit?action={action}")).await;
    page["entries"].as_array().unwrap().clone()
}

#[tokio::test]
async fn settings_of_pictures_are_those_of_the_venue() {
    let (console, _) = console().await;
    let (_, venue) = console.get(DEMO).await;
    let usual = json!({"retention": "30d", "originals": "0d", "variants": ["thumbnail", "annotated", "anonymised"],
                       "classes": PEOPLE});
    assert_eq!(venue["images"], usual);
    let change = json!({"name": "Fair", "images": {"retention": "36h", "originals": "7d", "variants": ["anonymised", "thumbnail"],
                                                   "classes": ["person", "bicycle", "person"]}});
    let (status, venue) = console.admin(Method::PATCH, DEMO, Some(change)).await;
    let expected = json!({"retention": "36h", "originals": "7d", "variants": ["thumbnail", "anonymised"],
                          "classes": ["bicycle", "person"]});
    assert_eq!(
        (status, &venue["images"], &venue["name"]),
        (StatusCode::OK, &expected, &json!("Fair"))
    );
    let (_, venue) = console
        .admin(Method::PATCH, DEMO, Some(json!({"images": {"originals": "0d"}})))
        .await;
    let expected = json!({"retention": "36h", "originals": "0d", "variants": ["thumbnail", "anonymised"],
                          "classes": ["bicycle", "person"]});
    assert_eq!(venue["images"], expected);
    assert_eq!(console.get("/api/v1/venues/other").await.1["images"], usual);
    let last = &entries(&console, "venue.updated").await[0];
    assert_eq!(last["before"], json!({"image_originals": "7 days"}));
}

#[tokio::test]
async fn wrong_settings_of_pictures_are_named_and_change_nothing() {
    let (console, _) = console().await;
    let (_, before) = console.get(DEMO).await;
    for (images, pointer) in [
        (json!(7), "/images"),
        (json!({"retention": "1m"}), "/images/retention"),
        (json!({"retention": 30}), "/images/retention"),
        (json!({"originals": "forever"}), "/images/originals"),
        (json!({"variants": []}), "/images/variants"),
        (json!({"variants": ["thumbnail", "original"]}), "/images/variants/1"),
        (json!({"classes": []}), "/images/classes"),
        (json!({"classes": ["Person"]}), "/images/classes/0"),
        (json!({"keep": "1d"}), "/images/keep"),
    ] {
        let body = json!({"name": "Fair", "images": images});
        let (status, problem) = console.admin(Method::PATCH, DEMO, Some(body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{images}");
        assert_eq!(problem["violations"][0]["pointer"], pointer, "{problem}");
    }
    assert_eq!(console.get(DEMO).await.1, before);
    console.admin(Method::DELETE, DEMO, None).await;
    let change = json!({"images": {"retention": "1d"}});
    assert_eq!(
        console.admin(Method::PATCH, DEMO, Some(change)).await.0,
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn an_operator_sees_originals_and_each_view_is_written_down() {
    let (console, node) = console().await;
    picture(&console, &node).await;
    let path = format!("/api/v1/originals/{PICTURE}");
    let olga = console.signed_in("olga", &[("demo", "operator")]).await;
    for views in 1..=2 {
        let seen = olga.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(seen.status(), StatusCode::OK);
        assert_eq!(seen.headers()["content-type"], "image/png");
        assert_eq!(seen.headers()["cache-control"], "no-store");
        assert_eq!(seen.headers()["x-content-type-options"], "nosniff");
        let name = format!("attachment; filename=\"{PICTURE}.png\"");
        assert_eq!(seen.headers()["content-disposition"], name.as_str());
        assert_eq!(seen.text().await.unwrap(), "ORIGINAL");
        let noted = entries(&console, "original.viewed").await;
        assert_eq!(noted.len(), views);
        assert_eq!(
            [&noted[0]["actor"]["name"], &noted[0]["subject"], &noted[0]["venue"]],
            ["olga", PICTURE, "demo"]
        );
    }
    console.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(olga.get(&path).await.0, StatusCode::GONE, "its time is over");
    assert_eq!(entries(&console, "original.viewed").await.len(), 2);
}

#[tokio::test]
async fn an_original_in_a_directory_is_shown_and_written_down_if_it_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let store = format!("file://{}", directory.path().display());
    let (console, node) = prepared(Console::start_set(&[("--images-store", &store)]).await).await;
    picture(&console, &node).await;
    let client = console.test.database.client().await.unwrap();
    let moved = format!("update image_variant set data = null, object = 'day/picture/original', store = '{store}'");
    client.batch_execute(&moved).await.unwrap();
    let path = format!("/api/v1/originals/{PICTURE}");
    assert_eq!(console.get(&path).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(entries(&console, "original.viewed").await.is_empty(), "nobody saw it");
    let file = directory.path().join("day/picture");
    std::fs::create_dir_all(&file).unwrap();
    std::fs::write(file.join("original"), "IN A FILE").unwrap();
    let request = console.request(Method::GET, &path).bearer_auth(ADMINISTRATOR);
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "IN A FILE");
    assert_eq!(entries(&console, "original.viewed").await.len(), 1);
    let elsewhere = "update image_variant set store = 's3://bucket'";
    client.batch_execute(elsewhere).await.unwrap();
    assert_eq!(console.get(&path).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn what_the_venue_says_now_ends_originals_at_once() {
    let (console, node) = console().await;
    picture(&console, &node).await;
    assert_eq!(seen(&console).await, StatusCode::OK);
    for (images, status) in [
        (json!({"originals": "30m"}), StatusCode::GONE),
        (json!({"originals": "7d"}), StatusCode::OK),
        (json!({"retention": "1h"}), StatusCode::GONE),
        (json!({"retention": "30d", "originals": "0d"}), StatusCode::GONE),
    ] {
        console
            .admin(Method::PATCH, DEMO, Some(json!({"images": images})))
            .await;
        assert_eq!(seen(&console).await, status, "{images}");
    }
    let client = console.test.database.client().await.unwrap();
    let never = "update image set bytes = null, original_until = null";
    client.batch_execute(never).await.unwrap();
    assert_eq!(seen(&console).await, StatusCode::NOT_FOUND, "it was never kept");
}

#[tokio::test]
async fn an_operator_ends_an_original_and_the_picture_stays() {
    let (console, node) = console().await;
    picture(&console, &node).await;
    let path = format!("/api/v1/originals/{PICTURE}");
    let olga = console.signed_in("olga", &[("demo", "operator")]).await;
    let client = console.test.database.client().await.unwrap();
    // One is in an object store: its row stays until the worker has deleted it there.
    for (file, left) in [("data", 0_i64), ("object", 1)] {
        assert_eq!(seen(&console).await, StatusCode::OK);
        if file == "object" {
            let moved = "update image_variant set data = null, object = 'name', store = 's3://bucket'";
            client.batch_execute(moved).await.unwrap();
        }
        assert_eq!(
            olga.ask(Method::DELETE, &path, json!(null)).await.0,
            StatusCode::NO_CONTENT
        );
        assert_eq!(seen(&console).await, StatusCode::GONE);
        assert_eq!(olga.ask(Method::DELETE, &path, json!(null)).await.0, StatusCode::GONE);
        let rows =
            "select count(*), (select count(*) from image where state = 'ready') from image_variant where not outlived";
        let row = client.query_one(rows, &[]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (0, 1));
        let outlived = client
            .query_one("select count(*) from image_variant", &[])
            .await
            .unwrap();
        assert_eq!(outlived.get::<_, i64>(0), left);
        let noted = entries(&console, "original.deleted").await;
        assert_eq!([&noted[0]["actor"]["name"], &noted[0]["subject"]], ["olga", PICTURE]);
        assert_eq!(noted.len(), 1);
        client
            .batch_execute("delete from image; delete from audit_entry")
            .await
            .unwrap();
        picture(&console, &node).await;
    }
}

#[tokio::test]
async fn nobody_else_sees_or_ends_originals() {
    let (console, node) = console().await;
    picture(&console, &node).await;
    let path = format!("/api/v1/originals/{PICTURE}");
    let viewer = console.signed_in("vera", &[("demo", "viewer")]).await;
    let both = console
        .signed_in("bob", &[("demo", "viewer"), ("other", "operator")])
        .await;
    let elsewhere = console.signed_in("otto", &[("other", "operator")]).await;
    for (browser, status) in [(viewer, 403), (both, 403), (elsewhere, 404)] {
        assert_eq!(browser.get(&path).await.0.as_u16(), status, "{}", browser.session);
        let (code, _) = browser.ask(Method::DELETE, &path, json!(null)).await;
        assert_eq!(code.as_u16(), status, "{}", browser.session);
    }
    let token = console
        .create("/api/v1/viewer-tokens", json!({"venues": ["demo"]}))
        .await;
    let request = console
        .request(Method::GET, &path)
        .bearer_auth(token["token"].as_str().unwrap());
    assert_eq!(answer(request).await.0, StatusCode::FORBIDDEN);
    for unknown in ["7", "0197a1f0-0000-7000-8000-000000000009"] {
        let (status, _) = console.get(&format!("/api/v1/originals/{unknown}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{unknown}");
    }
    assert!(entries(&console, "original.viewed").await.is_empty());
}

#[tokio::test]
async fn an_operator_gets_a_token_to_send_pictures() {
    let (console, node) = console().await;
    let path = format!("/api/v1/nodes/{node}/upload-tokens");
    let olga = console.signed_in("olga", &[("demo", "operator")]).await;
    let (status, issued) = answer(olga.request(Method::POST, &path)).await;
    assert_eq!(status, StatusCode::CREATED, "{issued}");
    let now = Clock::Manual(console.clock.clone()).now();
    let token = UploadTokens::new(&VIEWER_SECRET.into()).verify(issued["token"].as_str().unwrap(), now);
    let token = token.unwrap();
    assert_eq!(
        [
            token.node.id.to_string(),
            token.node.venue.to_string(),
            token.node.node.to_string()
        ],
        [node.clone(), "demo".to_owned(), "north".to_owned()]
    );
    let expires_at: Timestamp = issued["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        (expires_at, token.expires_at),
        (now + SignedDuration::from_mins(15), expires_at)
    );
    let noted = &entries(&console, "upload-token.created").await[0];
    assert_eq!([&noted["actor"]["name"], &noted["subject"]], ["olga", "demo/north"]);
    assert_eq!(noted["after"], json!({"expires_at": issued["expires_at"]}));

    let viewer = console.signed_in("vera", &[("demo", "viewer")]).await;
    assert_eq!(
        answer(viewer.request(Method::POST, &path)).await.0,
        StatusCode::FORBIDDEN
    );
    let elsewhere = console.signed_in("otto", &[("other", "operator")]).await;
    assert_eq!(
        answer(elsewhere.request(Method::POST, &path)).await.0,
        StatusCode::NOT_FOUND
    );
    let forged = olga.cookie_alone(Method::POST, &path);
    assert_eq!(
        answer(forged).await.0,
        StatusCode::FORBIDDEN,
        "another page may have made the browser ask"
    );
    console
        .admin(Method::DELETE, &format!("/api/v1/nodes/{node}"), None)
        .await;
    let retired = console.request(Method::POST, &path).bearer_auth(ADMINISTRATOR);
    assert_eq!(answer(retired).await.0, StatusCode::CONFLICT);
}
