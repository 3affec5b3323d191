//! Pictures: shown, told about, listed, and to whom.

use citytrack_access::CameraLimits;
use citytrack_domain::Slug;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use crate::stats::{Stats, json};

const IMAGES: &str = "/api/v1/venues/demo/images";
const BOXES: &str = r#"[{"class": "person", "confidence": 0.75, "box": [0.125, 0.25, 0.5, 0.5]}]"#;

fn id(number: u8) -> String {
    format!("0197a1f0-0000-7000-8000-0000000000{number:02}")
}

/// A picture that came at ten minutes past the hour of noon plus `minute`; `fields` are SQL: camera, boxes, state.
async fn insert(stats: &Stats, number: u8, minute: u8, [camera, boxes, progress]: [&str; 3]) {
    let node = stats.north().await.id;
    let id = id(number);
    let statement = format!(
        "insert into image (id, venue, node_id, camera, captured_at, received_at, frame, media_type, bytes, width, height,
                            boxes, boxes_from, state, transformed_at)
         values ('{id}', 'demo', '{node}', {camera}, '2026-11-22T11:{minute}:00Z', '2026-11-22T11:{minute}:01Z', 7, 'image/png', 8,
                 640, 480, {boxes}, 'upload', '{progress}', '2026-11-22T11:{minute}:02Z')"
    );
    batch(stats, &statement).await;
}

/// A picture that can be seen, with two variants and its original.
async fn ready(stats: &Stats, number: u8, minute: u8, camera: &str) -> String {
    let boxes = format!("'{BOXES}'");
    insert(stats, number, minute, [camera, &boxes, "ready"]).await;
    let id = id(number);
    for (variant, bytes) in [
        ("anonymised", "0123456789"),
        ("thumbnail", "thumb"),
        ("original", "ORIGINAL"),
    ] {
        let statement = format!(
            "insert into image_variant values ('{id}', '{variant}', 'image/jpeg', 640, 480, length('{bytes}'), sha256('{bytes}'),
                                               '{bytes}', null)"
        );
        batch(stats, &statement).await;
    }
    id
}

async fn batch(stats: &Stats, statement: &str) {
    let client = stats.test.database.client().await.unwrap();
    client.batch_execute(statement).await.unwrap();
}

fn asked(stats: &Stats, path: &str) -> RequestBuilder {
    stats.request(path).bearer_auth(stats.token(&["demo"]))
}

async fn image(stats: &Stats, id: &str, query: &str) -> Response {
    let path = format!("/api/v1/images/{id}{query}");
    asked(stats, &path).send().await.unwrap()
}

