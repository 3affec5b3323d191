//! The life of venues, nodes, keys, cameras and tokens.

use citytrack_access::{NodeKey, TokenError, ViewerTokens};
use citytrack_domain::{Clock, Slug};
use citytrack_storage::keys;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode, header::LOCATION};
use serde_json::{Value, json};

use crate::console::{ADMINISTRATOR, Console, PEOPLE, VIEWER_SECRET};

#[tokio::test]
async fn a_venue_from_its_creation_to_its_end() {
    let console = Console::start().await;
    let answer = console
        .request(Method::POST, "/api/v1/venues")
        .bearer_auth(ADMINISTRATOR)
        .json(&json!({"slug": "demo", "name": "Old Town", "time_zone": "Europe/Berlin"}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.headers()[LOCATION], "/api/v1/venues/demo");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let venue: Value = answer.json().await.unwrap();
    assert_eq!(
        venue,
        json!({"slug": "demo", "name": "Old Town", "time_zone": "Europe/Berlin",
               "created_at": venue["created_at"], "retired_at": null,
               "images": {"retention": "30d", "originals": "0d", "variants": ["thumbnail", "annotated", "anonymised"],
                          "classes": PEOPLE}})
    );
    venue["created_at"].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!(
        console.get("/api/v1/venues").await,
        (StatusCode::OK, json!({"venues": [venue]}))
    );
    assert_eq!(console.get("/api/v1/venues/demo").await, (StatusCode::OK, venue));

    let change = json!({"name": "New Town", "time_zone": "Pacific/Auckland"});
    let (status, changed) = console.admin(Method::PATCH, "/api/v1/venues/demo", Some(change)).await;
    assert_eq!(
        (status, &changed["name"], &changed["time_zone"]),
        (StatusCode::OK, &json!("New Town"), &json!("Pacific/Auckland"))
    );
    let (status, unchanged) = console
        .admin(Method::PATCH, "/api/v1/venues/demo", Some(json!({})))
        .await;
    assert_eq!((status, unchanged), (StatusCode::OK, changed));

    for _ in 0..2 {
        let retired = console.admin(Method::DELETE, "/api/v1/venues/demo", None).await;
        assert_eq!(retired, (StatusCode::NO_CONTENT, Value::Null));
    }
    assert_eq!(console.get("/api/v1/venues").await.1, json!({"venues": []}));
    let all = console.get("/api/v1/venues?retired=true").await.1;
    assert_eq!(all["venues"][0]["slug"], "demo");
    assert!(all["venues"][0]["retired_at"].is_string());
    assert!(console.get("/api/v1/venues/demo").await.1["retired_at"].is_string());
}

#[tokio::test]
async fn a_node_and_its_keys_from_creation_to_end() {
    let console = Console::start().await;
    console
        .create(
            "/api/v1/venues",
            json!({"slug": "demo", "name": "Demo", "time_zone": "UTC"}),
        )
        .await;
    let node = console
        .create("/api/v1/venues/demo/nodes", json!({"slug": "north"}))
        .await;
    assert_eq!(
        node,
        json!({"id": node["id"], "venue": "demo", "slug": "north", "name": "north",
               "created_at": node["created_at"], "retired_at": null})
    );
    let path = format!("/api/v1/nodes/{}", node["id"].as_str().unwrap());
    assert_eq!(console.get(&path).await, (StatusCode::OK, node.clone()));
    assert_eq!(
        console.get("/api/v1/venues/demo/nodes").await,
        (StatusCode::OK, json!({"nodes": [node]}))
    );
    let (_, renamed) = console
        .admin(Method::PATCH, &path, Some(json!({"name": "Gate 7"})))
        .await;
    assert_eq!(renamed["name"], "Gate 7");

    let keys = format!("{path}/keys");
    let mut key = console.create(&keys, json!({"label": "first"})).await;
    let secret = key.as_object_mut().unwrap().remove("key").unwrap();
    let secret = NodeKey::parse(secret.as_str().unwrap()).unwrap();
    assert_eq!(
        key,
        json!({"id": key["id"], "node": node["id"], "prefix": secret.prefix(), "label": "first",
               "created_at": key["created_at"], "revoked_at": null})
    );
    assert_eq!(
        console.get(&keys).await,
        (StatusCode::OK, json!({"keys": [key]})),
        "the key is not shown again"
    );
    let unnamed = console.create(&keys, json!({})).await;
    assert_eq!(unnamed["label"], Value::Null);

    let usable = async || {
        let snapshot = keys::snapshot(&console.test.database).await.unwrap();
        snapshot
            .keys
            .into_iter()
            .find(|(hash, _)| *hash == secret.hash())
            .map(|(_, identity)| identity)
    };
    assert_eq!(usable().await.unwrap().node.as_str(), "north");
    let first = format!("{keys}/{}", key["id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(
            console.admin(Method::DELETE, &first, None).await.0,
            StatusCode::NO_CONTENT
        );
    }
    assert!(usable().await.is_none());
    assert!(console.get(&keys).await.1["keys"][0]["revoked_at"].is_string());

    assert_eq!(
        console.admin(Method::DELETE, &path, None).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(console.get("/api/v1/venues/demo/nodes").await.1, json!({"nodes": []}));
    assert!(keys::snapshot(&console.test.database).await.unwrap().keys.is_empty());
    let (status, refused) = console.admin(Method::POST, &keys, Some(json!({}))).await;
    assert_eq!(
        (status, &refused["detail"]),
        (StatusCode::CONFLICT, &json!("the node north is retired"))
    );
}

#[tokio::test]
async fn cameras_are_listed_and_renamed() {
    let console = Console::start().await;
    console
        .create(
            "/api/v1/venues",
            json!({"slug": "demo", "name": "Demo", "time_zone": "UTC"}),
        )
        .await;
    let node = console
        .create("/api/v1/venues/demo/nodes", json!({"slug": "north"}))
        .await;
    assert_eq!(
        console.get("/api/v1/venues/demo/cameras").await,
        (StatusCode::OK, json!({"cameras": []}))
    );
    let client = console.test.database.client().await.unwrap();
    client
        .execute("insert into camera (node_id, name) select id, 'door' from node", &[])
        .await
        .unwrap();
    drop(client);

    let (_, listed) = console.get("/api/v1/venues/demo/cameras").await;
    let camera = &listed["cameras"][0];
    assert_eq!(
        *camera,
        json!({"id": camera["id"], "node": node["id"], "node_slug": "north", "name": "door", "title": null,
               "first_seen_at": camera["first_seen_at"]})
    );
    let path = format!("/api/v1/venues/demo/cameras/{}", camera["id"]);
    for title in [json!("Front door"), Value::Null] {
        let (status, renamed) = console.admin(Method::PATCH, &path, Some(json!({"title": title}))).await;
        assert_eq!((status, &renamed["title"]), (StatusCode::OK, &title));
    }
}

#[tokio::test]
async fn a_viewer_token_opens_its_venues_until_it_expires() {
    let console = Console::start().await;
    for slug in ["demo", "other"] {
        console
            .create(
                "/api/v1/venues",
                json!({"slug": slug, "name": slug, "time_zone": "UTC"}),
            )
            .await;
    }
    let issued = console
        .create(
            "/api/v1/viewer-tokens",
            json!({"venues": ["demo", "demo"], "ttl": "90m"}),
        )
        .await;
    assert_eq!(
        (&issued["venues"], &issued["expires_at"]),
        (&json!(["demo"]), &json!("2026-11-22T11:30:00Z"))
    );
    let token = issued["token"].as_str().unwrap();
    let viewer = |path: &str| crate::console::answer(console.request(Method::GET, path).bearer_auth(token));

    let (status, venues) = viewer("/api/v1/venues").await;
    assert_eq!(
        (status, venues["venues"].as_array().unwrap().len()),
        (StatusCode::OK, 1)
    );
    assert_eq!(venues["venues"][0]["slug"], "demo");
    assert_eq!(viewer("/api/v1/venues/demo").await.0, StatusCode::OK);
    assert_eq!(viewer("/api/v1/venues/demo/cameras").await.0, StatusCode::OK);
    for forbidden in [
        "/api/v1/venues/other",
        "/api/v1/venues/other/cameras",
        "/api/v1/venues/nowhere",
        "/api/v1/venues/demo/nodes",
    ] {
        assert_eq!(viewer(forbidden).await.0, StatusCode::FORBIDDEN, "{forbidden}");
    }

    let tokens = ViewerTokens::new(&VIEWER_SECRET.into());
    let clock = Clock::Manual(console.clock.clone());
    assert!(
        tokens
            .verify(token, clock.now())
            .unwrap()
            .allows(&Slug::new("demo").unwrap())
    );
    console.clock.advance(SignedDuration::from_mins(90));
    assert_eq!(tokens.verify(token, clock.now()), Err(TokenError::Expired));
    let (status, refused) = viewer("/api/v1/venues").await;
    assert_eq!(
        (status, &refused["detail"]),
        (StatusCode::UNAUTHORIZED, &json!("the viewer token has expired"))
    );

    let standard = console
        .create("/api/v1/viewer-tokens", json!({"venues": ["other", "demo"]}))
        .await;
    assert_eq!(
        standard["expires_at"], "2026-11-22T19:30:00Z",
        "8 hours unless asked otherwise"
    );
}

#[tokio::test]
async fn a_viewer_token_may_show_only_some_cameras() {
    let console = Console::start().await;
    for slug in ["demo", "other"] {
        let venue = json!({"slug": slug, "name": slug, "time_zone": "UTC"});
        console.create("/api/v1/venues", venue).await;
        for node in ["north", "south"] {
            let nodes = format!("/api/v1/venues/{slug}/nodes");
            console.create(&nodes, json!({"slug": node})).await;
        }
    }
    let client = console.test.database.client().await.unwrap();
    let cameras =
        "insert into camera (node_id, name) select node.id, given from node, unnest('{door,hall}'::text[]) as given";
    client.execute(cameras, &[]).await.unwrap();
    drop(client);

    let asked = json!({"venues": ["demo", "other"], "cameras": {"demo": ["south/hall", "door", "door", "north/new"]}});
    let issued = console.create("/api/v1/viewer-tokens", asked).await;
    assert_eq!(
        issued["cameras"],
        json!({"demo": ["door", "south/hall", "north/new"]}),
        "each once, also one that was not seen yet"
    );
    let token = issued["token"].as_str().unwrap();
    let seen = async |token: &str, venue: &str| {
        let request = console.request(Method::GET, &format!("/api/v1/venues/{venue}/cameras"));
        let (status, listed) = crate::console::answer(request.bearer_auth(token)).await;
        assert_eq!(status, StatusCode::OK);
        let cameras = listed["cameras"].as_array().unwrap().iter();
        let text = |camera: &Value, member: &str| camera[member].as_str().unwrap().to_owned();
        cameras
            .map(|camera| format!("{}/{}", text(camera, "node_slug"), text(camera, "name")))
            .collect::<Vec<_>>()
    };
    let all = ["north/door", "north/hall", "south/door", "south/hall"];
    assert_eq!(seen(token, "demo").await, ["north/door", "south/door", "south/hall"]);
    assert_eq!(seen(token, "other").await, all);
    assert_eq!(seen(crate::console::ADMINISTRATOR, "demo").await, all);

    let unlimited = console
        .create("/api/v1/viewer-tokens", json!({"venues": ["demo"]}))
        .await;
    assert_eq!(unlimited.get("cameras"), None);
    assert_eq!(seen(unlimited["token"].as_str().unwrap(), "demo").await, all);
}
