//! Every route × every role: who may what, written out.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    browser::{PASSWORD, as_sent},
    console::{Console, answer},
};

/// Who asks, from the least to the most: nobody with a role; viewer, operator and admin of the venue; the same of all
/// venues; an admin of another venue.
const WHO: [(&str, &[(&str, &str)]); 8] = [
    ("nobody", &[]),
    ("viewer", &[("demo", "viewer")]),
    ("operator", &[("demo", "operator")]),
    ("admin", &[("demo", "admin")]),
    ("viewer-of-all", &[("*", "viewer")]),
    ("operator-of-all", &[("*", "operator")]),
    ("admin-of-all", &[("*", "admin")]),
    ("admin-elsewhere", &[("hall", "admin")]),
];

/// What each of them, in this order, is answered: `+` it is done, `-` 403, `0` 404 (what may not be seen is not there).
type Row = (Method, &'static str, Value, &'static str);

fn table() -> Vec<Row> {
    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    let new = |slug: &str| json!({"slug": slug, "name": slug, "time_zone": "UTC"});
    let none = || Value::Null;
    let grant = json!({"roles": as_sent(&[("demo", "viewer")])});
    let new_user = json!({"name": "NEW", "password": PASSWORD, "roles": []});
    let demo = json!({"venues": ["demo"]});
    let every = json!({"venues": ["demo", "hall"]});
    vec![
        (get.clone(), "/api/v1/session", none(), "++++++++"),
        (get.clone(), "/api/v1/venues", none(), "++++++++"),
        (get.clone(), "/api/v1/venues/demo", none(), "-++++++-"),
        (get.clone(), "/api/v1/venues/demo/cameras", none(), "-++++++-"),
        (get.clone(), "/api/v1/venues/nowhere", none(), "----000-"),
        (get.clone(), "/api/v1/venues/demo/nodes", none(), "--++-++-"),
        (get.clone(), "/api/v1/nodes/NODE", none(), "--++-++0"),
        (get.clone(), "/api/v1/nodes/NODE/keys", none(), "--++-++0"),
        (get.clone(), "/api/v1/nodes/NODE/ledger", none(), "--++-++0"),
        (
            post.clone(),
            "/api/v1/venues/demo/nodes",
            json!({"slug": "NEW"}),
            "--++-++-",
        ),
        (post.clone(), "/api/v1/nodes/NODE/keys", json!({}), "--++-++0"),
        (delete.clone(), "/api/v1/nodes/NODE/keys/KEY", none(), "--++-++0"),
        (
            patch.clone(),
            "/api/v1/venues/demo/cameras/CAMERA",
            json!({"title": "x"}),
            "--++-++-",
        ),
        (post.clone(), "/api/v1/viewer-tokens", demo, "--++-++-"),
        (post.clone(), "/api/v1/viewer-tokens", every, "-----++-"),
        (patch.clone(), "/api/v1/nodes/NODE", json!({"name": "x"}), "---+--+0"),
        (patch.clone(), "/api/v1/venues/demo", json!({"name": "x"}), "---+--+-"),
        (get.clone(), "/api/v1/users", none(), "---+--++"),
        (get.clone(), "/api/v1/users/USER", none(), "---+--++"),
        (patch.clone(), "/api/v1/users/USER", grant, "---+--+-"),
        (
            patch.clone(),
            "/api/v1/users/USER",
            json!({"display_name": "x"}),
            "------+-",
        ),
        (
            patch.clone(),
            "/api/v1/users/USER",
            json!({"disabled": false}),
            "------+-",
        ),
        (post.clone(), "/api/v1/users", new_user, "------+-"),
        (post.clone(), "/api/v1/venues", new("NEW"), "------+-"),
        (get, "/api/v1/audit?venue=demo", none(), "---+--+-"),
        (
            patch.clone(),
            "/api/v1/users/USER",
            json!({"disabled": true}),
            "------+-",
        ),
        (delete.clone(), "/api/v1/nodes/NODE", none(), "---+--+0"),
        // At the end, as nothing can be changed in it afterwards.
        (delete, "/api/v1/venues/demo", none(), "---+--+-"),
    ]
}

/// The venue `demo` with everything in it that the table names; the names and what stands for them.
async fn fill(console: &Console) -> Vec<(&'static str, String)> {
    for slug in ["demo", "hall"] {
        let venue = json!({"slug": slug, "name": slug, "time_zone": "UTC"});
        console.create("/api/v1/venues", venue).await;
    }
    let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let node = text(
        &console
            .create("/api/v1/venues/demo/nodes", json!({"slug": "north"}))
            .await,
    );
    let key = text(&console.create(&format!("/api/v1/nodes/{node}/keys"), json!({})).await);
    let user = text(&console.user("somebody", &[]).await);
    let client = console.test.database.client().await.unwrap();
    let camera = "insert into camera (node_id, name) select id, 'door' from node returning id";
    let camera: i32 = client.query_one(camera, &[]).await.unwrap().get(0);
    vec![
        ("NODE", node),
        ("KEY", key),
        ("USER", user),
        ("CAMERA", camera.to_string()),
    ]
}

fn expected(letter: char) -> &'static [StatusCode] {
    match letter {
        '+' => &[StatusCode::OK, StatusCode::CREATED, StatusCode::NO_CONTENT],
        '-' => &[StatusCode::FORBIDDEN],
        '0' => &[StatusCode::NOT_FOUND],
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn every_role_may_what_the_table_says() {
    let console = Console::start().await;
    let names = fill(&console).await;
    let mut browsers = Vec::new();
    for (name, roles) in WHO {
        browsers.push(console.signed_in(name, roles).await);
    }
    let mut wrong = Vec::new();
    for (method, path, body, row) in table() {
        for (place, (browser, letter)) in browsers.iter().zip(row.chars()).enumerate() {
            let fill_in = |text: &str| {
                let text = names
                    .iter()
                    .fold(text.to_owned(), |text, (name, id)| text.replace(name, id));
                text.replace("NEW", &format!("new-{place}"))
            };
            let mut request = browser.request(method.clone(), &fill_in(path));
            if !body.is_null() {
                let body: Value = serde_json::from_str(&fill_in(&body.to_string())).unwrap();
                request = request.json(&body);
            }
            let (status, problem) = answer(request).await;
            if !expected(letter).contains(&status) {
                wrong.push(format!(
                    "{} {method} {path} {body}: {status}, not {letter} {problem}",
                    WHO[place].0
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