async fn problem(stats: &Stats, id: &str, query: &str) -> (u16, String) {
    let answer = image(stats, id, query).await;
    let code = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let kind = body["type"].as_str().unwrap_or_default().replace("/problems/", "");
    (code, kind)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_picture_is_shown_and_may_be_kept() {
    let stats = Stats::start("UTC").await;
    let id = ready(&stats, 1, 10, "'door'").await;
    let answer = image(&stats, &id, "").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let headers = answer.headers().clone();
    for (name, value) in [
        ("content-type", "image/jpeg"),
        ("content-length", "10"),
        ("accept-ranges", "bytes"),
        ("cache-control", "private, max-age=86400, immutable"),
        ("last-modified", "Sun, 22 Nov 2026 11:10:02 GMT"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(header(&headers, name), value, "{name}");
    }
    assert_eq!(answer.text().await.unwrap(), "0123456789");
    let path = format!("/api/v1/images/{id}");
    let again = asked(&stats, &path).header("if-none-match", header(&headers, "etag"));
    assert_eq!(again.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
    let part = asked(&stats, &path).header("range", "bytes=2-4").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(part.headers(), "content-range"), "bytes 2-4/10");
    assert_eq!(part.text().await.unwrap(), "234");
    let beyond = asked(&stats, &path).header("range", "bytes=10-").send().await.unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let head = asked(&stats, &path).build().unwrap();
    let mut head = reqwest::Request::new(Method::HEAD, head.url().clone());
    head.headers_mut().insert(
        "authorization",
        format!("Bearer {}", stats.token(&["demo"])).parse().unwrap(),
    );
    let head = reqwest::Client::new().execute(head).await.unwrap();
    assert_eq!(
        (head.status(), header(head.headers(), "content-length")),
        (StatusCode::OK, "10")
    );
    let thumbnail = image(&stats, &id, "?variant=thumbnail").await;
    assert_ne!(header(thumbnail.headers(), "etag"), header(&headers, "etag"));
    assert_eq!(thumbnail.text().await.unwrap(), "thumb");
}

#[tokio::test]
async fn what_cannot_be_shown_is_told_why() {
    let stats = Stats::start("UTC").await;
    let shown = ready(&stats, 1, 10, "null").await;
    let is = |code, kind: &str| (code, kind.to_owned());
    assert_eq!(
        problem(&stats, &shown, "?variant=annotated").await,
        is(404, "no-such-variant")
    );
    assert_eq!(problem(&stats, &shown, "?variant=original").await, is(403, "forbidden"));
    for wrong in ["?variant=preview", "?variant=thumbnail&variant=annotated", "?size=7"] {
        assert_eq!(
            problem(&stats, &shown, wrong).await,
            is(400, "invalid-query"),
            "{wrong}"
        );
    }
    for unknown in [id(99).as_str(), "7", "8ed9e6a2-7f0f-4b3a-9d55-2d6e8c4b1a77"] {
        assert_eq!(problem(&stats, unknown, "").await, is(404, "not-found"), "{unknown}");
    }
    for (number, state) in [(2, "received"), (3, "failed"), (4, "expired")] {
        insert(&stats, number, 20, ["null", "null", state]).await;
    }
    batch(
        &stats,
        "update image set reason = 'bad-bytes', detail = 'It breaks off.' where state = 'failed'",
    )
    .await;
    let waiting = image(&stats, &id(2), "").await;
    assert_eq!(
        (waiting.status(), header(waiting.headers(), "retry-after")),
        (StatusCode::ACCEPTED, "1")
    );
    assert_eq!(
        waiting.json::<Value>().await.unwrap(),
        json!({"id": id(2), "status": "received"})
    );
    let failed: Value = image(&stats, &id(3), "").await.json().await.unwrap();
    assert_eq!(
        failed,
        json!({"type": "/problems/picture-failed", "title": "The picture could not be transformed", "status": 422,
               "detail": "It breaks off.", "reason": "bad-bytes"})
    );
    assert_eq!(problem(&stats, &id(4), "").await, is(410, "gone"));
}

#[tokio::test]
async fn a_picture_is_gone_when_its_time_is_over_whoever_has_deleted_it_yet() {
    let stats = Stats::start("UTC").await;
    let id = ready(&stats, 1, 10, "null").await;
    batch(&stats, "update venue set image_retention = '1 hour'").await;
    // It came at 11:10:01, and it is half a minute past noon.
    let answer = image(&stats, &id, "").await;
    assert_eq!(
        header(answer.headers(), "cache-control"),
        "private, max-age=571, immutable"
    );
    let person = format!("{IMAGES}?class=person");
    assert_eq!(json(asked(&stats, &person)).await.1["images"][0]["state"], "ready");
    stats.clock.advance(jiff::SignedDuration::from_secs(571));
    assert_eq!(problem(&stats, &id, "").await, (410, "gone".to_owned()));
    let (_, told) = json(asked(&stats, &format!("/api/v1/images/{id}/details"))).await;
    let what = [&told["state"], &told["boxes"], &told["variants"]];
    assert_eq!(what, [&json!("expired"), &Value::Null, &json!([])]);
    assert_eq!(json(asked(&stats, IMAGES)).await.1["images"], json!([told]));
    for (query, found) in [
        ("?state=expired", json!([told])),
        ("?state=ready", json!([])),
        ("?class=person", json!([])),
    ] {
        assert_eq!(
            json(asked(&stats, &format!("{IMAGES}{query}"))).await.1["images"],
            found,
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_picture_in_a_directory_is_shown_like_any_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = format!("file://{}", directory.path().display());
    let stats = Stats::start_with("UTC", &[("--images-store", &store)]).await;
    let id = ready(&stats, 1, 10, "null").await;
    let file = directory.path().join("2026-11-22").join(&id);
    std::fs::create_dir_all(&file).unwrap();
    std::fs::write(file.join("anonymised"), "in a file!").unwrap();
    let moved = format!(
        "update image_variant set data = null, object = '2026-11-22/{id}/' || variant, store = '{store}'
         where variant in ('anonymised', 'annotated')"
    );
    batch(&stats, &moved).await;
    let whole = image(&stats, &id, "").await;
    let tag = header(whole.headers(), "etag").to_owned();
    assert_eq!(whole.text().await.unwrap(), "in a file!");
    let path = format!("/api/v1/images/{id}");
    let part = asked(&stats, &path).header("range", "bytes=5-").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.text().await.unwrap(), "file!");
    let thumbnail = image(&stats, &id, "?variant=thumbnail").await;
    assert_eq!(
        thumbnail.text().await.unwrap(),
        "thumb",
        "older ones stay in the database"
    );
    std::fs::remove_file(file.join("anonymised")).unwrap();
    assert_eq!(problem(&stats, &id, "").await.0, 500, "what should be there is lost");
    let (known, beyond) = (("if-none-match", tag.as_str()), ("range", "bytes=10-"));
    for (method, (name, value), status) in [
        (Method::GET, known, StatusCode::NOT_MODIFIED),
        (Method::GET, beyond, StatusCode::RANGE_NOT_SATISFIABLE),
        (Method::HEAD, ("accept", "*/*"), StatusCode::OK),
    ] {
        let mut request = asked(&stats, &path).header(name, value).build().unwrap();
        *request.method_mut() = method;
        let answer = reqwest::Client::new().execute(request).await.unwrap();
        assert_eq!(answer.status(), status, "needs no file: {name}");
    }
    std::fs::remove_dir(&file).unwrap();
    std::fs::write(&file, "no directory").unwrap();
    assert_eq!(problem(&stats, &id, "").await, (503, "unavailable".to_owned()));
    batch(
        &stats,
        "update image_variant set store = 's3://elsewhere' where data is null",
    )
    .await;
    assert_eq!(problem(&stats, &id, "").await, (503, "unavailable".to_owned()));
}

#[tokio::test]
async fn details_tell_all_that_is_known() {
    let stats = Stats::start("UTC").await;
    let id = ready(&stats, 1, 10, "'door'").await;
    let path = format!("/api/v1/images/{id}/details");
    let variant = |name: &str, bytes: u8, media_type: &str| json!({"variant": name, "media_type": media_type, "width": 640, "height": 480, "bytes": bytes});
    let mut expected = json!({
        "id": id, "venue": "demo", "node": "north", "camera": "door",
        "captured_at": "2026-11-22T11:10:00Z", "received_at": "2026-11-22T11:10:01Z",
        "transformed_at": "2026-11-22T11:10:02Z", "saved_at": null, "kept_until": "2026-12-22T11:10:01Z",
        "frame": 7, "width": 640, "height": 480,
        "boxes": [{"class": "person", "confidence": 0.75, "box": [0.125, 0.25, 0.5, 0.5]}], "boxes_from": "upload",
        "state": "ready", "reason": null, "detail": null,
        "variants": [variant("anonymised", 10, "image/jpeg"), variant("thumbnail", 5, "image/jpeg")],
    });
    let (code, told) = json(asked(&stats, &path)).await;
    assert_eq!((code, &told), (StatusCode::OK, &expected));
    let (_, page) = json(asked(&stats, IMAGES)).await;
    assert_eq!(page, json!({"images": [told], "next": null}));
    // That there is an original may be told; what is on it, not.
    let kept = "update venue set image_originals = '2 days'; update image set original_until = '2026-11-23T00:00:00Z', bytes = 8";
    batch(&stats, kept).await;
    let original = variant("original", 8, "image/png");
    expected["variants"].as_array_mut().unwrap().insert(1, original);
    assert_eq!(json(asked(&stats, &path)).await.1, expected);
}

async fn listed(stats: &Stats, query: &str) -> (Vec<u8>, Value) {
    let (code, page) = json(asked(stats, &format!("{IMAGES}{query}"))).await;
    assert_eq!(code, StatusCode::OK, "{query}: {page}");
    (numbers(&page), page["next"].clone())
}

fn numbers(page: &Value) -> Vec<u8> {
    let images = page["images"].as_array().unwrap();
    let number = |image: &Value| {
        image["id"]
            .as_str()
            .unwrap()
            .rsplit('0')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    images.iter().map(number).collect()
}

#[tokio::test]
async fn lists_are_filtered_and_go_on() {
    let stats = Stats::start("Europe/Berlin").await;
    let person = format!("'{BOXES}'");
    let car = person.replace("person", "car");
    for (number, minute, fields) in [
        (1, 10, ["'door'", person.as_str(), "ready"]),
        (2, 20, ["'hall'", &car, "ready"]),
        // At the same time: then by id.
        (3, 20, ["null", "null", "failed"]),
        (4, 30, ["'door'", "'[]'", "received"]),
    ] {
        insert(&stats, number, minute, fields).await;
    }
    for (query, expected) in [
        ("", vec![4, 3, 2, 1]),
        ("?camera=door", vec![4, 1]),
        ("?camera=north%2Fhall,south%2Fdoor", vec![2]),
        ("?class=person,car", vec![2, 1]),
        ("?class=dog", vec![]),
        ("?state=received&state=failed", vec![4, 3]),
        ("?from=2026-11-22T12:20&to=2026-11-22T12:30", vec![3, 2]),
        ("?to=2026-11-22T11:20:00Z", vec![1]),
    ] {
        assert_eq!(listed(&stats, query).await, (expected, Value::Null), "{query}");
    }
    let mut seen = Vec::new();
    let mut query = "?limit=1".to_owned();
    loop {
        let (page, next) = listed(&stats, &query).await;
        seen.extend(page);
        let Some(next) = next.as_str() else { break };
        query = format!("?limit=1&before={next}");
    }
    assert_eq!(seen, [4, 3, 2, 1]);
    for wrong in [
        "?limit=0",
        "?limit=201",
        "?state=lost",
        "?before=7",
        "?class=A",
        "?camera=",
        "?from=then",
        "?venue=demo",
    ] {
        let (code, problem) = json(asked(&stats, &format!("{IMAGES}{wrong}"))).await;
        let kind = &problem["type"];
        assert_eq!(
            (code, kind),
            (StatusCode::BAD_REQUEST, &json!("/problems/invalid-query")),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn pictures_that_may_not_be_seen_are_not_there() {
    let stats = Stats::start("UTC").await;
    stats.make_venue("other").await;
    for (number, camera) in [(1, "'door'"), (2, "'hall'"), (3, "null")] {
        ready(&stats, number, 10, camera).await;
    }
    let demo = Slug::new("demo").unwrap();
    let limits = CameraLimits::from([(demo, vec!["north/door".parse().unwrap()])]);
    let limited = stats.limited_token(&["demo"], &limits);
    let elsewhere = stats.token(&["other"]);
    for (token, number, code) in [
        (&limited, 1, 200),
        (&limited, 2, 404),
        (&limited, 3, 404),
        (&elsewhere, 1, 404),
    ] {
        for path in ["", "/details"] {
            let request = stats.request(&format!("/api/v1/images/{}{path}", id(number)));
            let answer = request.bearer_auth(token).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), code, "{number} {path}");
        }
    }
    let (_, page) = json(stats.request(IMAGES).bearer_auth(&limited)).await;
    assert_eq!(numbers(&page), [1]);
    let (code, _) = json(stats.request(IMAGES).bearer_auth(&elsewhere)).await;
    assert_eq!(code, StatusCode::FORBIDDEN);
    for path in [IMAGES.to_owned(), format!("/api/v1/images/{}", id(1))] {
        assert_eq!(json(stats.request(&path)).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
}
